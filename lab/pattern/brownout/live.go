package brownout

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
)

// Plain is what a request's Choice holds when it is to be answered without its
// optional part.
type Plain struct{}

// Part is the optional part of a service's requests.
type Part struct {
	System string                    // whose requests
	Place  int                       // where in a request's Choices they are told to leave it out
	Has    func(r *lab.Request) bool // which requests have it
}

// Pattern describes the brownout of a service to its kind.
func Pattern(part Part) lab.Pattern {
	return lab.DefineCore(lab.Pattern{
		Name:   "brownout",
		Title:  "Brownout",
		System: part.System,
		Line:   "leaves out the optional part of as many requests as the response time asks",
		Events: []string{"whole", "reduced"},
	}, Defaults, New, part.newLive, part.newStage)
}

// counts are the pattern's counters: requests with their optional part, and
// those without. In shadow, reduced counts those that would have been.
type counts struct{ whole, reduced *atomic.Uint64 }

func newCounts(c *lab.Counters) counts {
	return counts{whole: c.Get("whole"), reduced: c.Get("reduced")}
}

func (c *counts) entered(whole bool) {
	if whole {
		c.whole.Add(1)
	} else {
		c.reduced.Add(1)
	}
}

// tell says in a request whether it gets its optional part; a request that is
// repeated may have been told otherwise before.
func (p Part) tell(r *lab.Request, whole bool) {
	r.Choices[p.Place] = nil
	if !whole {
		r.Choices[p.Place] = &lab.Choice{Knobs: &Plain{}}
	}
}

func gauges(d *Dimmer) []lab.Gauge {
	share, measured := d.Share()
	return []lab.Gauge{{Name: "dimmer_share", Value: share}, {Name: "measured_seconds", Value: measured.Seconds()}}
}

// Live is the brownout in a running service.
type Live struct {
	part    Part
	clock   clock.Clock
	uniform func() float64
	counts  counts

	mu   sync.Mutex
	core *Dimmer // guarded by mu
}

func (p Part) newLive(env lab.Env, core *Dimmer) *Live {
	return &Live{part: p, clock: env.Clock, uniform: env.Uniform, counts: newCounts(env.Counters), core: core}
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		if !l.part.Has(r) {
			return next.Serve(ctx, r)
		}
		return l.serve(ctx, r, next, state == lab.Shadow)
	})
}

func (l *Live) serve(ctx context.Context, r *lab.Request, next lab.Handler, shadow bool) lab.Response {
	entered, u := l.clock.Now(), l.uniform()
	l.mu.Lock()
	whole := l.core.Enter(entered, u)
	l.mu.Unlock()
	l.counts.entered(whole)
	l.part.tell(r, whole || shadow)
	became := lab.Failed // stands if next panics
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.core.Leave(l.clock.Now(), entered, became)
	}()
	res := next.Serve(ctx, r)
	became = res.Outcome
	return res
}

// Gauges implements lab.Live.
func (l *Live) Gauges(time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.core)
}

// Close implements lab.Live; a brownout starts nothing.
func (l *Live) Close() error { return nil }

var _ lab.Live = (*Live)(nil)
