package main

import (
	"errors"
	"fmt"

	"workbench/lab/lock"
)

// alone takes a data directory for this process: two of them would grade the
// same attempts and keep two accounts of one file. It is given back when the
// process ends, even by a kill.
func alone(dir string) (*lock.Held, error) {
	held, err := lock.Take(dir)
	var busy *lock.Busy
	if !errors.As(err, &busy) {
		return held, err
	}
	who := "another workbench"
	if busy.PID != "" {
		who += fmt.Sprintf(" (pid %s)", busy.PID)
	}
	return nil, fmt.Errorf("%s uses %s; end it or give --data another folder", who, dir)
}
