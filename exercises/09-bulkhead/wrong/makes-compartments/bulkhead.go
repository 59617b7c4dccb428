// kills: TestUnknown, TestStrangers, TestLimitsAreCopied — compartments made on demand are memory that callers control, and limit nothing

// Package bulkhead keeps the calls to each dependency in a compartment of its own.
package bulkhead

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
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

// compartment counts what is free and lines up waiters in a list, each with a
// condition that is theirs alone.
type compartment struct {
	limit Limit
	free  int        // guarded by Bulkhead.mu
	line  *list.List // guarded by Bulkhead.mu: of *waiter
}

type waiter struct {
	wake   *sync.Cond
	served bool
	over   bool
}

// Bulkhead guards all compartments with one mutex, which nobody holds while they
// wait: a condition gives it back.
type Bulkhead struct {
	mu           sync.Mutex
	compartments map[string]*compartment
}

// New returns a bulkhead with a compartment of each name.
func New(limits map[string]Limit) (*Bulkhead, error) {
	b := &Bulkhead{compartments: map[string]*compartment{}}
	var faults []error
	for name, limit := range limits {
		faults = append(faults, limit.check(name))
		b.compartments[name] = &compartment{limit: limit, free: limit.Slots, line: list.New()}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return b, nil
}

// Acquire takes a slot of the named compartment. Without a free one it waits its
// turn, if there is room to wait. The caller calls release when it is done;
// calling it again does nothing.
func (b *Bulkhead) Acquire(ctx context.Context, name string) (release func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.compartments[name]
	if c == nil {
		c = &compartment{limit: Limit{Slots: 1}, free: 1, line: list.New()}
		b.compartments[name] = c
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if c.free > 0 {
		c.free--
	} else if err := b.wait(ctx, c); err != nil {
		return nil, err
	}
	done := false
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !done {
			done = true
			c.pass()
		}
	}, nil
}

// wait waits for a slot. The caller holds mu.
func (b *Bulkhead) wait(ctx context.Context, c *compartment) error {
	if c.limit.Wait == 0 || c.line.Len() >= c.limit.Waiters {
		return ErrFull
	}
	w := &waiter{wake: sync.NewCond(&b.mu)}
	place := c.line.PushBack(w)
	rouse := func(over bool) func() {
		return func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			w.over = w.over || over
			w.wake.Signal()
		}
	}
	defer time.AfterFunc(c.limit.Wait, rouse(true)).Stop()
	defer context.AfterFunc(ctx, rouse(false))()
	for {
		switch {
		case w.served:
			return nil
		case ctx.Err() != nil:
			c.line.Remove(place)
			return ctx.Err()
		case w.over:
			c.line.Remove(place)
			return ErrFull
		}
		w.wake.Wait()
	}
}

// pass gives a slot to the head of the line, or keeps it free.
func (c *compartment) pass() {
	front := c.line.Front()
	if front == nil {
		c.free++
		return
	}
	w := c.line.Remove(front).(*waiter)
	w.served = true
	w.wake.Signal()
}

// Load returns how many calls run and wait in the named compartment.
func (b *Bulkhead) Load(name string) (running, waiting int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.compartments[name]; c != nil {
		return c.limit.Slots - c.free, c.line.Len()
	}
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
