// Package catalog lists what the workbench has: the patterns, in the order in
// which a request passes them. Adding a pattern is adding its room and a line
// here.
package catalog

import (
	"slices"

	"workbench/lab"
	"workbench/lab/pattern/breaker"
	"workbench/lab/pattern/bulkhead"
	"workbench/lab/pattern/cache"
	"workbench/lab/pattern/clientbackoff"
	"workbench/lab/pattern/clientbudget"
	"workbench/lab/pattern/concurrency"
	"workbench/lab/pattern/edge"
	"workbench/lab/pattern/fallback"
	"workbench/lab/pattern/hedge"
	"workbench/lab/pattern/jobs"
	"workbench/lab/pattern/queue"
	"workbench/lab/pattern/ratelimit"
	"workbench/lab/pattern/retry"
	"workbench/lab/pattern/shed"
	"workbench/lab/pattern/singleflight"
	"workbench/lab/pattern/stale"
	"workbench/lab/pattern/throttle"
	"workbench/lab/pattern/timeout"
)

// Patterns returns every pattern: the server's in the order in which a request
// passes them, then the clients'.
//
// The order decides what each one costs and sees. What is cheap and needs no
// answer comes first; what is only of use on a cache miss comes after the
// cache, so that a hit does not pay for it; the breaker is inside the retries,
// so that it sees each try and a retry finds it open. The hedge is next to the
// dependency, so that what stands above sees its two calls as one.
func Patterns() []lab.Pattern {
	return []lab.Pattern{
		edge.Pattern(),
		ratelimit.Pattern(),
		jobs.Pattern(),
		fallback.Pattern(),
		shed.Pattern(),
		cache.Pattern(),
		stale.Pattern(),
		singleflight.Pattern(),
		timeout.Pattern(),
		queue.Pattern(),
		concurrency.Pattern(),
		retry.Pattern(),
		throttle.Pattern(),
		breaker.Pattern(),
		bulkhead.Pattern(),
		hedge.Pattern(),
		clientbackoff.Pattern(),
		clientbudget.Pattern(),
	}
}

// Find returns the pattern with this name.
func Find(name string) (lab.Pattern, bool) {
	all := Patterns()
	i := slices.IndexFunc(all, func(p lab.Pattern) bool { return p.Name == name })
	if i < 0 {
		return lab.Pattern{}, false
	}
	return all[i], true
}
