// kills: TestNoSlotLost — a waiter that is served in the moment it leaves must pass the slot on

// Package bulkhead keeps the calls to each dependency in a compartment of its own.
package bulkhead

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// compartment is the calls to one dependency.
type compartment struct {
	limit   Limit
	mu      sync.Mutex
	running int             // guarded by mu
	line    []chan struct{} // guarded by mu: closed when it is served
}

// Bulkhead is a fixed set of compartments. Use New. It is safe for concurrent
// use.
type Bulkhead struct {
	compartments map[string]*compartment // never changed
}

// New returns a bulkhead with a compartment of each name.
func New(limits map[string]Limit) (*Bulkhead, error) {
	b := &Bulkhead{compartments: map[string]*compartment{}}
	for name, limit := range limits {
		if err := limit.check(name); err != nil {
			return nil, err
		}
		b.compartments[name] = &compartment{limit: limit}
	}
	return b, nil
}

// Acquire takes a slot of the named compartment. Without a free one it waits its
// turn, if there is room to wait. The caller calls release when it is done;
// calling it again does nothing.
func (b *Bulkhead) Acquire(ctx context.Context, name string) (release func(), err error) {
	c, ok := b.compartments[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknown, name)
	}
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	return sync.OnceFunc(c.leave), nil
}

func (c *compartment) enter(ctx context.Context) error {
	c.mu.Lock()
	switch {
	case ctx.Err() != nil:
		c.mu.Unlock()
		return ctx.Err()
	case c.running < c.limit.Slots:
		c.running++
		c.mu.Unlock()
		return nil
	case len(c.line) >= c.limit.Waiters || c.limit.Wait == 0:
		c.mu.Unlock()
		return ErrFull
	}
	served := make(chan struct{})
	c.line = append(c.line, served)
	c.mu.Unlock()
	timer := time.NewTimer(c.limit.Wait)
	defer timer.Stop()
	select {
	case <-served:
		return nil
	case <-timer.C:
		return c.quit(served, ErrFull)
	case <-ctx.Done():
		return c.quit(served, ctx.Err())
	}
}

// quit takes a waiter out of the line. Served in the same moment, it passes the
// slot on.
func (c *compartment) quit(served chan struct{}, why error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.line, served); i >= 0 {
		c.line = slices.Delete(c.line, i, i+1)
	}
	return why
}

func (c *compartment) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next()
}

// next gives a slot to the head of the line. The caller holds mu.
func (c *compartment) next() {
	if len(c.line) == 0 {
		c.running--
		return
	}
	close(c.line[0])
	c.line = slices.Delete(c.line, 0, 1)
}

// Load returns how many calls run and wait in the named compartment.
func (b *Bulkhead) Load(name string) (running, waiting int) {
	c, ok := b.compartments[name]
	if !ok {
		return 0, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running, len(c.line)
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
