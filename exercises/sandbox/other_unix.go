//go:build unix && !linux

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

// watched says that memory can be looked at.
const watched = true

func group(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// kill ends a process and its group.
func kill(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL) // it may have ended
}

// quit has a Go program print its goroutines and exit.
func quit(p *os.Process) { _ = syscall.Kill(p.Pid, syscall.SIGQUIT) }

// memory asks ps how many bytes a process has in memory, or its whole group.
func memory(pid int, descendants bool) int64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	which := "-p"
	if descendants {
		which = "-g"
	}
	text, err := exec.CommandContext(ctx, "ps", "-o", "rss=", which, strconv.Itoa(pid)).Output()
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
