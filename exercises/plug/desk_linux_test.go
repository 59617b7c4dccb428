package plug_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"workbench/exercises/plug"
	"workbench/exercises/sandbox"
	"workbench/lab"
	"workbench/sim/clock"
)

// bench is a lab of paper that remembers what is plugged in.
type bench struct {
	mu    sync.Mutex
	fail  error                   // guarded by mu
	slots map[string]lab.Solution // guarded by mu

	remarks []string // guarded by mu
}

// memory is a keeper in this process.
type memory struct {
	mu   sync.Mutex
	kept map[string]plug.Kept // guarded by mu; by pattern
	fail error                // guarded by mu
}

func (m *memory) SetPlug(_ context.Context, k plug.Kept) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.kept[k.Pattern] = k
	}
	return m.fail
}

func (m *memory) DropPlug(_ context.Context, pattern string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		delete(m.kept, pattern)
	}
	return m.fail
}

func (m *memory) Plugs(context.Context) (out []plug.Kept, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, pattern := range slices.Sorted(maps.Keys(m.kept)) {
		out = append(out, m.kept[pattern])
	}
	return out, m.fail
}

func (b *bench) Plug(pattern string, s lab.Solution) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		b.slots[pattern] = s
	}
	return b.fail
}

func (b *bench) Unplug(pattern string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.slots, pattern)
	return nil
}

func (b *bench) Remark(pattern, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remarks = append(b.remarks, pattern+": "+text)
}

func (b *bench) Plugged(pattern string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.slots[pattern]; s != nil {
		return s.Name()
	}
	return ""
}

// A desk keeps one program for each exercise, leaves none behind, and says what
// it cannot do.
func TestDesk(t *testing.T) {
	w := open(t)
	b := &bench{slots: map[string]lab.Solution{}}
	dir := t.TempDir()
	k := &memory{kept: map[string]plug.Kept{}}
	d := plug.NewDesk(plug.Config{Lab: b, Grader: w.g, Box: w.box, Dir: dir, Guard: quick(), Keep: k, Log: slog.New(slog.DiscardHandler)})
	e, hedge := w.exercise("token-bucket"), w.exercise("hedge")
	programs := func(want int) {
		t.Helper()
		all, err := os.ReadDir(dir)
		if err != nil || len(all) != want {
			t.Errorf("%d programs are kept (%v), want %d", len(all), err, want)
		}
	}
	if err := d.Plug(t.Context(), hedge, nil); !errors.Is(err, plug.ErrNoSlot) {
		t.Errorf("Plug(hedge) = %v, want ErrNoSlot", err)
	}
	if _, err := d.Compare(t.Context(), e); !errors.Is(err, plug.ErrNotPlugged) {
		t.Errorf("Compare before Plug = %v, want ErrNotPlugged", err)
	}
	for range 2 {
		if err := d.Plug(t.Context(), e, answers(t, e, e.Right[0])); err != nil {
			t.Fatal(err)
		}
		programs(1)
	}
	b.mu.Lock()
	b.fail = errors.New("the lab is closed")
	b.mu.Unlock()
	if err := d.Plug(t.Context(), e, answers(t, e, e.Right[1])); err == nil || !strings.Contains(err.Error(), "the lab is closed") {
		t.Errorf("Plug into a closed lab = %v", err)
	}
	programs(1)
	if kept := k.kept["ratelimit"]; kept.Slug != "token-bucket" || kept.Digest != plug.Digest(answers(t, e, e.Right[0])) || len(kept.Files) != 1 {
		t.Errorf("remembered is %+v, want the answer that was plugged in", kept)
	}
	if !d.Plugged(e) || d.Plugged(hedge) {
		t.Error("Plugged says otherwise than the lab")
	}
	r, err := d.Compare(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	yours := r.Columns[2]
	if kept, ok := d.Compared(e); !ok || kept.Solution != "token-bucket" || yours.Counters[lab.EventDecisions] == 0 || yours.Offered != r.Columns[0].Offered {
		t.Errorf("the comparison %+v was kept as %v; want decisions of yours on the arrivals of the others", yours, ok)
	}
	if err := d.Unplug(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	programs(0)
	if len(k.kept) > 0 {
		t.Errorf("remembered is %v, want nothing", k.kept)
	}
	if err := d.Unplug(t.Context(), e); err != nil {
		t.Errorf("Unplug of nothing = %v, want nil", err)
	}
	if _, ok := d.Compared(e); ok {
		t.Error("the comparison of an answer that was taken out is still shown")
	}
}

// lonely has this test binary run a solution and wait to be killed.
const lonely = "lonely"

// runForEver starts a program and says so.
func runForEver(program string) {
	p := plug.NewProgram("token-bucket", program, sandbox.New(context.Background(), self), quick())
	_, err := p.Open(env(), lab.Terms{Rate: 1, Burst: 1})
	fmt.Println("open", err)
	select {}
}

// running reports whether a process is there and not only to be reaped.
func running(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestNothingOutlivesAKilledWorkbench(t *testing.T) {
	w := open(t)
	to := filepath.Join(t.TempDir(), "program")
	if err := plug.Build(t.Context(), w.g, w.exercise("token-bucket"), bucket(`for b.n > 0 { b.n++ }`), to); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, lonely, to)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "open <nil>\n" {
		t.Fatalf("the workbench says %q, %v", line, err)
	}
	var solutions []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", cmd.Process.Pid)) // the pattern is right
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // a thread may have ended
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			solutions = append(solutions, pid)
		}
	}
	if len(solutions) != 1 {
		t.Fatalf("the workbench has the children %v, want one solution", solutions)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	wall := clock.NewWall()
	for running(solutions[0]) && wall.Now() < 10*time.Second {
	}
	if running(solutions[0]) {
		t.Error("the solution's process outlived the killed workbench")
	}
}
