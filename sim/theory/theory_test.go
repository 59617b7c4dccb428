package theory_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"workbench/sim/theory"
)

// figure is a result and what was published or computed elsewhere.
type figure struct {
	name      string
	got, want float64
	err       error
}

func number(name string, want float64) func(float64, error) figure {
	return func(got float64, err error) figure { return figure{name, got, want, err} }
}

func span(name string, want float64) func(time.Duration, error) figure {
	return func(got time.Duration, err error) figure { return figure{name, got.Seconds(), want, err} }
}

// hold fails unless each figure agrees to the digits in which it was published.
func hold(t *testing.T, tolerance float64, figures []figure) {
	t.Helper()
	for _, f := range figures {
		if f.err != nil || !(math.Abs(f.got-f.want) <= tolerance) {
			t.Errorf("%s = %.6f (error %v), want %.6f ± %g", f.name, f.got, f.err, f.want, tolerance)
		}
	}
}

func queue(t *testing.T, rate float64, servers int) theory.MMC {
	t.Helper()
	q, err := theory.NewMMC(rate, servers, time.Second)
	if err != nil {
		t.Fatalf("NewMMC(%v, %d, 1s) = %v", rate, servers, err)
	}
	return q
}

func TestOneServer(t *testing.T) {
	var f []figure
	for _, c := range []struct{ load, wait, p99 float64 }{
		{.5, 1, 7.824}, {.8, 4, 21.910}, {.9, 9, 44.998}, {.95, 19, 91.078},
	} {
		q := queue(t, c.load, 1)
		f = append(f,
			span("MeanWait", c.wait)(q.MeanWait(), nil),
			span("WaitQuantile(0.99)", c.p99)(q.WaitQuantile(.99)),
			span("ResponseQuantile(0.99)", math.Log(100)/(1-c.load))(q.ResponseQuantile(.99)), // exponential
			number("WaitShare", c.load)(q.WaitShare(), nil),
			number("MeanWaiting", c.load*c.wait)(q.MeanWaiting(), nil),
			span("MeanResponse", c.wait+1)(q.MeanResponse(), nil),
		)
	}
	hold(t, 5e-4, f)
}

func TestErlang(t *testing.T) {
	var f []figure
	for _, c := range []struct {
		servers     int
		load        float64
		waits, wait float64
	}{
		{1, .8, .8, 4}, {2, 1.6, .7111, 1.7778}, {4, 3.2, .5964, .7455}, {8, 6.4, .4576, .2860},
		{16, 12.8, .3049, .0953}, {32, 25.6, .1606, .0251}, {10, 9, .6687, .6687}, {100, 90, .2169, .0217},
	} {
		f = append(f, number("ErlangC", c.waits)(theory.ErlangC(c.servers, c.load)),
			span("MeanWait", c.wait)(queue(t, c.load, c.servers).MeanWait(), nil))
	}
	hold(t, 6e-5, append(f,
		number("ErlangB(5, 4.5)", .2430)(theory.ErlangB(5, 4.5)),
		number("ErlangB(10, 9)", .1680)(theory.ErlangB(10, 9)),
		number("ErlangB(100, 90)", .0270)(theory.ErlangB(100, 90)),
		number("ErlangB(1, 1e300)", 1)(theory.ErlangB(1, 1e300)),
		number("MM1KBlocking(0.9, 10)", .0508)(theory.MM1KBlocking(.9, 10)),
		number("MM1KBlocking(1, 4)", .2)(theory.MM1KBlocking(1, 4)),
		number("MM1KBlocking(0.5, 1)", 1./3)(theory.MM1KBlocking(.5, 1)),
	))
}

func TestAnyLaw(t *testing.T) {
	hold(t, 1e-9, []figure{
		span("MD1Wait(0.5)", .5)(theory.MD1Wait(.5, time.Second)),
		span("MD1Wait(0.8)", 2)(theory.MD1Wait(.8, time.Second)),
		span("MD1Wait(0.9)", 4.5)(theory.MD1Wait(.9, time.Second)),
		span("MG1Wait, exponential", 4)(theory.MG1Wait(.8, time.Second, 1)),
		span("MG1Wait, hyperexponential", 10)(theory.MG1Wait(.8, time.Second, 4)),
		number("Little(33333, 30s)", 999_990)(theory.Little(33_333, 30*time.Second)),
	})
}

