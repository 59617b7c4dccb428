// Package failfastgate lets a fixed number of callers in, a few wait briefly, and
// sends the others away at once.
package failfastgate

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrBusy says that there is no slot now and none came in time: ask again later.
var ErrBusy = errors.New("gate: busy")

// Config says who may enter and wait.
type Config struct {
	Slots   int           // callers inside at a time
	Waiters int           // callers that may wait at a time; 0: nobody waits
	Wait    time.Duration // the longest a caller waits; 0: nobody waits
}

// Gate is a counter and a condition. A condition waits for neither time nor
// context, so both wake it.
type Gate struct {
	cfg     Config
	mu      sync.Mutex
	free    *sync.Cond
	inside  int // guarded by mu
	waiting int // guarded by mu
}

// New returns a gate with all slots free.
func New(cfg Config) (*Gate, error) {
	switch {
	case cfg.Slots < 1:
		return nil, errors.New("gate: there must be a slot")
	case cfg.Waiters < 0, cfg.Wait < 0:
		return nil, errors.New("gate: waiters and wait must not be negative")
	}
	g := &Gate{cfg: cfg}
	g.free = sync.NewCond(&g.mu)
	return g, nil
}

// Acquire takes a slot. Without one it waits if it may, and returns ErrBusy or
// ctx's error. After nil the caller must call Release once.
func (g *Gate) Acquire(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if g.inside < g.cfg.Slots {
		g.inside++
		return nil
	}
	if g.waiting >= g.cfg.Waiters || g.cfg.Wait == 0 {
		return ErrBusy
	}
	return g.queue(ctx)
}

// queue waits. The caller holds mu.
func (g *Gate) queue(ctx context.Context) error {
	over := false
	wake := func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.free.Broadcast()
	}
	timer := time.AfterFunc(g.cfg.Wait, func() {
		g.mu.Lock()
		over = true
		g.mu.Unlock()
		wake()
	})
	defer timer.Stop()
	defer context.AfterFunc(ctx, wake)()
	g.waiting++
	defer func() { g.waiting-- }()
	for g.inside >= g.cfg.Slots {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if over {
			return ErrBusy
		}
		g.free.Wait()
	}
	g.inside++
	return nil
}

// Release gives a slot back. Without an Acquire before it, it panics.
func (g *Gate) Release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside < 1 {
		panic("gate: nobody is inside who could leave")
	}
	g.inside--
	g.free.Broadcast()
}

// Do runs f in a slot. It returns Acquire's error or else f's.
func (g *Gate) Do(ctx context.Context, f func(context.Context) error) error {
	if err := g.Acquire(ctx); err != nil {
		return err
	}
	defer g.Release() // also when f panics
	return f(ctx)
}
