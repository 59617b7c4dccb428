package jobs

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/shield"
	"workbench/sim/clock"
)

// Pattern describes the job queue to the catalog. What its New returns is a
// Statuser too.
func Pattern() lab.Pattern {
	return lab.Define(lab.Pattern{
		Name:    "jobs",
		Title:   "Job queue (202 Accepted)",
		Line:    "accepts work with 202 and does it later, at the workers' pace",
		Reasons: []lab.Reason{ReasonFull},
		Events:  []string{"accepted", "refused", "done", "failed", "lost", "retried", "dead_lettered"},
	}, Defaults, newLive, newStage)
}

// counts are the pattern's counters. In shadow only the first two grow, as if
// jobs were worked on the moment they came.
type counts struct {
	accepted, refused, done, lost *atomic.Uint64
	failed, retried, dead         *atomic.Uint64 // tries that failed; those of them that are made again; jobs given up
}

func newCounts(c *lab.Counters) counts {
	return counts{
		accepted: c.Get("accepted"), refused: c.Get("refused"),
		done: c.Get("done"), failed: c.Get("failed"), lost: c.Get("lost"),
		retried: c.Get("retried"), dead: c.Get("dead_lettered"),
	}
}

func (c *counts) finished(f Fate) {
	switch f {
	case Settled:
		c.done.Add(1)
	case Again:
		c.failed.Add(1)
		c.retried.Add(1)
	case Buried:
		c.failed.Add(1)
		c.dead.Add(1)
	}
}

func gauges[W any](q *Queue[W], now time.Duration) []lab.Gauge {
	var last string
	for _, l := range q.Letters(1) {
		last = fmt.Sprintf("%d, the last %v (%s) after %d tries", q.dead.n, l.Outcome, l.Reason, l.Tries)
	}
	return []lab.Gauge{
		{Name: "depth", Value: float64(q.Depth())},
		{Name: "running", Value: float64(q.Running())},
		{Name: "age_seconds", Value: q.Age(now).Seconds()},
		{Name: "dead_letters", Value: float64(q.dead.n), Text: last},
	}
}

// Live is a job queue with its workers in a running service.
type Live struct {
	knobs  Knobs
	clock  clock.Clock
	log    *slog.Logger
	counts counts
	next   atomic.Pointer[lab.Handler] // the chain below as it was last compiled: a job is worked on by the chain of its turn
	stop   chan struct{}               // closed by Close
	idle   chan struct{}               // closed when the last worker has ended
	run    func(func(context.Context)) // for rests: at most as many as length and workers

	mu      sync.Mutex
	core    *Queue[*lab.Request] // guarded by mu
	ready   chan struct{}        // one token for each job that may be taken; sent under mu, so never more than length and workers
	closed  bool                 // no further jobs; guarded by mu
	shadows int                  // requests inside in shadow; guarded by mu
	workers int                  // that have not ended; guarded by mu
}

func newLive(env lab.Env, k Knobs) (lab.Live, error) {
	core, err := New[*lab.Request](k, env.Service)
	if err != nil {
		return nil, err
	}
	l := &Live{
		knobs: k, clock: env.Clock, log: env.Log, counts: newCounts(env.Counters), core: core, workers: k.Workers,
		stop: make(chan struct{}), idle: make(chan struct{}), ready: make(chan struct{}, k.Length+k.Workers),
		run: env.Go,
	}
	for range k.Workers {
		env.Go(l.work)
	}
	return l, nil
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	l.next.Store(&next)
	return lab.Wrap(next, state, l.accept, l.watch)
}

// Gauges implements lab.Live.
func (l *Live) Gauges(now time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.core, now)
}

// Status implements Statuser.
func (l *Live) Status(id uint64) (Status, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.core.Status(id)
}

// Letters implements Statuser.
func (l *Live) Letters(n int) []Letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.core.Letters(n)
}

