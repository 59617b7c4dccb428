// Package bulkhead gives each downstream a compartment of its own.
package bulkhead

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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

// cell is one compartment. Callers hold numbers; a condition wakes them when the
// state may have changed, and each looks for itself whether it is its turn.
type cell struct {
	Compartment

	mu     sync.Mutex
	change *sync.Cond
	inside int
	last   uint64
	line   []uint64 // the numbers that wait, in their order
}

// Bulkhead keeps the cells apart. Use New.
type Bulkhead struct {
	mu    sync.RWMutex
	cells map[string]*cell
}

// New returns a bulkhead with these compartments, by the downstream's name.
func New(compartments map[string]Compartment) (*Bulkhead, error) {
	b := &Bulkhead{cells: map[string]*cell{}}
	var faults []error
	for name, c := range compartments {
		if c.Places < 1 || c.Queue < 0 || c.Wait < 0 {
			faults = append(faults, fmt.Errorf("bulkhead: compartment %q has an impossible size: %+v", name, c))
			continue
		}
		one := &cell{Compartment: c}
		one.change = sync.NewCond(&one.mu)
		b.cells[name] = one
	}
	if len(compartments) == 0 {
		faults = append(faults, errors.New("bulkhead: want at least one compartment"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Bulkhead) cell(name string) *cell {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.cells[name]
}

// Acquire takes a place in the compartment of a downstream, and waits for one
// as the compartment says. Whoever gets one calls release when done.
func (b *Bulkhead) Acquire(ctx context.Context, name string) (release func(), err error) {
	c := b.cell(name)
	if c == nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknown, name)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inside >= c.Places || len(c.line) > 0 {
		if len(c.line) >= c.Queue || c.Wait <= 0 {
			return nil, ErrFull
		}
		if err := c.queue(ctx); err != nil {
			return nil, err
		}
	}
	c.inside++
	left := false
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !left {
			left = true
			c.inside--
			c.change.Broadcast()
		}
	}, nil
}

// queue waits until it is the caller's turn. The caller holds mu, and does so
// again when queue returns.
func (c *cell) queue(ctx context.Context) error {
	c.last++
	mine := c.last
	c.line = append(c.line, mine)
	over := false
	timer := time.AfterFunc(c.Wait, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		over = true
		c.change.Broadcast()
	})
	defer timer.Stop()
	// The lock makes sure that the news do not come between look and wait.
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.change.Broadcast()
	})
	defer stop()
	for c.line[0] != mine || c.inside >= c.Places {
		if over || ctx.Err() != nil {
			c.line = slices.DeleteFunc(c.line, func(n uint64) bool { return n == mine })
			c.change.Broadcast()
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return ErrFull
		}
		c.change.Wait()
	}
	c.line = c.line[1:]
	c.change.Broadcast() // the next may have a place too
	return nil
}

// Do runs f inside the compartment of a downstream.
func (b *Bulkhead) Do(ctx context.Context, name string, f func(context.Context) error) error {
	release, err := b.Acquire(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	return f(ctx)
}

// Count returns how many are inside a compartment and how many wait.
func (b *Bulkhead) Count(name string) (inside, waiting int) {
	c := b.cell(name)
	if c == nil {
		return 0, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inside, len(c.line)
}
