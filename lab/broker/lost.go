package broker

import (
	"errors"
	"fmt"
)

// LostError is the ErrLost of a broker that was closed: its messages ended with
// it, and so many of those that it had accepted were not handled.
type LostError struct {
	Messages int64
	Where    string // where they still were, in a few words
}

// Error implements error.
func (e *LostError) Error() string {
	return fmt.Sprintf("%v: %d were %s when the broker closed", ErrLost, e.Messages, e.Where)
}

// Unwrap makes it an ErrLost.
func (e *LostError) Unwrap() error { return ErrLost }

// LostAt returns how many messages an error of Close says were lost; 0: it says
// nothing of that.
func LostAt(err error) int64 {
	var lost *LostError
	if errors.As(err, &lost) {
		return lost.Messages
	}
	return 0
}
