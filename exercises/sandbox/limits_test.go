//go:build !linux || limitsonly

package sandbox_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"workbench/exercises/sandbox"
)

// limitsBox returns a box that has limits alone.
func limitsBox(t *testing.T) *sandbox.Box {
	t.Helper()
	b := sandbox.New(t.Context(), self)
	if b.Report().Root {
		t.Skip("root runs nothing without namespaces: run this as another user")
	}
	return b
}

// start runs this binary as a piece of code that behaves badly.
func start(t *testing.T, b *sandbox.Box, c sandbox.Command, what string) *sandbox.Process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.Program, c.Args = exe, []string{hostile, what}
	p, err := b.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestItSaysThatThereAreLimitsAlone(t *testing.T) {
	b := sandbox.New(t.Context(), self)
	r := b.Report()
	if r.Level != sandbox.None || !r.Memory || !strings.Contains(r.String(), "on "+runtime.GOOS+" only time, memory and output are limited") || !strings.Contains(r.String(), "use Linux") {
		t.Errorf("the report is %v", r)
	}
	_, err := b.Run(t.Context(), sandbox.Command{Program: "no such program"})
	if err == nil || r.Root != strings.Contains(err.Error(), "as root") {
		t.Errorf("starting a program that is not there: %v", err)
	}
}

func TestLimitsEndAProgram(t *testing.T) {
	b := limitsBox(t)
	for _, c := range []struct {
		what   string
		limits sandbox.Limits
		want   sandbox.Cause
	}{
		{"spin", sandbox.Limits{Wall: 200 * time.Millisecond}, sandbox.TooLong},
		{"loop", sandbox.Limits{Wall: 200 * time.Millisecond}, sandbox.TooLong},
		{"memory", sandbox.Limits{Wall: time.Minute, Memory: 128 << 20}, sandbox.TooBig},
		{"memory", sandbox.Limits{Wall: time.Minute, Memory: 1 << 30}, sandbox.Exited},
		{"flood", sandbox.Limits{Wall: time.Minute, Output: 1 << 20}, sandbox.TooLoud},
		{"kill itself", sandbox.Limits{Wall: time.Minute}, sandbox.Signaled},
	} {
		r := start(t, b, sandbox.Command{Limits: c.limits}, c.what).Wait()
		if r.Cause != c.want || c.want == sandbox.Signaled && r.Signal != signalled {
			t.Errorf("%s within %+v ended as %q (%s, status %d), want %q; it said %.200s", c.what, c.limits, r.Cause, r.Signal, r.Code, c.want, r.Stdout)
		}
		if n := int64(len(r.Stdout)); c.limits.Output > 0 && n != c.limits.Output {
			t.Errorf("%s left %d bytes, want the %d that were permitted", c.what, n, c.limits.Output)
		}
		if c.what == "memory" && (r.Peak < 64<<20 || r.Peak > 600<<20) {
			t.Errorf("%s had %d MiB at most, as the watch saw it", c.what, r.Peak>>20)
		}
	}
}

func TestStopEndsAProgram(t *testing.T) {
	b := limitsBox(t)
	ctx, cancel := context.WithCancel(t.Context())
	exe, _ := os.Executable()
	p, err := b.Start(ctx, sandbox.Command{Program: exe, Args: []string{hostile, "loop"}})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if r := p.Wait(); r.Cause != sandbox.Stopped {
		t.Errorf("ended as %q, want %q", r.Cause, sandbox.Stopped)
	}
	p.Stop() // it is gone, and nothing else may be hit
}

func TestFilesAreHandedOver(t *testing.T) {
	b := limitsBox(t)
	in, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	hear, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, b, sandbox.Command{Files: []*os.File{in, out}, Limits: sandbox.Standard()}, "files")
	in.Close()
	out.Close()
	if _, err := io.WriteString(say, "a question"); err != nil {
		t.Error(err)
	}
	say.Close()
	text, err := io.ReadAll(hear) // ends, since nobody else has the other end
	if err != nil || string(text) != `heard "a question", <nil>` {
		t.Errorf("the program said %q, %v", text, err)
	}
	hear.Close()
	if r := p.Wait(); r.Cause != sandbox.Exited || r.Code != 0 {
		t.Errorf("it ended as %q with status %d: %s", r.Cause, r.Code, r.Stderr)
	}
}

func TestScratchIsRemoved(t *testing.T) {
	b := limitsBox(t)
	r := start(t, b, sandbox.Command{Limits: sandbox.Standard()}, "scratch").Wait()
	dir, said, _ := strings.Cut(string(r.Stdout), "\n")
	if said != "<nil>" || !strings.HasPrefix(filepath.Base(dir), "workbench-scratch-") {
		t.Fatalf("in its directory %q it met %s", dir, said)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}

// family starts a program that starts another, and returns a connection to
// that one; nil: there is none.
func family(t *testing.T, b *sandbox.Box, k sandbox.Kind) (*sandbox.Process, net.Conn) {
	t.Helper()
	hear, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hear.Close()
	p := start(t, b, sandbox.Command{Kind: k, Dir: t.TempDir(), Files: []*os.File{say}}, "parent")
	say.Close()
	address, _ := bufio.NewReader(hear).ReadString('\n')
	c, err := net.Dial("tcp", strings.TrimSpace(address))
	if err != nil {
		t.Logf("%q: %v", address, err)
		return p, nil
	}
	return p, c
}

func TestWhatAProgramStartedEndsWithIt(t *testing.T) {
	b := limitsBox(t)
	p, c := family(t, b, sandbox.Tool)
	if c == nil {
		t.Fatal("the compiler can start nothing")
	}
	p.Stop()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes, want the end of the connection", n)
	}
	c.Close()
	if r := p.Wait(); r.Cause != sandbox.Stopped {
		t.Errorf("ended as %q, want %q", r.Cause, sandbox.Stopped)
	}
}

// Where a job counts its processes, an answer has one.
func TestAnAnswerStartsNothing(t *testing.T) {
	b := limitsBox(t)
	if runtime.GOOS != "windows" || emulated() {
		t.Skip("no limit on one program's processes is known on this system")
	}
	p, c := family(t, b, sandbox.Untrusted)
	if c != nil {
		t.Error("an answer has started a process")
		c.Close()
	}
	p.Stop()
	p.Wait()
}
