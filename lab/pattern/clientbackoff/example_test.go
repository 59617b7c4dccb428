package clientbackoff_test

import (
	"fmt"
	"time"

	"workbench/lab/pattern/clientbackoff"
	"workbench/sim/load"
	"workbench/sim/retry"
)

// How long a client with the default knobs waits before each of five retries, for
// the longest and an average draw.
func Example() {
	var c load.Client
	clientbackoff.Defaults().Apply(&c)
	b := retry.Backoff{Base: c.Backoff, Cap: c.BackoffCap, Jitter: c.Jitter}
	for try := 1; try <= 5; try++ {
		fmt.Printf("retry %d: at most %4v, on average %v\n", try, b.Wait(try, 0.999999).Round(time.Millisecond), b.Wait(try, 0.5))
	}
	// Output:
	// retry 1: at most 100ms, on average 50ms
	// retry 2: at most 200ms, on average 100ms
	// retry 3: at most 400ms, on average 200ms
	// retry 4: at most 800ms, on average 400ms
	// retry 5: at most 1.6s, on average 800ms
}
