//go:build !unix

package main

import "errors"

// openFiles says that this system has no such limit.
func openFiles() (uint64, error) { return 0, errors.ErrUnsupported }
