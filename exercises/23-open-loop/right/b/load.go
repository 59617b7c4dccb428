// Package openloop puts a load on a service and measures what its users would
// have felt.
package openloop

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
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

// part is what one worker saw.
type part struct {
	sent, failed int
	latencies    []time.Duration
	lag          time.Duration
}

// Run makes the calls of the plan when they are due and returns when the last
// has ended. call is given the number of its request, and may be called by
// several goroutines.
//
// As many workers as calls may be under way each take the next request, wait
// until it is due and make its call; each keeps its own books.
func Run(ctx context.Context, p Plan, call func(ctx context.Context, n int) error) (Report, error) {
	total := math.Ceil(p.Rate * p.For.Seconds())
	if !(p.Rate > 0 && total <= MaxRequests && p.For > 0) || p.Most <= 0 || call == nil {
		return Report{}, errors.New("open loop: the plan has no rate, no time, no room, nothing to call or too many requests")
	}
	r := Report{Due: int(max(1, total))}
	parts := make([]part, min(p.Most, r.Due))
	began := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for w := range parts {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				n := int(next.Add(1)) - 1
				due := began.Add(time.Duration(float64(n) * 1e9 / p.Rate))
				if n >= r.Due || !until(ctx, due) {
					return
				}
				parts[w].make(ctx, n, due, call)
			}
		}()
	}
	all.Wait()
	for _, part := range parts {
		r.Sent += part.sent
		r.Failed += part.failed
		r.Lag = max(r.Lag, part.lag)
		r.Latencies = append(r.Latencies, part.latencies...)
	}
	slices.Sort(r.Latencies)
	return r, ctx.Err()
}

// until waits for an instant, and says whether the context still goes on.
func until(ctx context.Context, at time.Time) bool {
	if d := time.Until(at); d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// make makes one call and books it.
func (p *part) make(ctx context.Context, n int, due time.Time, call func(context.Context, int) error) {
	p.sent++
	p.lag = max(p.lag, time.Since(due))
	ok := false
	defer func() {
		if !ok {
			_ = recover()
			p.failed++
		}
	}()
	if call(ctx, n) == nil {
		p.latencies = append(p.latencies, time.Since(due))
		ok = true
	}
}
