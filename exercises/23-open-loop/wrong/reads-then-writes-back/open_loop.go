// kills: TestManyAtOnce — Two ends that each read the list, add to it and write it back lose one of the two.

package openloop

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
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

type result struct {
	i       int
	latency time.Duration
}

// Run sends by the timetable.
func Run(ctx context.Context, c Config, call func(ctx context.Context) error) (Report, error) {
	if err := c.check(); err != nil {
		return Report{}, err
	}
	report := Report{Planned: int(c.Rate * c.Duration.Seconds())}
	var mu sync.Mutex
	var good []result // guarded by mu
	places := make(chan struct{}, c.MaxInFlight)
	var calls sync.WaitGroup
	start := time.Now()
	for i := range report.Planned {
		// Each instant is counted from the start: what is late now does not move what follows.
		intended := start.Add(time.Duration(float64(i) / c.Rate * float64(time.Second)))
		if !sleep(ctx, time.Until(intended)) || !take(ctx, places) {
			break
		}
		report.Sent++
		report.Lag = max(report.Lag, time.Since(intended))
		calls.Add(1)
		go func() {
			defer calls.Done()
			defer func() { <-places }()
			err := guarded(ctx, call)
			latency := time.Since(intended)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				report.Failed++
				return
			}
			longer := append(slices.Clip(good), result{i, latency})
			mu.Unlock()
			time.Sleep(time.Microsecond) // as if the list lay in another process
			mu.Lock()
			good = longer
		}()
	}
	calls.Wait()
	slices.SortFunc(good, func(a, b result) int { return a.i - b.i })
	for _, g := range good {
		report.Latencies = append(report.Latencies, g.latency)
	}
	return report, ctx.Err()
}

// sleep reports false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func take(ctx context.Context, places chan<- struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// guarded turns a panic into an error, so that one bad answer does not end the run.
func guarded(ctx context.Context, call func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the call panicked: %v", p)
		}
	}()
	return call(ctx)
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
