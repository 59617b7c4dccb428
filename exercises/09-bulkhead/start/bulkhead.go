// Package bulkhead keeps the calls to each dependency in a compartment of its own.
package bulkhead

import (
	"context"
	"errors"
	"time"
)

// Errors of a bulkhead.
var (
	ErrFull    = errors.New("bulkhead: compartment full")
	ErrUnknown = errors.New("bulkhead: no such compartment")
)

// Limit is the size of one compartment.
type Limit struct {
	Slots   int           // calls at a time
	Waiters int           // calls that may wait for a slot
	Wait    time.Duration // the longest they wait
}

// Bulkhead is a fixed set of compartments. Use New. It is safe for concurrent
// use.
type Bulkhead struct {
	limits map[string]Limit
}

// New returns a bulkhead with a compartment of each name.
func New(limits map[string]Limit) (*Bulkhead, error) {
	return &Bulkhead{limits: limits}, nil
}

// Acquire takes a slot of the named compartment. Without a free one it waits its
// turn, if there is room to wait. The caller calls release when it is done;
// calling it again does nothing.
func (b *Bulkhead) Acquire(ctx context.Context, name string) (release func(), err error) {
	return func() {}, nil
}

// Load returns how many calls run and wait in the named compartment.
func (b *Bulkhead) Load(name string) (running, waiting int) {
	return 0, 0
}

// Do runs f in a slot of the named compartment. It returns Acquire's error or
// else f's.
func (b *Bulkhead) Do(ctx context.Context, name string, f func(context.Context) error) error {
	release, err := b.Acquire(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	return f(ctx)
}