func TestChoices(t *testing.T) {
	var f []figure
	for _, c := range []struct{ load, one, two, three float64 }{
		{.5, 2, 1.2657, 1.1252}, {.7, 3.3333, 1.6145, 1.3568}, {.8, 5, 1.9474, 1.5809},
		{.9, 10, 2.6141, 2.0279}, {.95, 20, 3.3830, 2.5351}, {.99, 100, 5.4320, 3.8578},
	} {
		f = append(f, number("Supermarket d=1", c.one)(theory.Supermarket(c.load, 1)),
			number("Supermarket d=2", c.two)(theory.Supermarket(c.load, 2)),
			number("Supermarket d=3", c.three)(theory.Supermarket(c.load, 3)))
	}
	leaf, err := theory.LeafShare(.99, 100)
	hold(t, 6e-5, append(f,
		number("FanOut(1/100, 100)", .6340)(theory.FanOut(.01, 100)),
		number("FanOut(1/10000, 2000)", .1813)(theory.FanOut(1e-4, 2000)),
		number("FanOut(1/1000, 1000)", .6323)(theory.FanOut(.001, 1000)),
		number("FanOut(LeafShare)", .01)(theory.FanOut(1-leaf, 100)),
		figure{"LeafShare(0.99, 100)", leaf, .9999, err},
		number("RingSpread(100, 1)", .9901)(theory.RingSpread(100, 1)),
		number("RingSpread(100, 100)", .0995)(theory.RingSpread(100, 100)),
	))
}

func TestCaches(t *testing.T) {
	var f []figure
	for _, c := range []struct {
		skew float64
		hits [3]float64
		best [3]float64
	}{
		{.6, [3]float64{.0077, .0536, .2521}, [3]float64{}},
		{.8, [3]float64{.0678, .2043, .4687}, [3]float64{.1785, .3395, .5950}},
		{1, [3]float64{.2898, .5062, .7373}, [3]float64{.4291, .6191, .8096}},
		{1.2, [3]float64{.6057, .7953, .9176}, [3]float64{}},
	} {
		items, err := theory.Zipf(100_000, c.skew)
		if err != nil {
			t.Fatalf("Zipf(100000, %v) = %v", c.skew, err)
		}
		for i, capacity := range []int{100, 1000, 10_000} {
			lru, err := theory.Che(items, capacity)
			f = append(f, number("Che", c.hits[i])(lru.HitShare, err))
			if c.best[i] > 0 {
				f = append(f, number("TopShare", c.best[i])(theory.TopShare(items, capacity)))
			}
		}
	}
	lru, err := theory.Che([]float64{1, 1, 1, 1}, 4)
	f = append(f, number("Che with room for all", 1)(lru.HitShare, err))
	f = append(f,
		number("Stampede(100/s, 1s)", 101)(theory.Stampede(100, time.Second)),
		number("EarlyLoads(1)", math.E)(theory.EarlyLoads(1)),
		number("EarlyLoads(2)", 1.6487)(theory.EarlyLoads(2)))
	hold(t, 6e-5, f)
	// Counted in one run each, with 10,000 entries and five minutes.
	for share, counted := range map[float64]float64{0: 10_000, .05: 361, .1: 188, .2: 110} {
		peak, err := theory.ExpiryPeak(10_000, 5*time.Minute, share)
		if err != nil || math.Abs(peak/counted-1) > .06 {
			t.Errorf("ExpiryPeak(10000, 5m, %v) = %.1f (error %v), want %v ± 6 %%", share, peak, err, counted)
		}
	}
}

func TestOverload(t *testing.T) {
	usl := theory.USL{One: 1, Contention: .03, Crosstalk: 1e-4}
	n, top, err := usl.Peak()
	hold(t, 5e-3, []figure{
		number("Amplification(4, 3)", 64)(theory.Amplification(4, 3)),
		number("Amplification(4, 4)", 256)(theory.Amplification(4, 4)),
		number("Attempts(1, 4)", 4)(theory.Attempts(1, 4)),
		number("Attempts(0.5, 3)", 1.75)(theory.Attempts(.5, 3)),
		number("Load, four attempts", 2800)(theory.Clients{Rate: 700, Attempts: 4}.Load()),
		number("Load, a budget of a tenth", 770)(theory.Clients{Rate: 700, Attempts: 4, Budget: .1}.Load()),
		number("Load, a budget beyond the attempts", 1400)(theory.Clients{Rate: 700, Attempts: 2, Budget: 9}.Load()),
		span("Drain at 20 %", 187.5)(theory.Clients{Rate: 800, Attempts: 4, Budget: .2}.Drain(8000, 1000, time.Second/2)),
		span("Drain of little", 0)(theory.Clients{Rate: 800, Attempts: 4}.Drain(400, 1000, time.Second/2)),
		number("Throttled(2, 4)", 2)(theory.Throttled(2, 4)),
		number("Throttled(2, 1.5)", 1.5)(theory.Throttled(2, 1.5)),
		{"USL peak", n, 98.49, err},
		{"USL throughput", top, 20.16, err},
		number("USL of one", 1)(usl.Throughput(1)),
	})
	for _, c := range []struct {
		name  string
		rate  float64
		stuck bool
	}{{"700/s with four attempts", 700, true}, {"200/s with four attempts", 200, false}} {
		if got, err := (theory.Clients{Rate: c.rate, Attempts: 4}).Stuck(1000); got != c.stuck || err != nil {
			t.Errorf("%s: Stuck(1000) = %v, %v, want %v", c.name, got, err, c.stuck)
		}
	}
}

