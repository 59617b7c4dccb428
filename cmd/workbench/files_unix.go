//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// openFiles returns how many files and connections this process may hold.
func openFiles() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	return uint64(limit.Cur), nil
}
