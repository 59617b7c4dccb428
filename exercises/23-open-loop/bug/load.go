// Package openloop puts a load on a service and measures what its users would
// have felt.
package openloop

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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

// check returns how many requests the plan holds.
func (p Plan) check() (int, error) {
	if !(p.Rate > 0) || math.IsInf(p.Rate, 1) || p.For <= 0 || p.Most < 1 {
		return 0, fmt.Errorf("open loop: Rate %v, For %v, Most %d, want all of them more than 0", p.Rate, p.For, p.Most)
	}
	n := math.Ceil(p.Rate * p.For.Seconds())
	if n > MaxRequests {
		return 0, fmt.Errorf("open loop: %v a second for %v are %.0f requests, want at most %d", p.Rate, p.For, n, MaxRequests)
	}
	return max(1, int(n)), nil
}

// due returns when a request is due. It is reckoned from the start and never
// from the request before, so that no delay and no rounding is handed on.
func (p Plan) due(n int) time.Duration {
	return time.Duration(float64(n) / p.Rate * float64(time.Second))
}

// record is a report in the making.
type record struct {
	mu sync.Mutex
	r  Report // guarded by mu
}

func (r *record) sent(lag time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r.Sent++
	r.r.Lag = max(r.r.Lag, lag)
}

func (r *record) ended(latency time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.r.Failed++ // fast failures would flatter the rest
		return
	}
	r.r.Latencies = append(r.r.Latencies, latency)
}

// Run makes the calls of the plan when they are due and returns when the last
// has ended. call is given the number of its request, and may be called by
// several goroutines.
func Run(ctx context.Context, p Plan, call func(ctx context.Context, n int) error) (Report, error) {
	total, err := p.check()
	if err != nil {
		return Report{}, err
	}
	if call == nil {
		return Report{}, errors.New("open loop: there is nothing to call")
	}
	rec := &record{r: Report{Due: total}}
	began := time.Now()
	slots := make(chan struct{}, min(p.Most, total))
	var all sync.WaitGroup
	for n := range total {
		due := p.due(n)
		if !wait(ctx, due-time.Since(began)) || !enter(ctx, slots) {
			break
		}
		rec.sent(time.Since(began) - due)
		all.Go(func() {
			defer func() { <-slots }()
			sent := time.Now()
			err := safely(ctx, n, call)
			rec.ended(time.Since(sent), err)
		})
	}
	all.Wait()
	slices.Sort(rec.r.Latencies)
	return rec.r, ctx.Err()
}

// wait waits for d, and says whether the context still goes on.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// enter waits for a free slot, and says whether it has one.
func enter(ctx context.Context, slots chan<- struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// safely turns a panic into a failure of this request.
func safely(ctx context.Context, n int, call func(context.Context, int) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("request %d panicked: %v", n, p)
		}
	}()
	return call(ctx, n)
}
