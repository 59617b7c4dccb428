// kills: TestAllocations — a timer for each call is paid by all those who need not wait

// Package bulkhead gives each downstream a compartment of its own.
package bulkhead

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
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
	gates map[string]*gate // never changed
}

// gate is one compartment.
type gate struct {
	Compartment

	mu     sync.Mutex
	inside int       // guarded by mu
	queue  list.List // guarded by mu: of chan struct{}, closed for who gets a place
}

// New returns a bulkhead with these compartments, by the downstream's name.
func New(compartments map[string]Compartment) (*Bulkhead, error) {
	if len(compartments) == 0 {
		return nil, errors.New("bulkhead: there are no compartments")
	}
	b := &Bulkhead{gates: map[string]*gate{}}
	for name, c := range compartments {
		if c.Places < 1 || c.Queue < 0 || c.Wait < 0 {
			return nil, fmt.Errorf("bulkhead: %s has %d places, a queue of %d and a wait of %v, want at least 1, 0 and 0s", name, c.Places, c.Queue, c.Wait)
		}
		b.gates[name] = &gate{Compartment: c}
	}
	return b, nil
}

// Acquire takes a place in the compartment of a downstream, and waits for one
// as the compartment says. Whoever gets one calls release when done.
func (b *Bulkhead) Acquire(ctx context.Context, name string) (release func(), err error) {
	g, ok := b.gates[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	turn := make(chan struct{})
	timer := time.NewTimer(g.Wait)
	defer timer.Stop()
	g.mu.Lock()
	if g.inside < g.Places {
		// Nobody waits: a place that is given back goes to who waits, at once.
		g.inside++
		g.mu.Unlock()
		return g.once(), nil
	}
	if g.queue.Len() >= g.Queue || g.Wait == 0 {
		g.mu.Unlock()
		return nil, ErrFull
	}
	place := g.queue.PushBack(turn)
	g.mu.Unlock()

	select {
	case <-turn:
		return g.once(), nil
	case <-timer.C:
		err = ErrFull
	case <-ctx.Done():
		err = ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-turn:
		// The place came in the moment of giving up: it must not be lost.
		g.pass()
	default:
		g.queue.Remove(place)
	}
	return nil, err
}

// once returns a release that works once.
func (g *gate) once() func() {
	var done atomic.Bool
	return func() {
		if done.Swap(true) {
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.pass()
	}
}

// pass gives a place to who has waited longest, or back. The caller holds mu.
func (g *gate) pass() {
	if first := g.queue.Front(); first != nil {
		close(g.queue.Remove(first).(chan struct{}))
		return
	}
	g.inside--
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
	g, ok := b.gates[name]
	if !ok {
		return 0, 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside, g.queue.Len()
}
