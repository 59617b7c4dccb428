// Package openloop puts a load on a service and measures what its users would
// have felt.
package openloop

import (
	"context"
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

// Run makes the calls of the plan when they are due and returns when the last
// has ended. call is given the number of its request, and may be called by
// several goroutines.
func Run(ctx context.Context, p Plan, call func(ctx context.Context, n int) error) (Report, error) {
	return Report{}, nil
}
