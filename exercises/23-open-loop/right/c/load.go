// Package openloop puts a load on a service and measures what its users would
// have felt.
package openloop

import (
	"context"
	"errors"
	"math"
	"sort"
	"sync"
	"time"
)

// MaxRequests is the most requests of one plan.
const MaxRequests = 10_000_000

// Plan is a load: request n, counted from 0, is due n/Rate seconds after the
// start; the plan holds all requests that are due before For is over.
type Plan struct {
	Rate float64       // requests a second, more than 0
	For  time.Duration // more than 0
	Most int           // the most calls under way at the same time, at least 1
}

// Report is what was measured.
type Report struct {
	Due       int             // the requests of the plan
	Sent      int             // those whose call was begun
	Failed    int             // those whose call returned an error, or panicked
	Latencies []time.Duration // of the others, from due to answered, the shortest first
	Lag       time.Duration   // the longest that any request was sent after it was due
}

// run is one load under way. Whoever holds turn waits for the next request to
// be due; the others stand behind him, and there is never a call without a turn.
type run struct {
	Plan
	call  func(context.Context, int) error
	began time.Time

	turn sync.Mutex
	next int // guarded by turn

	books sync.Mutex
	Report
}

// Run makes the calls of the plan when they are due and returns when the last
// has ended. call is given the number of its request, and may be called by
// several goroutines.
func Run(ctx context.Context, p Plan, call func(ctx context.Context, n int) error) (Report, error) {
	if math.IsNaN(p.Rate) || p.Rate <= 0 || p.For <= 0 || p.Most < 1 || call == nil {
		return Report{}, errors.New("open loop: the plan is not complete")
	}
	total := p.Rate * p.For.Seconds()
	if total > MaxRequests {
		return Report{}, errors.New("open loop: the plan is too long")
	}
	r := &run{Plan: p, call: call, began: time.Now()}
	r.Due = max(1, int(math.Ceil(total)))
	var workers sync.WaitGroup
	for range min(p.Most, r.Due) {
		workers.Go(func() {
			for r.one(ctx) {
			}
		})
	}
	workers.Wait()
	sort.Slice(r.Latencies, func(i, j int) bool { return r.Latencies[i] < r.Latencies[j] })
	return r.Report, ctx.Err()
}

// take waits, with the turn held, until the next request is due.
func (r *run) take(ctx context.Context) (n int, due time.Duration, ok bool) {
	r.turn.Lock()
	defer r.turn.Unlock()
	n = r.next
	due = time.Duration(float64(n) * (float64(time.Second) / r.Rate))
	if n == r.Due || ctx.Err() != nil {
		return 0, 0, false
	}
	timer := time.NewTimer(due - time.Since(r.began))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return 0, 0, false
	}
	r.next++
	return n, due, true
}

// one makes the next call, and says whether there was one.
func (r *run) one(ctx context.Context) (more bool) {
	n, due, more := r.take(ctx)
	if !more {
		return false
	}
	lag := time.Since(r.began) - due
	failed := true
	defer func() {
		if failed {
			_ = recover()
		}
		latency := time.Since(r.began) - due
		r.books.Lock()
		defer r.books.Unlock()
		r.Sent++
		r.Lag = max(r.Lag, lag)
		if failed {
			r.Failed++
		} else {
			r.Latencies = append(r.Latencies, latency)
		}
	}()
	failed = r.call(ctx, n) != nil
	return more
}
