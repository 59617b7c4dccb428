package cache

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/shield"
	"workbench/sim/clock"
)

// loadFor is how long one load may take that many wait for.
const loadFor = 5 * time.Second

// flights has one load at a time of each key, whoever asked for it: a solution,
// or ours in its place. So a solution that dies with a thousand callers waiting
// does not send all of them to the store.
type flights struct {
	clock clock.Clock
	run   func(func(context.Context))
	log   *slog.Logger

	mu   sync.Mutex
	open map[string]*flight // guarded by mu; by key
}

// flight is one load. res and landed are set before done is closed.
type flight struct {
	done   chan struct{}
	res    lab.Response
	landed time.Duration
}

// join returns the load of a key, which is begun where none is under way. keep is
// given what it brings.
func (f *flights) join(key string, r *lab.Request, next lab.Handler, keep func(res *lab.Response, now, took time.Duration)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.open[key]; known != nil {
		return known
	}
	l := &flight{done: make(chan struct{})}
	f.open[key] = l
	// The load is everybody's: it has neither the deadline nor the patience of the
	// one who began it, whose request may be gone before it ends.
	own := *r
	begun := f.clock.Now()
	own.Deadline, own.Patience = begun+loadFor, 0
	f.run(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, loadFor)
		defer cancel()
		defer f.land(key, l)
		l.res, _ = shield.Call(ctx, f.log, "cache", &own, next)
		l.landed = f.clock.Now()
		keep(&l.res, l.landed, l.landed-begun)
	})
	return l
}

func (f *flights) land(key string, l *flight) {
	f.mu.Lock()
	delete(f.open, key)
	f.mu.Unlock()
	close(l.done)
}

// wait returns what a load has brought; a request waits no longer than it or its
// caller does.
func (f *flights) wait(ctx context.Context, l *flight) lab.Response {
	select {
	case <-l.done:
		return l.res
	case <-ctx.Done():
		return lab.Answer(nil, ctx.Err())
	}
}
