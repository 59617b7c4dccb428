package classics

import (
	"context"
	"slices"
	"time"

	"workbench/lab/pattern/retry"
	"workbench/sim/dist"
)

// Wrong returns runs of models that differ a little from what a classic is
// about, by its ID: held to its figure, each must fail.
func Wrong() map[string]func(context.Context, uint64) (Result, error) {
	const same = million / 2
	return map[string]func(context.Context, uint64) (Result, error){
		"mm1k-blocking":       line{slots: 1, load: .9, law: dist.Exponential, places: 10, customers: same}.blocking, // a place too many
		"mmc-wait-2":          line{slots: 2, load: .82, law: dist.Exponential, customers: 2 * same}.wait,            // too many arrivals
		"md1-wait-80":         line{slots: 1, load: .8, law: dist.Gamma, scv: .1, customers: 2 * same}.wait,          // not quite constant
		"erlang-b-10":         loss{11, 9, dist.Exponential, same}.run,                                               // a place too many
		"two-choices-50":      market{"least-connections", 1000, .5, same / 20}.run,                                  // all looked at, not two
		"tail-100":            fan{leaves: 90, slow: .01, requests: 60_000}.run,                                      // too few leaves
		"tail-hedged":         fan{leaves: 100, slow: .01, hedge: time.Second, requests: 30_000}.run,                 // hedged too late
		"lru-zipf-80":         catalogue{100_000, .8, 1100, same}.run,                                                // too much room
		"stampede":            hot{rate: 103, ttl: 2 * time.Second, expiries: 2000}.run,                              // too many requests
		"stampede-joined":     hot{rate: 100, ttl: 2 * time.Second, expiries: 100}.run,                               // not joined
		"xfetch-1":            hot{rate: 100, ttl: 15 * time.Second, early: 1.2, expiries: 4000}.run,                 // too eager
		"ttl-jitter":          scatter{10_000, 5 * time.Minute, .12, 300}.run,                                        // too much jitter
		"ring-100":            circle{100, 120, 60}.spread,                                                           // too many points
		"ring-bounded":        bounded{100, 100_000, .3}.run,                                                         // too much slack
		"backoff-calls-full":  contest{100, plain(), 100}.calls,                                                      // no jitter
		"backoff-calls-equal": contest{100, fullJitter(), 100}.calls,                                                 // full jitter
		"retry-64":            tower{3, retry.Knobs{Tries: 3, Cap: time.Second}, 100}.run,                            // three tries
		"retry-budgeted":      tower{3, retry.Knobs{Tries: 4, Cap: time.Second, Budget: .11}, 100_000}.run,           // a larger budget
		"throttle-2":          pressure{2.1, 4, 60}.run,                                                              // another K
		"metastable-goodput":  collapse{scenario: "metastable", budget: .1, times: 1}.metric("goodput_share"),        // with a budget
		"metastable-load":     collapse{scenario: "metastable", budget: .1, times: 1}.metric("tries_ratio"),          // with a budget
		"budget-drain-10":     collapse{scenario: "retry-budget-threshold", budget: .14, times: 3}.late,              // a larger budget
	}
}

// Hedging returns the 99.9th percentile of requests to a thousand leaves, of
// which one call in two thousand is slow, without and with a second call after
// 10 ms, and the share of calls that this adds.
func Hedging(seed uint64, requests int) (without, with time.Duration, extra float64) {
	quantile := func(f fan) (time.Duration, float64) {
		r := dist.New(seed, "leaves")
		all, hedges := make([]time.Duration, requests), 0
		for i := range all {
			took, n := f.request(r)
			all[i], hedges = took, hedges+n
		}
		slices.Sort(all)
		return all[requests*999/1000], float64(hedges) / float64(requests*f.leaves)
	}
	f := fan{leaves: 1000, slow: .0005}
	without, _ = quantile(f)
	f.hedge = 10 * time.Millisecond
	with, extra = quantile(f)
	return without, with, extra
}

// Placed puts keys on a ring and returns each node's load and the sum of the
// nodes' shares of the circle.
func Placed(nodes, points, keys, most int, seed uint64) (loads []int, shares float64) {
	r, draws := newRing(nodes, points, dist.New(seed, "ring")), dist.New(seed, "keys")
	loads = make([]int, nodes)
	for range keys {
		r.place(draws.Uint64(), loads, most)
	}
	for _, s := range r.shares() {
		shares += s
	}
	return loads, shares
}
