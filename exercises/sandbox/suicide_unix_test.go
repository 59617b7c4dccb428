//go:build unix && (!linux || limitsonly)

package sandbox_test

import (
	"os"
	"syscall"
)

// suicide ends this process by a signal that nobody sent from outside.
func suicide() error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) }

const signalled = "killed"

// emulated reports whether the system that this runs on is a likeness of it.
func emulated() bool { return false }
