//go:build !limitsonly

package sandbox

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// hold is what a started process is held by.
type hold struct {
	process *os.Process
	tidy    func() // removes what the process leaves behind
}

// kill ends a process and its group. Process 1 of a namespace takes all others
// in it along.
func (h hold) kill() {
	_ = unix.Kill(-h.process.Pid, unix.SIGKILL) // it may have ended
	_ = unix.Kill(h.process.Pid, unix.SIGKILL)  // until the child has made itself a group of its own
}

// quit has a Go program print its goroutines and exit.
func (h hold) quit() { _ = unix.Kill(h.process.Pid, unix.SIGQUIT) }

// release ends the hold when the process has been reaped.
func (h hold) release() { h.tidy() }

// memory returns how many bytes the process has in memory, and its descendants.
func (h hold) memory(descendants bool) int64 { return memory(h.process.Pid, descendants) }

// await returns true when the process has ended but is still to be reaped.
func await(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// memory returns how many bytes a process has in memory, and its descendants.
func memory(pid int, descendants bool) int64 {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	text, err := os.ReadFile(filepath.Join(dir, "statm"))
	if err != nil {
		return 0 // it has ended
	}
	var pages int64
	if fields := bytes.Fields(text); len(fields) > 1 {
		pages, _ = strconv.ParseInt(string(fields[1]), 10, 64) // the kernel writes numbers
	}
	total := pages * int64(os.Getpagesize())
	if !descendants {
		return total
	}
	lists, _ := filepath.Glob(filepath.Join(dir, "task", "*", "children")) // the pattern is right
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range bytes.Fields(text) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				total += memory(child, true)
			}
		}
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

// peak returns the most memory that a process had, in bytes.
func peak(s *os.ProcessState) int64 {
	if u, ok := s.SysUsage().(*syscall.Rusage); ok {
		return int64(u.Maxrss) << 10
	}
	return 0
}
