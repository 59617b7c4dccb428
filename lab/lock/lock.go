// Package lock lets one process at a time work in a directory.
//
// What is held is an advisory lock of the operating system on a file in the
// directory. The system gives it back when the process ends, however it ends, so
// no lock outlives a kill and none has ever to be removed by hand. The file itself
// stays: removing it would let two processes lock two files of one name.
package lock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// File is the name of the file in the directory that is locked.
const File = "lock"

// maxPID is how many bytes of the file may name a process.
const maxPID = 20

// Busy says that another process works in the directory.
type Busy struct {
	Dir string
	PID string // of that process; empty if it has not said yet
}

// Error implements error.
func (b *Busy) Error() string {
	if b.PID == "" {
		return "another process uses " + b.Dir
	}
	return fmt.Sprintf("another process (pid %s) uses %s", b.PID, b.Dir)
}

// Held is a directory that this process works in alone.
type Held struct{ file *os.File }

// Take takes the directory for this process, or returns a *Busy at once. The
// directory must be there.
func Take(dir string) (_ *Held, err error) {
	f, err := os.OpenFile(filepath.Join(dir, File), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	free, err := try(f)
	if err != nil {
		return nil, fmt.Errorf("lock %s (is it on a disk of this machine?): %w", dir, err)
	}
	if !free {
		pid, err := io.ReadAll(io.LimitReader(f, maxPID))
		if err != nil {
			return nil, fmt.Errorf("read who uses %s: %w", dir, err)
		}
		return nil, &Busy{Dir: dir, PID: strings.TrimSpace(string(pid))}
	}
	if err := f.Truncate(0); err != nil {
		return nil, fmt.Errorf("say who uses %s: %w", dir, err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return nil, fmt.Errorf("say who uses %s: %w", dir, err)
	}
	return &Held{f}, nil
}

// Release gives the directory back. A nil Held holds nothing.
func (h *Held) Release() error {
	if h == nil {
		return nil
	}
	// Nobody may be told to end a process that has long had another's number.
	return errors.Join(h.file.Truncate(0), h.file.Close())
}
