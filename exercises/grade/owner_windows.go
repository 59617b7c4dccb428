package grade

import (
	"errors"
	"os"
	"syscall"
)

// unknownProcess is what the system says of an id that no process has.
const unknownProcess = syscall.Errno(87) // ERROR_INVALID_PARAMETER

// gone reports whether there is no process of that id.
func gone(pid int) bool {
	p, err := os.FindProcess(pid)
	if err == nil {
		_ = p.Release() // it was only looked for
	}
	return errors.Is(err, unknownProcess)
}
