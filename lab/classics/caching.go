package classics

import (
	"context"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/cache"
	"workbench/lab/pattern/singleflight"
	"workbench/sim/dist"
	"workbench/sim/engine"
	"workbench/sim/stat"
)

// catalogue is the cache pattern's memory under independent requests whose items
// have Zipf's law. Time stands still: nothing expires.
type catalogue struct {
	items    uint64
	skew     float64
	capacity int
	requests int
}

// run measures the share of hits, after a tenth of the requests and at least ten
// for each place have filled the cache.
func (c catalogue) run(ctx context.Context, seed uint64) (Result, error) {
	zipf, err := dist.NewZipf(c.items, c.skew)
	if err != nil {
		return Result{}, err
	}
	core, picks := cache.New(c.capacity, 0), dist.New(seed, "items")
	warm := max(c.requests/10, 10*c.capacity)
	hits := make([]float64, 0, c.requests)
	for i := range warm + c.requests {
		if i%look == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		item := zipf.Draw(picks)
		_, found, lease := core.Get(0, item, 0, 0)
		if found != cache.Hit {
			core.Put(0, item, 0, lease, lab.Response{}, time.Hour, 0)
		}
		switch {
		case i < warm:
		case found == cache.Hit:
			hits = append(hits, 1)
		default:
			hits = append(hits, 0)
		}
	}
	return measured(stat.Batches(hits, batches), c.requests), nil
}

// hot is one popular item in the cache pattern's memory, which takes a second to
// load.
type hot struct {
	rate     float64 // requests a second
	ttl      time.Duration
	early    float64 // XFetch's beta; 0: off
	joined   bool    // loads of the item are shared by the singleflight pattern
	expiries int
}

const loading = time.Second

// run measures how many loads each expiry causes. An expiry here is a life of
// the copy: what is loaded from when it is stored anew until the next load has
// been stored.
func (h hot) run(ctx context.Context, seed uint64) (Result, error) {
	core := cache.New(1, h.early)
	flights := singleflight.New[struct{}](singleflight.Defaults())
	gaps, chance := dist.New(seed, "arrivals"), dist.New(seed, "early")
	var queue engine.Queue
	var loads []float64 // by life
	var under []*singleflight.Flight[struct{}]
	begun, running := 0., 0 // loads of this life; loads under way
	request := lab.Request{Key: 1, Read: true}
	core.Put(0, 1, 0, 0, lab.Response{}, h.ttl, loading)
	queue.Schedule(0, evArrive, 0, 0)
	for len(loads) < h.expiries {
		if queue.Count()%look == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		e, _ := queue.Take()
		if e.Kind == evFinish {
			core.Put(e.At, 1, 0, 0, lab.Response{}, h.ttl, loading)
			if h.joined {
				flights.Land(under[0])
				under = under[1:]
			}
			if running--; running == 0 { // the last of the crowd is back
				loads, begun = append(loads, begun), 0
			}
			continue
		}
		queue.Schedule(e.At+time.Duration(gaps.Exp()*float64(time.Second)/h.rate), evArrive, 0, 0)
		if _, found, _ := core.Get(e.At, 1, 0, chance.Float64()); found == cache.Hit {
			continue
		}
		if h.joined {
			flight, leads := flights.Join(e.At, &request)
			flights.Leave()
			if !leads {
				continue
			}
			under = append(under, flight)
		}
		begun++
		running++
		queue.Schedule(e.At+loading, evFinish, 0, 0)
	}
	return measured(stat.NewInterval(loads), len(loads)), nil
}

// scatter is a crowd of entries stored at one instant by the cache pattern, each
// with the life that its jitter gives it.
type scatter struct {
	entries int
	ttl     time.Duration
	jitter  float64
	times   int
}

// run measures how many entries expire in the busiest second.
func (s scatter) run(ctx context.Context, seed uint64) (Result, error) {
	knobs := cache.Defaults()
	knobs.TTL, knobs.Jitter = s.ttl, s.jitter
	return repeat(ctx, seed, s.times, func(seed uint64) (float64, error) {
		draws := dist.New(seed, "jitter")
		seconds := make([]int, 2*s.ttl/time.Second+1)
		most := 0
		for range s.entries {
			at := int(knobs.Life(false, draws.Float64()) / time.Second)
			seconds[at]++
			most = max(most, seconds[at])
		}
		return float64(most), nil
	})
}

func caches() []Classic {
	const che = "H. Che, Y. Tung and Z. Wang, Hierarchical Web Caching Systems, IEEE JSAC 20(7), 2002"
	const xfetch = "A. Vattani, F. Chierichetti and K. Lowenstein, Optimal Probabilistic Cache Stampede Prevention, VLDB 2015"
	return []Classic{
		{
			ID: "lru-zipf-80", Title: "LRU by Che's approximation", Theory: .2043, Tolerance: .003, Source: che,
			Figure: "room for 1 % of 100,000 items, Zipf 0.8: 20.4 % hits", Run: catalogue{100_000, .8, 1000, million}.run,
		}, {
			ID: "lru-zipf-100", Title: "The same cache, a steeper law", Theory: .5062, Tolerance: .003, Source: che,
			Figure: "room for 1 % of 100,000 items, Zipf 1.0: 50.6 % hits", Run: catalogue{100_000, 1, 1000, million}.run,
		}, {
			ID: "lru-zipf-100-large", Title: "Ten times the room, half of the misses", Theory: .7373, Tolerance: .003, Source: che,
			Figure: "room for 10 % of 100,000 items, Zipf 1.0: 73.7 % hits", Run: catalogue{100_000, 1, 10_000, million}.run,
		}, {
			ID: "stampede", Title: "An expiry without coordination", Theory: 101, Tolerance: 1, Source: xfetch,
			Figure: "100 requests/s and a load of one second: 101 loads for each expiry",
			Run:    hot{rate: 100, ttl: 2 * time.Second, expiries: 2000}.run,
		}, {
			ID: "stampede-joined", Title: "An expiry with loads joined", Theory: 1, Tolerance: 1e-9, Source: "golang.org/x/sync/singleflight; " + xfetch,
			Figure: "the same item behind singleflight: one load for each expiry",
			Run:    hot{rate: 100, ttl: 2 * time.Second, joined: true, expiries: 1000}.run,
		}, {
			ID: "xfetch-1", Title: "Loading early by chance", Theory: 2.718, Tolerance: .08, Source: xfetch + ", algorithm 1; the mean is derived in package theory",
			Figure: "XFetch with beta 1: e = 2.72 loads for each expiry, whatever the traffic",
			Run:    hot{rate: 100, ttl: 15 * time.Second, early: 1, expiries: 8000}.run,
		}, {
			ID: "xfetch-2", Title: "Loading earlier by chance", Theory: 1.649, Tolerance: .05, Source: xfetch + ", algorithm 1; the mean is derived in package theory",
			Figure: "XFetch with beta 2: √e = 1.65 loads for each expiry",
			Run:    hot{rate: 100, ttl: 25 * time.Second, early: 2, expiries: 5000}.run,
		}, {
			ID: "ttl-jitter", Title: "Jitter against expiring together", Theory: 197.4, Tolerance: 4, Source: "the expected maximum of 60 Poisson numbers; practice: AWS Builders' Library, Timeouts, retries and backoff with jitter",
			Figure: "10,000 entries of five minutes ± 10 %: 197 expire in the busiest second and not 10,000",
			Run:    scatter{10_000, 5 * time.Minute, .1, 300}.run,
		},
	}
}
