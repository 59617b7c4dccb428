//go:build !unix

package plug

import (
	"errors"
	"os"
)

// pair says that there is none. Nobody is told so: on such a system there is no
// sandbox in which answers may run from a page, and so none to plug in.
func pair() (ours, theirs *os.File, err error) {
	return nil, nil, errors.New("this system hands no sockets on; use Linux, macOS or the Windows Subsystem for Linux")
}
