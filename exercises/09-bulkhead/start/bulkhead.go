// Package bulkhead gives each downstream a compartment of its own.
package bulkhead

import (
	"context"
	"errors"
	"time"
)

// Why there is no place.
var (
	ErrFull    = errors.New("bulkhead: no place in this compartment")
	ErrUnknown = errors.New("bulkhead: no such compartment")
)

// Compartment says how many calls one downstream may hold.
type Compartment struct {
	Places int           // calls inside at once
	Queue  int           // callers that may wait for a place
	Wait   time.Duration // for so long
}

// Bulkhead keeps the compartments apart. Use New. It is safe for concurrent use.
type Bulkhead struct {
	// What does a compartment have to know?
}

// New returns a bulkhead with these compartments, by the downstream's name.
func New(compartments map[string]Compartment) (*Bulkhead, error) {
	return &Bulkhead{}, nil
}

// Acquire takes a place in the compartment of a downstream, and waits for one
// as the compartment says. Whoever gets one calls release when done.
func (b *Bulkhead) Acquire(ctx context.Context, name string) (release func(), err error) {
	return func() {}, nil
}

// Do runs f inside the compartment of a downstream.
func (b *Bulkhead) Do(ctx context.Context, name string, f func(context.Context) error) error {
	return f(ctx)
}

// Count returns how many are inside a compartment and how many wait.
func (b *Bulkhead) Count(name string) (inside, waiting int) {
	return 0, 0
}
