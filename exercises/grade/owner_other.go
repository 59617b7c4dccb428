//go:build !windows

package grade

import (
	"errors"
	"os"
	"syscall"
)

// gone reports whether there is no process of that id.
func gone(pid int) bool {
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(syscall.Signal(0))
	}
	return errors.Is(err, os.ErrProcessDone)
}