// Close ends the intake. The workers work off what was accepted and end; see
// Drain. A request that comes later is served at once, as without the pattern.
func (l *Live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.core.Hurry()
		close(l.stop)
	}
	return nil
}

// rest hands out a token for a job when its rest is over, unless Close ends all
// rests before. Its user holds mu.
func (l *Live) rest(now, due time.Duration) {
	if l.closed {
		return // the worker goes on until there is nothing left
	}
	l.run(func(ctx context.Context) {
		timer := time.NewTimer(due - now)
		defer timer.Stop()
		select {
		case <-timer.C:
			l.ready <- struct{}{}
		case <-l.stop:
		case <-ctx.Done():
		}
	})
}

// Drain waits, after Close, until every accepted job has ended. It returns
// ctx's error, and how many jobs are left, when that ends first.
func (l *Live) Drain(ctx context.Context) error {
	select {
	case <-l.idle:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		return fmt.Errorf("drain with %d jobs waiting and %d running: %w", l.core.Depth(), l.core.Running(), ctx.Err())
	}
}

func (l *Live) accept(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if !r.Async {
		return next.Serve(ctx, r)
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return next.Serve(ctx, r)
	}
	defer l.mu.Unlock()
	if retryAfter, full := l.core.Full(); full {
		l.counts.refused.Add(1)
		return lab.Refuse(lab.Shed, ReasonFull, retryAfter)
	}
	q := *r
	q.Body = bytes.Clone(r.Body) // the caller's buffer is used again after the 202
	detach(&q)
	l.core.Add(l.clock.Now(), r.ID, &q)
	l.ready <- struct{}{}
	l.counts.accepted.Add(1)
	return accepted(r.ID)
}

// watch passes everything and counts the requests that would have found a
// place, if jobs took as long as the requests take now.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	if !r.Async {
		return next.Serve(ctx, r)
	}
	l.mu.Lock()
	fits := l.shadows < l.knobs.Length+l.knobs.Workers
	if fits {
		l.shadows++
	}
	l.mu.Unlock()
	if !fits {
		l.counts.refused.Add(1)
		return next.Serve(ctx, r)
	}
	l.counts.accepted.Add(1)
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.shadows--
	}()
	return next.Serve(ctx, r)
}

// work is one worker: it ends when the queue is empty after Close, or with ctx.
func (l *Live) work(ctx context.Context) {
	defer l.left()
	for {
		select {
		case <-l.ready:
			l.one(ctx)
		case <-ctx.Done():
			l.abandon()
			return
		case <-l.stop:
			for l.one(ctx) {
			}
			return
		}
	}
}

// one works on the oldest job and reports whether there was one.
func (l *Live) one(ctx context.Context) bool {
	if ctx.Err() != nil {
		l.abandon()
		return false
	}
	now := l.clock.Now()
	l.mu.Lock()
	job, ok := l.core.Take(now)
	l.mu.Unlock()
	if !ok {
		return false
	}
	res, _ := shield.Call(ctx, l.log, "jobs", job.Work, *l.next.Load())
	now = l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	due, fate := l.core.Finish(now, job, res)
	l.counts.finished(fate)
	switch {
	case fate == Again:
		l.rest(now, due)
	case fate == Buried && ctx.Err() != nil:
		l.counts.lost.Add(1) // acknowledged, begun, and ended by the shutdown
	}
	return true
}

// abandon gives up what still waits when the service's context has ended.
func (l *Live) abandon() {
	l.mu.Lock()
	l.closed = true
	lost := l.core.Abandon()
	l.mu.Unlock()
	if lost > 0 {
		l.counts.lost.Add(uint64(lost))
		l.log.Warn("accepted jobs lost at shutdown", "jobs", lost)
	}
}

func (l *Live) left() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.workers--; l.workers == 0 {
		close(l.idle)
	}
}

var (
	_ lab.Live = (*Live)(nil)
	_ Statuser = (*Live)(nil)
)
