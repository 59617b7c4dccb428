package signal_test

import (
	"context"
	"math"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/meter"
	"workbench/lab/signal"
	"workbench/sim/clock"
	"workbench/sim/outcome"
)

// rig is a meter whose requests take what the test says.
type rig struct {
	t     *testing.T
	clock *clock.Manual
	meter *meter.Meter
	from  *figures
	h     lab.Handler
	takes time.Duration
	res   lab.Response
}

type figures struct{ f meter.Figures }

func (f *figures) Figures() meter.Figures { return f.f }

func open(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, clock: &clock.Manual{}, from: &figures{}}
	m, err := meter.New(r.clock, []string{"read", "write"}, nil, r.from)
	if err != nil {
		t.Fatal(err)
	}
	r.meter = m
	r.h = m.Wrap(m.Instance("a", lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
		r.clock.At += r.takes
		return r.res
	})))
	return r
}

func (r *rig) serve(n int, op uint8, takes time.Duration, o lab.Outcome) {
	r.takes, r.res = takes, lab.Response{Outcome: o}
	for range n {
		r.h.Serve(context.Background(), &lab.Request{Op: op})
	}
}

func (r *rig) read() signal.Sample {
	r.t.Helper()
	s, err := signal.Read(r.clock.At, r.meter.Gatherer())
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func near(got, want, share float64) bool { return math.Abs(got-want) <= share*want }

func TestREDFromTheRealMeter(t *testing.T) {
	r := open(t)
	r.serve(7, 0, 400*time.Millisecond, lab.OK) // before the window
	before := r.read()
	r.serve(98, 0, 10*time.Millisecond, lab.OK)
	r.serve(2, 0, 300*time.Millisecond, lab.Failed)
	r.serve(10, 1, 50*time.Millisecond, lab.Stale)
	w := r.read().Since(before)
	for _, c := range []struct {
		call                   signal.Call
		good, bad              uint64
		p50, p99, mean, within float64
	}{
		{w.Ops[0], 98, 2, 10, 300, 15.8, .1},
		{w.Ops[1], 10, 0, 50, 50, 50, .1},
		{w.All(), 108, 2, 10, 300, 18.9, .1},
		{w.Instances[0], 108, 2, 10, 300, 18.9, .1},
	} {
		h := c.call.Took
		if c.call.Good() != c.good || c.call.Bad() != c.bad {
			t.Errorf("%s: %d good and %d bad, want %d and %d", c.call.Name, c.call.Good(), c.call.Bad(), c.good, c.bad)
		}
		if !near(h.Quantile(.5), c.p50, c.within) || !near(h.Quantile(.99), c.p99, c.within) || !near(h.Mean(), c.mean, .01) {
			t.Errorf("%s: p50 %v, p99 %v, mean %v; want about %v, %v, %v", c.call.Name, h.Quantile(.5), h.Quantile(.99), h.Mean(), c.p50, c.p99, c.mean)
		}
	}
}

func TestUSEFromTheRealMeter(t *testing.T) {
	r := open(t)
	f := &r.from.f
	f.Gates = []meter.GateFigures{{Name: "gate", Saturation: .4, Waiting: 2, Errors: 5}}
	f.Pools = []meter.PoolFigures{{Name: "redis", Used: .25, Errors: 1}}
	f.Patterns = []meter.PatternFigures{{Name: "queue", Events: map[string]uint64{"full": 3}, Gauges: map[string][]lab.Gauge{"a": {{Name: "depth", Value: 4}}, "b": {{Name: "depth", Value: 5}}}}}
	f.Members = []meter.MemberFigures{{Name: "a", Inflight: 7}}
	before := r.read()
	f.Gates[0].Errors, f.Pools[0].Errors, f.Gates[0].Saturation = 9, 4, .9
	f.Patterns[0].Events["full"] = 8
	r.clock.At += time.Second
	w := r.read().Since(before)
	want := []signal.Resource{
		{Name: "gate", Kind: "gate", Used: .9, Waiting: 2, Errors: 4},
		{Name: "a", Kind: "instance", Used: -1, Waiting: 7},
		{Name: "redis", Kind: "pool", Used: .25, Errors: 3},
		{Name: "queue", Kind: "queue", Used: -1, Waiting: 9, Errors: 5},
	}
	if len(w.Resources) != len(want) {
		t.Fatalf("resources are %+v, want %+v", w.Resources, want)
	}
	for i := range want {
		if w.Resources[i] != want[i] {
			t.Errorf("resource %d is %+v, want %+v", i, w.Resources[i], want[i])
		}
	}
}

// Nine calm seconds and one bad one: the mean of the seconds' percentiles is no
// percentile of anything.
func TestPercentilesCannotBeAveraged(t *testing.T) {
	r := open(t)
	rec := signal.NewRecorder(100)
	rec.Add(r.read())
	for second := range 10 {
		slow, n := 10*time.Millisecond, 10
		if second == 9 {
			slow, n = time.Second, 1000
		}
		r.serve(n, 0, slow, lab.OK)
		rec.Add(r.read())
	}
	s := signal.SpreadOf(rec.Windows(10))
	if s.Windows != 10 || !near(s.P99, 1000, .1) || !near(s.MeanOfP99, 109, .1) || !near(s.MaxOfP99, 1000, .1) || !near(s.Mean, (90*10+1000*1000)/1090., .01) {
		t.Errorf("spread is %+v, want p99 1000 beside a mean of p99s of 109", s)
	}
}

func TestSumAndRecorder(t *testing.T) {
	r := open(t)
	rec := signal.NewRecorder(2)
	if _, ok := rec.Add(r.read()); ok {
		t.Error("the first sample makes a window, want none")
	}
	for n := 1; n <= 3; n++ {
		r.serve(n, 0, time.Millisecond, lab.OK)
		if _, ok := rec.Add(r.read()); !ok {
			t.Errorf("sample %d makes no window", n)
		}
	}
	all := signal.Sum(rec.Windows(9))
	if got := all.Ops[0].Outcomes[outcome.OK]; got != 5 || all.Ops[0].Took.Count != 5 {
		t.Errorf("two windows of 2 and 3 sum to %d, want 5", got)
	}
}

func TestQuantileOfNothing(t *testing.T) {
	var h signal.Hist
	if h.Quantile(.5) != 0 || h.Mean() != 0 {
		t.Errorf("an empty histogram has median %v and mean %v, want 0", h.Quantile(.5), h.Mean())
	}
	if got := (signal.Hist{Zero: 3, Count: 3}).Quantile(.99); got != 0 {
		t.Errorf("three instantaneous requests have p99 %v, want 0", got)
	}
}
