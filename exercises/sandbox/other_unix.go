//go:build unix && (!linux || limitsonly)

package sandbox

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// limited says what holds a process on this system.
const limited = "time, memory and output are limited, and a process group is ended as a whole"

// hold is what a started process is held by: its group.
type hold struct {
	process *os.Process
	tidy    func() // removes what the process leaves behind
}

// begin starts a command in a process group of its own.
func begin(cmd *exec.Cmd, c Command, tidy func()) (hold, error) {
	cmd.ExtraFiles = c.Files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return hold{}, err
	}
	return hold{cmd.Process, tidy}, nil
}

// own are the variables that tell a program where its scratch directory is.
func own(string) []string { return nil }

// kill ends a process and its group.
func (h hold) kill() {
	_ = syscall.Kill(-h.process.Pid, syscall.SIGKILL) // it may have ended
}

// quit has a Go program print its goroutines and exit.
func (h hold) quit() { _ = syscall.Kill(h.process.Pid, syscall.SIGQUIT) }

// release ends the hold when the process has been reaped.
func (h hold) release() { h.tidy() }

// memory asks ps how many bytes a process has in memory, or its whole group.
func (h hold) memory(descendants bool) int64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	which := "-p"
	if descendants {
		which = "-g"
	}
	text, err := exec.CommandContext(ctx, "ps", "-o", "rss=", which, strconv.Itoa(h.process.Pid)).Output()
	if err != nil {
		return 0 // it has ended
	}
	var total int64
	for _, field := range strings.Fields(string(text)) {
		kb, _ := strconv.ParseInt(field, 10, 64) // ps writes numbers
		total += kb << 10
	}
	return total
}

// signal names the signal that ended a process; empty: none.
func signal(s *os.ProcessState) string {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return w.Signal().String()
	}
	return ""
}

// peak is left to the watch: systems count it in different units.
func peak(*os.ProcessState) int64 { return 0 }
