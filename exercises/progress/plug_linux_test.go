package progress_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"workbench/exercises"
	"workbench/exercises/grade"
	"workbench/exercises/plug"
	"workbench/exercises/progress"
	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
	"workbench/lab"
)

const (
	self  = "sandbox-init"
	plugs = "plugs" // has this test binary plug an answer in, say so and wait to be killed
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case self:
			fmt.Fprintln(os.Stderr, sandbox.Init(os.Args[2:]))
			os.Exit(1)
		case plugs:
			fmt.Println("plugged in:", plugIn(context.Background(), os.Args[2]))
			select {}
		}
	}
	os.Exit(m.Run())
}

// slots is a lab of paper.
type slots struct {
	mu      sync.Mutex
	in      map[string]string // guarded by mu; exercises by pattern
	remarks map[string]string // guarded by mu; the latest, by pattern
}

func (s *slots) Plug(pattern string, a lab.Solution) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in[pattern] = a.Name()
	return nil
}

func (s *slots) Unplug(pattern string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.in, pattern)
	return nil
}

func (s *slots) Plugged(pattern string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in[pattern]
}

func (s *slots) Remark(pattern, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remarks[pattern] = text
}

// workshop is a desk over a file in a directory.
type workshop struct {
	all  *shelf.Shelf
	file *progress.Progress
	desk *plug.Desk
	lab  *slots
}

func openWorkshop(ctx context.Context, dir string) (w workshop, err error) {
	box := sandbox.New(ctx, self)
	if err := box.Report().Require(sandbox.Full); err != nil {
		return w, err
	}
	g, err := grade.New(ctx, box)
	if err != nil {
		return w, err
	}
	if w.all, err = shelf.Open(exercises.Files); err != nil {
		return w, err
	}
	if w.file, err = progress.Open(ctx, filepath.Join(dir, "progress.db")); err != nil {
		return w, err
	}
	programs, err := os.MkdirTemp(dir, "programs-")
	if err != nil {
		return w, errors.Join(err, w.file.Close())
	}
	w.lab = &slots{in: map[string]string{}, remarks: map[string]string{}}
	w.desk = plug.NewDesk(plug.Config{
		Lab: w.lab, Grader: g, Box: box, Dir: programs, Guard: plug.Usual(time.Second), Keep: w.file, Log: slog.New(slog.DiscardHandler),
	})
	return w, nil
}

func plugIn(ctx context.Context, dir string) error {
	w, err := openWorkshop(ctx, dir)
	if err != nil {
		return err
	}
	e, err := w.all.Find("token-bucket")
	if err != nil {
		return err
	}
	files, err := e.Files(e.Right[0])
	if err != nil {
		return err
	}
	return w.desk.Plug(ctx, e, map[string]string{e.Names[0]: files[e.Names[0]]})
}

// What is plugged in outlives a workbench that is killed the moment it has said
// so, and can be taken out for good.
func TestPluggedInOutlivesAKill(t *testing.T) {
	dir := t.TempDir()
	w, err := openWorkshop(t.Context(), dir)
	if err != nil {
		if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "sandbox") {
			t.Fatal(err)
		}
		t.Skipf("SOLUTIONS ARE NOT RUN HERE: %v", err)
	}
	if err := w.file.Close(); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, plugs, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if err != nil || said != "plugged in: <nil>\n" {
		t.Fatalf("the workbench said %q, %v", said, err)
	}
	for i, want := range []string{"token-bucket", ""} {
		if w, err = openWorkshop(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		if err := w.desk.Resume(t.Context(), w.all); err != nil {
			t.Fatal(err)
		}
		w.desk.Settle()
		if got := w.lab.Plugged("ratelimit"); got != want || w.lab.remarks["ratelimit"] != "" {
			t.Errorf("start %d has %q plugged in, and says %q; want %q", i+1, got, w.lab.remarks["ratelimit"], want)
		}
		e, err := w.all.Find("token-bucket")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.desk.Unplug(t.Context(), e); err != nil {
			t.Errorf("Unplug = %v", err)
		}
		if err := errors.Join(w.desk.Close(), w.file.Close()); err != nil {
			t.Error(err)
		}
	}
}

// What is plugged in belongs to this machine: it is in no export, and is gone when
// everything is forgotten or replaced.
func TestWhatIsPluggedInStaysHere(t *testing.T) {
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	first := plug.Kept{Pattern: "cache", Slug: "cache-aside", Digest: "1", Files: map[string]string{"a.go": "package a"}}
	second := plug.Kept{Pattern: "cache", Slug: "lock-cleanup", Digest: "2", Files: map[string]string{"b.go": "package b"}}
	for _, k := range []plug.Kept{first, second} {
		if err := p.SetPlug(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Plugs(t.Context()); err != nil || fmt.Sprint(got) != fmt.Sprint([]plug.Kept{k}) {
			t.Errorf("remembered is %v, %v; want %v alone", got, err, k)
		}
	}
	var text strings.Builder
	if err := p.Export(t.Context(), &text); err != nil || strings.Contains(text.String(), "package b") {
		t.Errorf("the export holds what is plugged in (%v):\n%s", err, text.String())
	}
	if err := p.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Plugs(t.Context()); err != nil || len(got) > 0 {
		t.Errorf("after everything was forgotten, remembered is %v, %v", got, err)
	}
	if err := p.DropPlug(t.Context(), "cache"); err != nil {
		t.Errorf("DropPlug of nothing = %v, want nil", err)
	}
}
