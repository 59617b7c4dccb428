package singleflight

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/shield"
	"workbench/sim/clock"
)

// Pattern describes single-flight to the catalog.
func Pattern() lab.Pattern {
	return lab.Define(lab.Pattern{
		Name:    "singleflight",
		Title:   "Single-flight",
		Line:    "lets concurrent reads of one item share one call",
		Reasons: []lab.Reason{ReasonWait, ReasonPanic},
		Events:  []string{"led", "joined", "alone", "gave_up", "panicked", "shadow_joined"},
	}, Defaults, newLive, newStage)
}

// counts are the pattern's counters: flights begun, requests that joined one,
// those that asked alone after a failed flight, those that left before the end,
// and flights that panicked.
type counts struct{ led, joined, alone, gaveUp, panicked, shadow *atomic.Uint64 }

func newCounts(c *lab.Counters) counts {
	return counts{
		led: c.Get("led"), joined: c.Get("joined"), alone: c.Get("alone"), gaveUp: c.Get("gave_up"),
		panicked: c.Get("panicked"), shadow: c.Get("shadow_joined"),
	}
}

func (c counts) entered(leads bool) {
	if leads {
		c.led.Add(1)
	} else {
		c.joined.Add(1)
	}
}

// Live is single-flight in a running service.
type Live struct {
	clock  clock.Clock
	run    func(func(context.Context))
	log    *slog.Logger
	counts counts

	mu    sync.Mutex
	group *Group[*landing] // guarded by mu
}

// landing is where a flight's answer appears.
type landing struct {
	done chan struct{} // closed when res is there
	res  lab.Response
}

func newLive(env lab.Env, k Knobs) (lab.Live, error) {
	return &Live{clock: env.Clock, run: env.Go, log: env.Log, counts: newCounts(env.Counters), group: New[*landing](k)}, nil
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.Wrap(next, state, l.serve, l.watch)
}

func (l *Live) serve(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if !r.Read {
		res := next.Serve(ctx, r)
		l.forget(r.Key)
		return res
	}
	now := l.clock.Now()
	if r.Useless(now) {
		return next.Serve(ctx, r)
	}
	f, leads := l.join(now, r)
	l.counts.entered(leads)
	if leads {
		l.start(f, r, next)
	}
	res, landed := l.wait(ctx, f, Until(r, f.End)-now)
	if landed && l.group.Alone(leads, &res) { // Alone reads settings, which do not change
		l.counts.alone.Add(1)
		return next.Serve(ctx, r)
	}
	return res
}

func (l *Live) join(now time.Duration, r *lab.Request) (*Flight[*landing], bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, leads := l.group.Join(now, r)
	if leads {
		f.Of = &landing{done: make(chan struct{})}
	}
	return f, leads
}

func (l *Live) forget(item uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.group.Forget(item)
}

func (l *Live) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.group.Leave()
}

// start begins a flight on a goroutine of the lab's, so that it outlives the
// request that leads it. The request is copied: it may be gone before the
// flight lands.
func (l *Live) start(f *Flight[*landing], r *lab.Request, next lab.Handler) {
	own := *r
	Detached(&own, f.End)
	limit := f.End - l.clock.Now() + Grace
	l.run(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, limit) // for work that knows the context alone
		defer cancel()
		l.fly(ctx, f, &own, next)
	})
}

// fly runs a flight. Whatever happens below, it lands and nobody is stranded.
func (l *Live) fly(ctx context.Context, f *Flight[*landing], r *lab.Request, next lab.Handler) {
	res, ok := shield.Call(ctx, l.log, "singleflight", r, next)
	if !ok {
		l.counts.panicked.Add(1)
		res = lab.Refuse(lab.Failed, ReasonPanic, 0)
	}
	l.mu.Lock()
	l.group.Land(f)
	l.mu.Unlock()
	f.Of.res = res
	close(f.Of.done)
}

// wait returns the flight's answer once it has landed, or a refusal if that
// takes longer than limit.
func (l *Live) wait(ctx context.Context, f *Flight[*landing], limit time.Duration) (res lab.Response, landed bool) {
	defer l.leave()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-f.Of.done:
		return f.Of.res, true
	case <-timer.C:
		l.counts.gaveUp.Add(1)
		return lab.Refuse(lab.Late, ReasonWait, 0), false
	case <-ctx.Done():
		return lab.Refuse(lab.Shed, lab.ReasonShutdown, time.Second), false
	}
}

// watch passes everything and counts the requests that would have waited for
// another's flight. Here a flight is its leader's own call.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if !r.Read {
		res := next.Serve(ctx, r)
		l.forget(r.Key)
		return res
	}
	f, leads := l.join(l.clock.Now(), r)
	if !leads {
		l.counts.shadow.Add(1)
	}
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.group.Leave()
		if leads {
			l.group.Land(f)
		}
	}()
	return next.Serve(ctx, r)
}

// Gauges implements lab.Live.
func (l *Live) Gauges(time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.group)
}

func gauges[T any](g *Group[T]) []lab.Gauge {
	return []lab.Gauge{{Name: "flights", Value: float64(g.Running())}, {Name: "waiting", Value: float64(g.Waiting())}}
}

// Close implements lab.Live. Flights belong to the lab's goroutines and land by
// their deadline.
func (l *Live) Close() error { return nil }

var _ lab.Live = (*Live)(nil)
