// kills: TestReleaseWithoutAcquire — a Release too many silently raises the limit

// Package failfastgate lets a fixed number of callers in, a few wait briefly, and
// sends the others away at once.
package failfastgate

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Gate counts who is inside and hands a slot that becomes free to the one who has
// waited longest. Use New. It is safe for concurrent use.
type Gate struct {
	cfg    Config
	mu     sync.Mutex
	inside int             // guarded by mu
	line   []chan struct{} // guarded by mu: closed when served
}

// New returns a gate with all slots free.
func New(cfg Config) (*Gate, error) {
	if cfg.Slots < 1 || cfg.Waiters < 0 || cfg.Wait < 0 {
		return nil, fmt.Errorf("gate: cannot have %+v", cfg)
	}
	return &Gate{cfg: cfg}, nil
}

// Acquire takes a slot. Without one it waits if it may, and returns ErrBusy or
// ctx's error. After nil the caller must call Release once.
func (g *Gate) Acquire(ctx context.Context) error {
	g.mu.Lock()
	switch {
	case ctx.Err() != nil:
		g.mu.Unlock()
		return ctx.Err()
	case g.inside < g.cfg.Slots:
		g.inside++
		g.mu.Unlock()
		return nil
	case g.cfg.Wait == 0 || len(g.line) >= g.cfg.Waiters:
		g.mu.Unlock()
		return ErrBusy
	}
	served := make(chan struct{})
	g.line = append(g.line, served)
	g.mu.Unlock()
	timer := time.NewTimer(g.cfg.Wait)
	defer timer.Stop()
	select {
	case <-served:
		return nil
	case <-timer.C:
		return g.leave(served, ErrBusy)
	case <-ctx.Done():
		return g.leave(served, ctx.Err())
	}
}

// leave takes a waiter out of the line. Served in the same moment, it has a slot
// and keeps it.
func (g *Gate) leave(served chan struct{}, why error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.line, served)
	if i < 0 {
		return nil
	}
	g.line = slices.Delete(g.line, i, i+1)
	return why
}

// Release gives a slot back. Without an Acquire before it, it panics.
func (g *Gate) Release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.line) > 0 {
		close(g.line[0]) // the slot changes hands
		g.line = slices.Delete(g.line, 0, 1)
		return
	}
	g.inside--
}

// Do runs f in a slot. It returns Acquire's error or else f's.
func (g *Gate) Do(ctx context.Context, f func(context.Context) error) error {
	if err := g.Acquire(ctx); err != nil {
		return err
	}
	defer g.Release() // also when f panics
	return f(ctx)
}
