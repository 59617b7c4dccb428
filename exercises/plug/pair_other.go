//go:build !unix

package plug

import (
	"errors"
	"os"
)

// pair says that there is none: answers are not graded on such a system either.
func pair() (ours, theirs *os.File, err error) {
	return nil, nil, errors.New("this system hands no sockets on; use Linux, macOS or the Windows Subsystem for Linux")
}
