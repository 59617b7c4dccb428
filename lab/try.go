package lab

import (
	"context"
	"time"
)

// Trier is a Foreign that makes a request's call, and again while that may help.
type Trier interface {
	Foreign
	// Try returns when the solution makes no further call. Beside the calls and its
	// pauses it has the time that its keeper gives a decision before each of them.
	// ErrForeign means that it is not known what it would do next.
	Try(ctx context.Context, q Try) error
}

// Try is one request to a Trier.
type Try struct {
	Repeatable bool          // asking again harms nobody
	For        time.Duration // how long there is; 0: for ever
	// Call makes the call. It is called at most Tries times, never twice at once,
	// on a goroutine of its own.
	Call  func() Called
	Tries int
	// Pause is the longest that may pass before a further call.
	Pause func() time.Duration
}

// Called is how a call has ended.
type Called struct {
	OK        bool
	Transient bool // it failed, and another one may not
	Retry     time.Duration
}
