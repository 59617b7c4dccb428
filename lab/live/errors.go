package live

import (
	"errors"
	"fmt"
)

// Errors by which the lab says what was wrong with a request. The web server
// turns them into statuses.
var (
	ErrUnknown  = errors.New("unknown")                   // no such pattern, fault or run
	ErrInvalid  = errors.New("invalid")                   // a value that cannot be; see FieldError
	ErrConflict = errors.New("not possible now")          // right in itself, wrong at this moment
	ErrStarting = errors.New("the lab is still starting") // no scenario runs yet
	ErrClosed   = errors.New("the lab is closed")
)

// FieldError is one wrong field: which, what was given and what to give. It
// wraps ErrInvalid.
type FieldError struct{ Field, Got, Want string }

// Error implements error.
func (e *FieldError) Error() string {
	return fmt.Sprintf("field %s: got %s, want %s", e.Field, e.Got, e.Want)
}

// Unwrap returns ErrInvalid.
func (e *FieldError) Unwrap() error { return ErrInvalid }
