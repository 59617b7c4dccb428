//go:build !limitsonly

package sandbox_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"workbench/exercises/sandbox"
	"workbench/sim/clock"
)

// own starts a sandboxed loop and a tool with a child, prints their ids and
// waits to be killed.
func own() {
	ctx := context.Background()
	b := sandbox.New(ctx, self)
	exe, _ := os.Executable()
	for _, c := range []sandbox.Command{
		{Program: exe, Args: []string{hostile, "loop"}, Env: []string{"INSIDE=yes"}, Limits: sandbox.Standard()},
		{Kind: sandbox.Tool, Program: "/bin/sh", Args: []string{"-c", "sleep 600 & sleep 600"}, Dir: "/"},
	} {
		if _, err := b.Start(ctx, c); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	fmt.Println("started")
	select {}
}

// children returns the ids of a process's descendants.
func children(pid int) []int {
	var out []int
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		for _, field := range strings.Fields(string(text)) {
			child, _ := strconv.Atoi(field)
			out = append(append(out, child), children(child)...)
		}
	}
	return out
}

// alive reports whether a process is there and not only waiting to be reaped.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestNothingOutlivesItsOwner(t *testing.T) {
	box(t)
	exe, _ := os.Executable()
	cmd := exec.CommandContext(t.Context(), exe, owner)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "started\n" {
		t.Fatalf("the owner says %q", line)
	}
	w := clock.NewWall()
	var all []int
	for len(all) < 4 && w.Now() < 5*time.Second { // the shell starts its own two
		all = children(cmd.Process.Pid)
	}
	if len(all) < 4 {
		t.Fatalf("the owner has %d descendants, want 4", len(all))
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	left := all
	for len(left) > 0 && w.Now() < 10*time.Second {
		var still []int
		for _, pid := range left {
			if alive(pid) {
				still = append(still, pid)
			}
		}
		left = still
	}
	if len(left) > 0 {
		t.Errorf("%d of %d processes outlived the one that started them: %v", len(left), len(all), left)
	}
}
