package virtual_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
	"workbench/sim/stat"
	"workbench/sim/theory"
)

// A spike of ten seconds leaves a service with retrying clients dead or well
// for good, by what stands in front of it. Seeds 1 to 5 at a quarter of the
// reference scale; goodput of the last twenty of a hundred seconds.
func TestMetastability(t *testing.T) {
	s := find(t, "metastable")
	const dead, well = 0.05, 0.95
	for _, c := range []struct {
		name    string
		changes []chain.Change
		want    float64
	}{
		{"bare", nil, dead},
		{"backoff with jitter", with("client-backoff", lab.On, nil), dead},
		{"retry budget", with("client-budget", lab.On, nil), well},
		{"bounded queue", with("queue", lab.On, nil), well},
		{"last in, first out", with("queue", lab.On, map[string]any{"order": "lifo", "length": 250}), well},
		{"breaker", with("breaker", lab.On, nil), well},
	} {
		for seed := uint64(1); seed <= 5; seed++ {
			rep := run(t, s, virtual.Options{Seed: seed, Scale: 0.25, Patterns: c.changes})
			got, err := scenario.MeasureIn(scenario.Window{Last: 20 * time.Second}, "goodput_share", s, rep)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == dead && got > dead || c.want == well && got < well {
				t.Errorf("%s, seed %d: goodput %.3f at the end, want at %.2f or beyond", c.name, seed, got, c.want)
			}
			if len(rep.Claims) == 0 {
				t.Errorf("%s, seed %d: no claim of the scenario applies", c.name, seed)
			}
			for _, v := range rep.Claims {
				if !v.OK {
					t.Errorf("%s, seed %d: claim %q fails with %v, want %s", c.name, seed, v.Text, v.Value, v.Want)
				}
			}
		}
	}
}

// The gate is M/M/c when users are patient and nothing stands before it. Half an
// hour, seed 1, ten samples of the queue a second, the first 100 s left out, 30
// batch means. By Little's law the mean queue is the rate times the mean wait.
// The theory must be within 6 % or the 95 % interval, whichever is wider, and
// that interval must not be wider than 8 %.
func TestQueueIsErlangC(t *testing.T) {
	for _, c := range []struct {
		servers int
		rho     float64
	}{{1, 0.7}, {8, 0.8}} {
		const service = 20 * time.Millisecond
		rate := c.rho * float64(c.servers) / service.Seconds()
		s := parse(t, fmt.Sprintf(`
gate: {slots: %d, service: %v, law: exponential, backlog: 100000}
traffic: [{for: 10m, rate: %v}]
clients: {timeout: 10m}
`, c.servers, service, rate))
		s.Traffic[0].For = 30 * time.Minute
		rep := run(t, s, virtual.Options{Seed: 1})
		var queue []float64
		for _, p := range rep.Series[100:] {
			queue = append(queue, p.Queue)
		}
		theory, err := theory.NewMMC(rate, c.servers, service)
		if err != nil {
			t.Fatal(err)
		}
		got, want := stat.Batches(queue, 30), theory.MeanWaiting()
		if math.Abs(got.Mean-want) > max(0.06*want, got.Half) || got.Half > 0.08*want {
			t.Errorf("M/M/%d at %.0f %%: %v wait on average, theory %.4g", c.servers, c.rho*100, got, want)
		}
		if rep.GoodputShare != 1 {
			t.Errorf("M/M/%d: goodput %v, want all of a patient crowd", c.servers, rep.GoodputShare)
		}
		t.Logf("M/M/%d at %.0f %%: %v wait on average, theory %.4g", c.servers, c.rho*100, got, want)
	}
}

// A run allocates for its frames and not for its users. At 16,000 users a second
// about 120 allocations a second are left, which are the frames' own.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	mallocs := func(length time.Duration) (uint64, uint64) {
		s := find(t, "metastable")
		s.Traffic = s.Traffic[:1]
		s.Traffic[0].For = length
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		rep := run(t, s, virtual.Options{Seed: 1, Scale: 20, Patterns: append(with("queue", lab.On, nil), with("breaker", lab.On, nil)...)})
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs, rep.Offered
	}
	a, users := mallocs(2 * time.Second)
	b, more := mallocs(10 * time.Second)
	per := float64(b-a) / float64(more-users)
	t.Logf("%.4f allocations a user at %d users, frames included", per, more)
	if per > 0.02 {
		t.Errorf("%.3f allocations a user, want next to none", per)
	}
}

// A thousandfold crowd is a matter of seconds and of memory for those inside.
func TestThousandfold(t *testing.T) {
	s := find(t, "metastable")
	s.Traffic = s.Traffic[:1]
	s.Traffic[0].For = 300 * time.Millisecond
	rep := run(t, s, virtual.Options{Seed: 1, Scale: 1000})
	if rep.Offered < 238_000 || rep.Offered > 242_000 || rep.GoodputShare < 0.99 {
		t.Errorf("%d users and %.3f of them served, want 240,000 ± 2,000 and all", rep.Offered, rep.GoodputShare)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapInuse > 512<<20 {
		t.Errorf("%d MiB in use after it, want below 512: memory must follow those inside, not those who came", m.HeapInuse>>20)
	}
}
