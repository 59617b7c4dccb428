// Package breaker leaves a dependency alone that keeps failing, and finds out
// carefully when it is well again.
package breaker

import (
	"errors"
	"time"
)

// ErrOpen says that the call should not be made now.
var ErrOpen = errors.New("breaker: open")

// Config says when to open and for how long.
type Config struct {
	Window   int           // how many of the latest results are looked at
	Failures int           // so many failures among them open the breaker
	OpenFor  time.Duration // how long it refuses before it tries
	Probes   int           // successes in a row, one probe at a time, that close it again
}

// State is where a breaker stands.
type State int

// The states.
const (
	Closed   State = iota // calls pass
	Open                  // nothing passes
	HalfOpen              // one probe at a time passes
)

// Ticket is the right to make one call; it is handed back with Report.
type Ticket struct {
	// What must a result know about the call it belongs to?
}

// Breaker is the state machine. Use New. It is safe for concurrent use.
type Breaker struct {
	cfg Config
}

// New returns a closed breaker.
func New(cfg Config) (*Breaker, error) {
	return &Breaker{cfg: cfg}, nil
}

// Allow says whether a call may be made at the instant now, counted from any
// fixed origin. After a nil error the ticket must be reported.
func (b *Breaker) Allow(now time.Duration) (Ticket, error) {
	return Ticket{}, nil
}

// Report says what became of a call that was allowed. A cancelled call says
// nothing about the dependency.
func (b *Breaker) Report(now time.Duration, t Ticket, err error) {}

// State returns where the breaker stands at the instant now.
func (b *Breaker) State(now time.Duration) State {
	return Closed
}
