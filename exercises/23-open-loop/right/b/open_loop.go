// Package openloop sends load at a set rate and does not lie about how long the answers took.
// This answer has MaxInFlight workers, each of which takes the next line of the timetable.
package openloop

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what to send.
type Config struct {
	Rate        float64       // requests in a second; above 0
	Duration    time.Duration // for how long; above 0
	MaxInFlight int           // calls open at once; at least 1
}

// Report says what happened.
type Report struct {
	Planned   int             // ⌊Rate · Duration⌋
	Sent      int             // how many of them were made
	Failed    int             // how many of those gave an error
	Lag       time.Duration   // the longest time between an intended instant and its call
	Latencies []time.Duration // from the intended instant to the answer, without the failed, in the order of their instants
}

// line is one request of the timetable; only its worker writes it.
type line struct {
	sent, failed bool
	lag, latency time.Duration
}

// Run lets the workers loose.
func Run(ctx context.Context, c Config, call func(ctx context.Context) error) (Report, error) {
	if err := c.check(); err != nil {
		return Report{}, err
	}
	table := make([]line, int(c.Rate*c.Duration.Seconds()))
	var next atomic.Int64
	var workers sync.WaitGroup
	start := time.Now()
	for range min(c.MaxInFlight, len(table)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(table) {
					return
				}
				intended := start.Add(time.Duration(float64(i) / c.Rate * float64(time.Second)))
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Until(intended)):
				}
				if ctx.Err() != nil {
					return
				}
				l := &table[i]
				l.sent, l.lag = true, time.Since(intended)
				l.failed = !ok(ctx, call)
				l.latency = time.Since(intended)
			}
		})
	}
	workers.Wait()
	return sum(table), ctx.Err()
}

func ok(ctx context.Context, call func(context.Context) error) (good bool) {
	defer func() {
		if recover() != nil {
			good = false
		}
	}()
	return call(ctx) == nil
}

func sum(table []line) Report {
	r := Report{Planned: len(table)}
	for _, l := range table {
		if !l.sent {
			continue
		}
		r.Sent++
		r.Lag = max(r.Lag, l.lag)
		if l.failed {
			r.Failed++
		} else {
			r.Latencies = append(r.Latencies, l.latency)
		}
	}
	return r
}

// check names the first field that makes no sense.
func (c Config) check() error {
	switch {
	case !(c.Rate > 0) || math.IsInf(c.Rate, 0):
		return fmt.Errorf("openloop: Rate is %v: give the requests in a second, above 0", c.Rate)
	case c.Duration <= 0:
		return fmt.Errorf("openloop: Duration is %v: give a time above 0", c.Duration)
	case c.MaxInFlight < 1:
		return fmt.Errorf("openloop: MaxInFlight is %d: give at least 1", c.MaxInFlight)
	}
	return nil
}
