//go:build !limitsonly

package grade

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
	"workbench/sim/clock"
)

// gradeForEver grades an answer that never ends, and says what it does.
func gradeForEver(dir string) {
	ctx := context.Background()
	g, err := New(ctx, sandbox.New(ctx, self))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s, err := shelf.Open(os.DirFS(fixture))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	e := s.All()[0]
	e.Limits.RunS = 600
	_, err = g.Grade(ctx, e, dir, Options{Tell: func(e Event) { fmt.Println(e.Stage) }})
	fmt.Println(err)
	os.Exit(1)
}

// descendants returns the ids of all processes that came from one.
func descendants(pid int) []int {
	var out []int
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		for _, field := range strings.Fields(string(text)) {
			child, _ := strconv.Atoi(field)
			out = append(append(out, child), descendants(child)...)
		}
	}
	return out
}

// running reports whether a process is there and not only to be reaped.
func running(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestNothingOutlivesAKilledGrader(t *testing.T) {
	grader(t)
	e := exercise(t)
	dir := answer(t, strings.Replace(right(t, e), "b.mu.Lock()\n", "b.mu.Lock()\n\tfor {\n\t}\n", 1))
	exe, _ := os.Executable()
	for _, stage := range []string{"build", "run"} {
		t.Run(stage, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), exe, lonely, dir)
			temp := t.TempDir()
			cmd.Env = append(os.Environ(), "TMPDIR="+temp)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for lines.Scan() && lines.Text() != stage {
			}
			w := clock.NewWall()
			var all []int
			for len(all) == 0 && w.Now() < 20*time.Second {
				all = descendants(cmd.Process.Pid)
			}
			if len(all) == 0 {
				t.Fatalf("nothing runs at stage %s", stage)
			}
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // it was killed
			left := all
			for end := w.Now() + 10*time.Second; len(left) > 0 && w.Now() < end; {
				var still []int
				for _, pid := range left {
					if running(pid) {
						still = append(still, pid)
					}
				}
				left = still
			}
			if len(left) > 0 {
				t.Errorf("%d of %d processes outlived the grader: %v", len(left), len(all), left)
			}
			before, _ := filepath.Glob(filepath.Join(temp, treePrefix+"*"))
			sweep(temp)
			if after, _ := filepath.Glob(filepath.Join(temp, treePrefix+"*")); len(before) != 1 || len(after) != 0 {
				t.Errorf("the killed grader left %d trees, and %d after the next one swept, want 1 and 0", len(before), len(after))
			}
		})
	}
}
