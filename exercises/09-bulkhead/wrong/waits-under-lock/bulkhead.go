// kills: TestWaitersApart — one lock held while waiting makes every compartment wait for the slowest

// Package bulkhead keeps the calls to each dependency in a compartment of its own.
package bulkhead

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
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

func (l Limit) check(name string) error {
	if l.Slots < 1 || l.Waiters < 0 || l.Wait < 0 {
		return fmt.Errorf("bulkhead: compartment %q has %+v, want at least one slot and nothing negative", name, l)
	}
	return nil
}

// compartment is two channels: goroutines that wait to send on one are served in
// the order in which they came.
type compartment struct {
	limit Limit
	slots chan struct{}
	line  chan struct{}
}

// Bulkhead is a fixed set of compartments.
type Bulkhead struct {
	compartments map[string]compartment
	turn         chan struct{}
}

// New returns a bulkhead with a compartment of each name.
func New(limits map[string]Limit) (*Bulkhead, error) {
	b := &Bulkhead{make(map[string]compartment, len(limits)), make(chan struct{}, 1)}
	for name, limit := range limits {
		if err := limit.check(name); err != nil {
			return nil, err
		}
		b.compartments[name] = compartment{limit, make(chan struct{}, limit.Slots), make(chan struct{}, limit.Waiters)}
	}
	return b, nil
}

// Acquire takes a slot of the named compartment. Without a free one it waits its
// turn, if there is room to wait. The caller calls release when it is done;
// calling it again does nothing.
func (b *Bulkhead) Acquire(ctx context.Context, name string) (release func(), err error) {
	c, ok := b.compartments[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("%q: %w", name, ErrUnknown)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	var released atomic.Bool
	release = func() {
		if released.CompareAndSwap(false, true) {
			<-c.slots
		}
	}
	b.turn <- struct{}{}
	select {
	case c.slots <- struct{}{}:
		<-b.turn
		return release, nil
	default:
	}
	<-b.turn
	if c.limit.Wait == 0 {
		return nil, ErrFull
	}
	select {
	case c.line <- struct{}{}:
	default:
		return nil, ErrFull
	}
	defer func() { <-c.line }()
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	select {
	case c.slots <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(c.limit.Wait):
		return nil, ErrFull
	}
}

// Load returns how many calls run and wait in the named compartment.
func (b *Bulkhead) Load(name string) (running, waiting int) {
	c := b.compartments[name]
	return len(c.slots), len(c.line)
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
