// Package bulkhead gives each downstream a compartment of its own.
package bulkhead

import (
	"context"
	"errors"
	"fmt"
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

// room is one compartment: a channel with as many seats as places, and another
// with as many as may wait. Senders to a full channel are served in their order.
type room struct {
	inside  chan struct{}
	waiting chan struct{}
	wait    time.Duration
}

// Bulkhead keeps the rooms apart. Use New.
type Bulkhead struct {
	rooms map[string]room
}

// New returns a bulkhead with these compartments, by the downstream's name.
func New(compartments map[string]Compartment) (*Bulkhead, error) {
	rooms := map[string]room{}
	for name, c := range compartments {
		switch {
		case c.Places <= 0:
			return nil, fmt.Errorf("bulkhead: %s: %d places", name, c.Places)
		case c.Queue < 0:
			return nil, fmt.Errorf("bulkhead: %s: a queue of %d", name, c.Queue)
		case c.Wait < 0:
			return nil, fmt.Errorf("bulkhead: %s: a wait of %v", name, c.Wait)
		}
		rooms[name] = room{make(chan struct{}, c.Places), make(chan struct{}, c.Queue), c.Wait}
	}
	if len(rooms) == 0 {
		return nil, errors.New("bulkhead: nothing to keep apart")
	}
	return &Bulkhead{rooms}, nil
}

// Acquire takes a place in the compartment of a downstream, and waits for one
// as the compartment says. Whoever gets one calls release when done.
func (b *Bulkhead) Acquire(ctx context.Context, name string) (release func(), err error) {
	r, ok := b.rooms[name]
	switch {
	case !ok:
		return nil, ErrUnknown
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	release = sync.OnceFunc(func() { <-r.inside })
	select {
	case r.inside <- struct{}{}:
		return release, nil
	default:
	}
	if r.wait == 0 {
		return nil, ErrFull
	}
	select {
	case r.waiting <- struct{}{}:
		defer func() { <-r.waiting }()
	default:
		return nil, ErrFull
	}
	patience := time.NewTimer(r.wait)
	defer patience.Stop()
	select {
	case r.inside <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-patience.C:
		return nil, ErrFull
	}
}

// Do runs f inside the compartment of a downstream.
func (b *Bulkhead) Do(ctx context.Context, name string, f func(context.Context) error) error {
	release, err := b.Acquire(ctx, name)
	if err == nil {
		defer release()
		err = f(ctx)
	}
	return err
}

// Count returns how many are inside a compartment and how many wait.
func (b *Bulkhead) Count(name string) (inside, waiting int) {
	r := b.rooms[name] // of an unknown one, nil channels: nobody
	return len(r.inside), len(r.waiting)
}
