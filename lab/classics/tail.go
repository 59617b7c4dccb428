package classics

import (
	"context"
	"time"

	"workbench/sim/dist"
	"workbench/sim/stat"
)

// fan is a request that asks many leaves and waits for all of them. A leaf takes
// usual, with small variation, or for a share of the calls far longer.
type fan struct {
	leaves   int
	slow     float64       // share of calls to a leaf that are slow
	hedge    time.Duration // a second call goes out after so long; 0: none
	requests int
}

// usual and straggling are the mean times of a leaf's call.
const (
	usual      = 3 * time.Millisecond
	straggling = 500 * time.Millisecond
	limit      = 200 * time.Millisecond // every straggler takes longer, nothing else does
)

// leaf draws one call's time.
func (f fan) leaf(r *dist.Stream) time.Duration {
	if r.Float64() < f.slow {
		return limit + time.Duration(r.Exp()*float64(straggling-limit))
	}
	return 2*time.Millisecond + time.Duration(r.Exp()*float64(usual-2*time.Millisecond))
}

// request returns the time of one request and how many second calls it made.
func (f fan) request(r *dist.Stream) (longest time.Duration, hedges int) {
	for range f.leaves {
		took := f.leaf(r)
		if f.hedge > 0 && took > f.hedge {
			hedges++
			took = min(took, f.hedge+f.leaf(r))
		}
		longest = max(longest, took)
	}
	return longest, hedges
}

// run measures the share of requests that take longer than limit.
func (f fan) run(ctx context.Context, seed uint64) (Result, error) {
	r := dist.New(seed, "leaves")
	over := make([]float64, f.requests)
	for i := range over {
		if i%256 == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		if took, _ := f.request(r); took > limit {
			over[i] = 1
		}
	}
	return measured(stat.Batches(over, batches), len(over)), nil
}

func tails() []Classic {
	const source = "J. Dean and L. A. Barroso, The Tail at Scale, Communications of the ACM 56(2), 2013"
	return []Classic{
		{
			ID: "tail-100", Title: "One slow call in a hundred", Theory: .6340, Tolerance: .006, Source: source + ", section Variability amplified by scale",
			Figure: "100 leaves, each slow in 1 % of calls: 63 % of requests are slow",
			Run:    fan{leaves: 100, slow: .01, requests: 60_000}.run,
		}, {
			ID: "tail-2000", Title: "One slow call in ten thousand", Theory: .1813, Tolerance: .01, Source: source + ", figure 1",
			Figure: "2000 leaves, each slow in 0.01 % of calls: 18 % of requests are slow",
			Run:    fan{leaves: 2000, slow: 1e-4, requests: 20_000}.run,
		}, {
			ID: "tail-hedged", Title: "A second call after 10 ms", Theory: .00995, Tolerance: .001, Source: source + ", section Hedged requests",
			Figure: "100 leaves at 1 %, asked again after 10 ms: a request is slow only where both calls are, 1 % and not 63 %",
			Run:    fan{leaves: 100, slow: .01, hedge: 10 * time.Millisecond, requests: 150_000}.run,
		},
	}
}
