//go:build !unix

package measure

import (
	"errors"
	"time"
)

// spent needs a system that counts processor time.
func spent() (time.Duration, error) {
	return 0, errors.New("this system does not say how much processor time a program has used: measure the guide's figures on Linux or macOS")
}
