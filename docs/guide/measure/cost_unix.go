//go:build unix

package measure

import (
	"syscall"
	"time"
)

// spent returns the processor time that this program has used. Other programs
// on a busy machine do not add to it.
func spent() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
