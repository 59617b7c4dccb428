package hedge_test

import (
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/hedge"
	"workbench/lab/pattern/patterntest"
	"workbench/sim/dist"
)

const ms = time.Millisecond

func newHedge(t testing.TB, k hedge.Knobs) *hedge.Hedge {
	t.Helper()
	return patterntest.Core(t, hedge.New, k)
}

func TestKnobsAreChecked(t *testing.T) {
	patterntest.Spoil(t, hedge.New, hedge.Defaults(), map[string]func(*hedge.Knobs){
		"quantile": func(k *hedge.Knobs) { k.Quantile = 1 },
		"after":    func(k *hedge.Knobs) { k.After = 0 },
		"budget":   func(k *hedge.Knobs) { k.Budget = 1.5 },
	})
}

func TestDelay(t *testing.T) {
	h := newHedge(t, hedge.Knobs{Quantile: 0.9, After: 50 * ms, Budget: 1})
	for i := range 31 {
		h.Took(0, time.Duration(i+1)*ms)
	}
	if got := h.Delay(0); got != 50*ms {
		t.Errorf("Delay before 32 calls = %v, want the fixed 50ms", got)
	}
	h.Took(0, 32*ms)
	if got := h.Delay(0); got != 29*ms { // the 29th of 32 is the first that 90 % do not exceed
		t.Errorf("Delay at the 90th percentile of 1…32 ms = %v, want 29ms", got)
	}
	if got := h.Delay(1); got != 50*ms {
		t.Errorf("Delay of another operation = %v, want 50ms", got)
	}
	for range 256 {
		h.Took(0, 7*ms)
	}
	if got := h.Delay(0); got != 7*ms {
		t.Errorf("Delay after 256 calls of 7ms = %v, want 7ms: the old ones are forgotten", got)
	}
	for range 32 {
		h.Took(200, 3*ms)
	}
	if got := h.Delay(7); got != 3*ms {
		t.Errorf("Delay of operation 7 = %v, want 3ms: those beyond share the last", got)
	}
	fixed := newHedge(t, hedge.Knobs{After: 50 * ms, Budget: 1})
	for range 100 {
		fixed.Took(0, ms)
	}
	if got := fixed.Delay(0); got != 50*ms {
		t.Errorf("Delay without a quantile = %v, want 50ms", got)
	}
}

func TestSecond(t *testing.T) {
	for _, c := range []struct {
		name   string
		budget float64
		taken  int
		r      lab.Request
		want   hedge.Verdict
	}{
		{"allowed", 0.1, 0, lab.Request{}, hedge.Ask},
		{"the reserve is used up", 0.1, 10, lab.Request{}, hedge.Denied},
		{"no bound", 1, 1000, lab.Request{}, hedge.Ask},
		{"none at all", 0, 0, lab.Request{}, hedge.Denied},
		{"the deadline has passed", 1, 0, lab.Request{Deadline: 100}, hedge.Useless},
		{"the caller has left", 1, 0, lab.Request{Patience: 100}, hedge.Useless},
		{"just in time", 1, 0, lab.Request{Patience: 101}, hedge.Ask},
	} {
		h := newHedge(t, hedge.Knobs{After: ms, Budget: c.budget})
		for range c.taken {
			h.Second(100, &lab.Request{})
		}
		if got := h.Second(100, &c.r); got != c.want {
			t.Errorf("%s: Second = %d, want %d", c.name, got, c.want)
		}
	}
}

// FuzzBudget: however calls come, second calls are at most the budget's share of
// the first, and its reserve.
func FuzzBudget(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 1, 1, 0}, uint8(20))
	f.Fuzz(func(t *testing.T, moves []byte, share uint8) {
		budget := float64(share%100) / 100
		h := newHedge(t, hedge.Knobs{Quantile: 0.5, After: ms, Budget: budget})
		first, second := 0, 0
		for _, m := range moves {
			if m%2 == 0 {
				first++
				h.First(m)
				h.Took(m, time.Duration(m))
			} else if h.Second(0, &lab.Request{}) == hedge.Ask {
				second++
			}
			if h.Delay(m) <= 0 {
				t.Fatalf("Delay(%d) = %v, want more than 0", m, h.Delay(m))
			}
		}
		if most := float64(first)*budget + 10.0001; float64(second) > most {
			t.Errorf("%d second calls for %d first, want at most %v", second, first, most)
		}
	})
}

// tail is a trace in which one call in ten is slow, and the second call has a
// time of its own.
func tail(seed uint64) []patterntest.Arrival {
	draws := dist.New(seed, "tail")
	trace := patterntest.Poisson(seed, 2000, 500, 10*ms)
	for i := range trace {
		if draws.Float64() < 0.1 {
			trace[i].Service += 100 * ms
		}
		trace[i].Again = time.Duration(draws.Exp()*20e6) + 1
		if i%13 == 0 {
			trace[i].Request.Patience = trace[i].At + 35*ms
		}
	}
	return trace
}

func TestConformance(t *testing.T) { patterntest.Run(t, hedge.Pattern(), tail(3)) }

func TestTwins(t *testing.T) {
	for name, knobs := range map[string]map[string]any{
		"defaults":      nil,
		"fixed delay":   {"quantile": 0, "after": "15ms", "budget": 1},
		"tight budget":  {"quantile": 0, "after": "5ms", "budget": 0.05},
		"half of them":  {"quantile": 0.5, "budget": 0.9},
		"no budget":     {"quantile": 0, "after": "5ms", "budget": 0},
		"a short delay": {"quantile": 0, "after": "1ms", "budget": 1},
	} {
		t.Run(name, func(t *testing.T) {
			trace := tail(5)
			twice := 0
			for i, r := range patterntest.Twin(t, hedge.Pattern(), knobs, trace) {
				if r.Calls > 1 {
					twice++
				}
				if !trace[i].Request.Read && r.Calls != 1 {
					t.Errorf("write %d was called %d times, want once", i+1, r.Calls)
				}
			}
			if name == "no budget" != (twice == 0) {
				t.Errorf("%d of %d were called twice", twice, len(trace))
			}
		})
	}
}
