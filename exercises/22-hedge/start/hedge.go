// Package hedge asks a second replica when the first takes too long, and keeps
// that from becoming a second load.
package hedge

import (
	"context"
	"errors"
	"time"
)

// ErrPanic is the error of an attempt that panicked, perhaps wrapped.
var ErrPanic = errors.New("the attempt panicked")

// MaxAttempts is the most attempts that a request can have.
const MaxAttempts = 10

// Config says when to ask again, and how often.
type Config struct {
	After time.Duration // without an answer for this long the next attempt begins; more than 0
	Most  int           // the most attempts of one request, from 1 to MaxAttempts
	// Share is how many extra attempts, those after the first, each request earns
	// for all: 0.05 allows one for twenty requests. From 0 to 1.
	Share float64
	// Saved is the most extra attempts that can be saved up, and how many there
	// are at the start. At least 1.
	Saved int
}

// Hedger makes hedged requests. Use New. It is safe for concurrent use.
type Hedger struct {
	// What do all requests share?
}

// New returns a hedger.
func New(c Config) (*Hedger, error) {
	return &Hedger{}, nil
}

// Call is one attempt, number n counted from 0, at a request.
type Call func(ctx context.Context, n int) (string, error)

// Do makes a request and returns the first good answer.
func (h *Hedger) Do(ctx context.Context, call Call) (string, error) {
	return "", nil
}
