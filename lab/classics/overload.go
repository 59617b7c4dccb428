package classics

import (
	"context"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/ratelimit"
	"workbench/lab/pattern/retry"
	"workbench/sim/dist"
	"workbench/sim/stat"
)

// throttle is adaptive throttling: a client that refuses its own requests in
// proportion to how many its backend has refused lately. The lab has no such
// pattern, so the rule of the book stands here.
type throttle struct {
	k                 float64
	requests, accepts *stat.Rate // of the last two minutes
}

func newThrottle(k float64) *throttle {
	const window, slots = 2 * time.Minute, 120
	return &throttle{k, stat.NewRate(window, slots), stat.NewRate(window, slots)}
}

// admit counts a request and reports whether to send it.
func (t *throttle) admit(now time.Duration, u float64) bool {
	requests, accepts := float64(t.requests.Count(now)), float64(t.accepts.Count(now))
	t.requests.Add(now, 1)
	return u >= (requests-t.k*accepts)/(requests+1)
}

// accepted counts a request that the backend served.
func (t *throttle) accepted(now time.Duration) { t.accepts.Add(now, 1) }

// pressure is a client under throttle before a backend that refuses what exceeds
// 100 requests a second, by the ratelimit pattern.
type pressure struct {
	k        float64
	overload float64 // what is asked for over what is accepted
	minutes  int
}

// run measures how many requests are sent for each that is accepted.
func (p pressure) run(ctx context.Context, seed uint64) (Result, error) {
	const capacity = 100
	knobs := ratelimit.Defaults()
	knobs.Rate, knobs.Burst = capacity, capacity/10
	backend, err := ratelimit.New(knobs)
	if err != nil {
		return Result{}, err
	}
	client, gaps, chance := newThrottle(p.k), dist.New(seed, "arrivals"), dist.New(seed, "throttle")
	var ratios []float64
	sent, accepted := 0., 0.
	const warm = 10 * time.Minute // fills the window five times over
	next := warm                  // end of the minute being counted
	for now := time.Duration(0); len(ratios) < p.minutes; now += time.Duration(gaps.Exp() * float64(time.Second) / (p.overload * capacity)) {
		if now >= next {
			if err := ctx.Err(); err != nil {
				return Result{}, err
			}
			if next > warm {
				ratios = append(ratios, sent/accepted)
			}
			next, sent, accepted = next+time.Minute, 0, 0
		}
		if !client.admit(now, chance.Float64()) {
			continue
		}
		sent++
		if backend.Take(now, 0).OK {
			accepted++
			client.accepted(now)
		}
	}
	return measured(stat.Batches(ratios, batches), p.minutes*60*capacity), nil
}

// tower is layers of services that each retry the one below, by the retry
// pattern, while the lowest fails.
type tower struct {
	layers   int
	knobs    retry.Knobs
	requests int
}

// run measures the calls that reach the lowest layer for each request.
func (t tower) run(ctx context.Context, _ uint64) (Result, error) {
	cores := make([]*retry.Retry, t.layers)
	for i := range cores {
		var err error
		if cores[i], err = retry.New(t.knobs); err != nil {
			return Result{}, fmt.Errorf("layer %d: %w", i+1, err)
		}
	}
	calls := 0
	down := lab.Refuse(lab.Failed, lab.ReasonDown, 0)
	var ask func(layer int)
	ask = func(layer int) {
		if layer == len(cores) {
			calls++
			return
		}
		r := lab.Request{Read: true}
		cores[layer].First(&r)
		for try := 1; ; try++ {
			ask(layer + 1)
			if verdict, _ := cores[layer].Next(0, &r, try, down, .5); verdict != retry.Again {
				return
			}
		}
	}
	for i := range t.requests {
		if i%1024 == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		ask(0)
	}
	each := float64(calls) / float64(t.requests)
	return Result{Value: each, Low: each, High: each, Samples: t.requests}, nil
}

func overloads() []Classic {
	const sre21 = "B. Beyer and others, Site Reliability Engineering, 2016, chapter 21, Client-side throttling and retries"
	const sre22 = "B. Beyer and others, Site Reliability Engineering, 2016, chapter 22, Addressing Cascading Failures"
	return []Classic{
		{
			ID: "retry-64", Title: "Retries in three layers", Theory: 64, Tolerance: 1e-9, Source: sre22,
			Figure: "four attempts in each of three layers: 64 calls at the bottom for one at the top",
			Run:    tower{3, retry.Knobs{Tries: 4, Cap: time.Second}, 100}.run,
		}, {
			ID: "retry-budgeted", Title: "The same, each layer with a budget", Theory: 1.331, Tolerance: .005, Source: sre21,
			Figure: "with a budget of 10 % in each of three layers: 1.1³ = 1.33 calls and not 64",
			Run:    tower{3, retry.Knobs{Tries: 4, Cap: time.Second, Budget: .1}, 100_000}.run,
		}, {
			ID: "throttle-2", Title: "Adaptive throttling, K = 2", Theory: 2, Tolerance: .03, Source: sre21,
			Figure: "at four times what the backend accepts, two requests are sent for each accepted one", Run: pressure{2, 4, 60}.run,
		}, {
			ID: "throttle-1.1", Title: "Adaptive throttling, K = 1.1", Theory: 1.1, Tolerance: .0165, Source: sre21,
			Figure: "with a tighter K, 1.1 requests are sent for each accepted one", Run: pressure{1.1, 4, 60}.run,
		}, {
			ID: "throttle-mild", Title: "Adaptive throttling stays away from mild overload", Theory: 1.5, Tolerance: .0225, Source: sre21,
			Figure: "at one and a half times what is accepted and K = 2, all requests are sent", Run: pressure{2, 1.5, 60}.run,
		},
	}
}