func TestArguments(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	q := queue(t, .5, 1)
	usl := theory.USL{One: 1, Contention: .1}
	clients := theory.Clients{Rate: 800, Attempts: 4}
	for _, c := range []struct {
		name string
		call func() (any, error)
		args string // named by the error
	}{
		{"unstable", func() (any, error) { return theory.NewMMC(1, 1, time.Second) }, "rate"},
		{"a rate that is no number", func() (any, error) { return theory.NewMMC(nan, 1, time.Second) }, "rate"},
		{"all wrong", func() (any, error) { return theory.NewMMC(-1, 0, 0) }, "rate servers service"},
		{"quantile 1", func() (any, error) { return q.WaitQuantile(1) }, "share"},
		{"quantile below 0", func() (any, error) { return q.ResponseQuantile(-.1) }, "share"},
		{"Little backwards", func() (any, error) { return theory.Little(1, -1) }, "stay"},
		{"Little too large", func() (any, error) { return theory.Little(math.MaxFloat64, time.Hour) }, "rate"},
		{"no servers", func() (any, error) { return theory.ErlangB(0, 1) }, "servers"},
		{"load NaN", func() (any, error) { return theory.ErlangB(1, nan) }, "load"},
		{"load of all servers", func() (any, error) { return theory.ErlangC(2, 2) }, "load"},
		{"P-K unstable", func() (any, error) { return theory.MG1Wait(1, time.Second, 1) }, "rate"},
		{"P-K scv", func() (any, error) { return theory.MG1Wait(.5, time.Second, nan) }, "scv"},
		{"M/D/1 service", func() (any, error) { return theory.MD1Wait(.5, 0) }, "service"},
		{"no place", func() (any, error) { return theory.MM1KBlocking(.5, 0) }, "places"},
		{"supermarket full", func() (any, error) { return theory.Supermarket(1, 2) }, "load"},
		{"no choice", func() (any, error) { return theory.Supermarket(.5, 0) }, "choices"},
		{"slow beyond 1", func() (any, error) { return theory.FanOut(1.1, 5) }, "slow"},
		{"no leaves", func() (any, error) { return theory.LeafShare(.5, 0) }, "leaves"},
		{"no nodes", func() (any, error) { return theory.RingSpread(0, 1) }, "nodes"},
		{"skew", func() (any, error) { return theory.Zipf(10, nan) }, "skew"},
		{"no items", func() (any, error) { return theory.Che(nil, 1) }, "items"},
		{"popularity 0", func() (any, error) { return theory.Che([]float64{1, 0}, 1) }, "popularity"},
		{"popularity NaN", func() (any, error) { return theory.Che([]float64{1, nan}, 1) }, "popularity"},
		{"no room", func() (any, error) { return theory.Che([]float64{1, 1}, 0) }, "capacity"},
		{"top NaN", func() (any, error) { return theory.TopShare([]float64{nan}, 1) }, "popularity"},
		{"endless rate", func() (any, error) { return theory.Stampede(inf, 1) }, "rate"},
		{"beta 0", func() (any, error) { return theory.EarlyLoads(0) }, "beta"},
		{"jitter 1", func() (any, error) { return theory.ExpiryPeak(1, 1, 1) }, "jitter"},
		{"no attempt", func() (any, error) { return theory.Amplification(0, 1) }, "attempts"},
		{"too deep", func() (any, error) { return theory.Amplification(2, 101) }, "layers"},
		{"failing", func() (any, error) { return theory.Attempts(nan, 1) }, "failing"},
		{"never drains", func() (any, error) { return clients.Drain(8000, 1000, time.Second) }, "capacity"},
		{"capacity 0", func() (any, error) { return clients.Stuck(0) }, "capacity"},
		{"clients", func() (any, error) { return theory.Clients{Rate: nan, Budget: -1}.Load() }, "Rate Attempts Budget"},
		{"k of 1", func() (any, error) { return theory.Throttled(1, 2) }, "k"},
		{"less than no worker", func() (any, error) { return usl.Throughput(0) }, "n"},
		{"no peak", func() (any, error) { _, _, err := usl.Peak(); return 0, err }, "Crosstalk"},
		{"USL empty", func() (any, error) { return theory.USL{}.Throughput(1) }, "One"},
	} {
		_, err := c.call()
		var arg *theory.ArgumentError
		if !errors.As(err, &arg) {
			t.Errorf("%s: error %v, want an ArgumentError", c.name, err)
			continue
		}
		for name := range strings.FieldsSeq(c.args) {
			if !strings.Contains(err.Error(), ": "+name+" is ") {
				t.Errorf("%s: error %q, want one that names %s", c.name, err, name)
			}
		}
	}
}
