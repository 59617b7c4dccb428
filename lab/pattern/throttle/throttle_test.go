package throttle_test

import (
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/throttle"
	"workbench/sim/dist"
)

func newThrottle(t testing.TB, k throttle.Knobs) *throttle.Throttle {
	t.Helper()
	return patterntest.Core(t, throttle.New, k)
}

func TestKnobsAreChecked(t *testing.T) {
	patterntest.Spoil(t, throttle.New, throttle.Defaults(), map[string]func(*throttle.Knobs){
		"k":      func(k *throttle.Knobs) { k.K = 0.5 },
		"window": func(k *throttle.Knobs) { k.Window = 0 },
		"most":   func(k *throttle.Knobs) { k.Most = 2 },
		"per":    func(k *throttle.Knobs) { k.Per = "user" },
	})
}

// The rule itself, for counts within a window.
func TestShare(t *testing.T) {
	for _, c := range []struct {
		name                        string
		k                           float64
		accepted, turnedDown, local int
		want                        float64
	}{
		{"nothing seen", 2, 0, 0, 0, 0},
		{"all accepted", 2, 10, 0, 0, 0},
		{"half accepted, K 2", 2, 10, 10, 0, 0},
		{"half accepted, K 1", 1, 10, 9, 0, 9.0 / 20},
		{"one in four, K 2", 2, 10, 29, 0, 19.0 / 40},
		{"the refused count as requests", 2, 10, 9, 20, 19.0 / 40},
		{"one failure", 2, 0, 1, 0, 0.5},
		{"all failures", 2, 0, 99, 0, 0.99},
	} {
		core := newThrottle(t, throttle.Knobs{K: c.k, Window: 10 * time.Second, Most: 1, Per: "operation"})
		for range c.accepted {
			core.Called(0, 3, true)
		}
		for range c.turnedDown {
			core.Called(time.Second, 3, false)
		}
		for range c.local {
			core.Refused(2*time.Second, 3)
		}
		if got := core.Share(5*time.Second, 3); got != c.want {
			t.Errorf("%s: Share = %v, want %v", c.name, got, c.want)
		}
		if got := core.Share(5*time.Second, 2); got != 0 {
			t.Errorf("%s: Share of another operation = %v, want 0", c.name, got)
		}
		if got := core.Share(12*time.Second+1, 3); got != 0 {
			t.Errorf("%s: Share a window later = %v, want 0", c.name, got)
		}
	}
	bounded := newThrottle(t, throttle.Knobs{K: 1, Window: 10 * time.Second, Most: 0.3, Per: "all"})
	bounded.Called(0, 0, false)
	if got := bounded.Share(0, 0); got != 0.3 {
		t.Errorf("Share with most 0.3 = %v, want 0.3", got)
	}
	all := newThrottle(t, throttle.Knobs{K: 1, Window: 10 * time.Second, Most: 1, Per: "all"})
	all.Called(0, 3, false)
	if got := all.Share(0, 200); got != 0.5 {
		t.Errorf("Share of another operation, counted together = %v, want 0.5", got)
	}
}

func TestAccepted(t *testing.T) {
	for _, c := range []struct {
		name string
		r    lab.Request
		res  lab.Response
		want bool
	}{
		{"served", lab.Request{}, lab.Response{}, true},
		{"not there", lab.Request{}, lab.Response{Missing: true}, true},
		{"in time", lab.Request{Patience: 101}, lab.Response{}, true},
		{"after the caller has left", lab.Request{Patience: 100}, lab.Response{}, false},
		{"after the deadline", lab.Request{Deadline: 100}, lab.Response{}, false},
		{"turned down", lab.Request{}, lab.Refuse(lab.Shed, lab.ReasonBacklog, 1), false},
		{"failed", lab.Request{}, lab.Refuse(lab.Failed, lab.ReasonFault, 0), false},
		{"late", lab.Request{}, lab.Refuse(lab.Late, lab.ReasonDeadline, 0), false},
		{"wrong by itself", lab.Request{}, lab.Refuse(lab.Failed, lab.ReasonBad, 0), true},
	} {
		if got := throttle.Accepted(100, &c.r, &c.res); got != c.want {
			t.Errorf("%s: Accepted = %v, want %v", c.name, got, c.want)
		}
	}
}

// TestSettlesAtK: with capacity c and offered load above K×c, the calls made
// settle at K for each one accepted, and capacity is used (Site Reliability
// Engineering, chapter 21). Seeds 1 to 3, within 2 %.
func TestSettlesAtK(t *testing.T) {
	for _, k := range []float64{1.1, 1.5, 2} {
		for seed := range uint64(3) {
			core, draws := newThrottle(t, throttle.Knobs{K: k, Window: 10 * time.Second, Most: 1, Per: "all"}), dist.New(seed+1, "k")
			room, calls, accepted := 0.0, 0.0, 0.0
			for range 5000 { // until now all went well
				core.Called(0, 0, true)
			}
			for i := range 300_000 { // 3000 a second for 100 s; 500 a second are accepted
				now := time.Duration(i) * time.Second / 3000
				room = min(10, room+1.0/6)
				if draws.Float64() < core.Share(now, 0) {
					core.Refused(now, 0)
					continue
				}
				ok := room >= 1
				core.Called(now, 0, ok)
				if ok {
					room--
				}
				if now > 30*time.Second {
					calls++
					if ok {
						accepted++
					}
				}
			}
			if got := calls / accepted; got < k*0.98 || got > k*1.02 {
				t.Errorf("K %v, seed %d: %v calls for each accepted, want K", k, seed+1, got)
			}
			if got := accepted / 70 / 500; got < 0.98 {
				t.Errorf("K %v, seed %d: %v of the capacity is used, want all", k, seed+1, got)
			}
		}
	}
}

func FuzzShare(f *testing.F) {
	f.Add([]byte{1, 2, 3, 200, 7, 9}, uint8(20))
	f.Fuzz(func(t *testing.T, moves []byte, k uint8) {
		core := newThrottle(t, throttle.Knobs{K: 1 + float64(k)/100, Window: time.Second, Most: 1, Per: "operation"})
		now := time.Duration(0)
		for _, m := range moves {
			now += time.Duration(m) * time.Millisecond
			switch m % 3 {
			case 0:
				core.Called(now, m, m%2 == 0)
			case 1:
				core.Refused(now, m)
			}
			share, requests, accepts := core.Worst(now)
			if !(share >= 0 && share < 1) || accepts < 0 || requests < accepts || requests > float64(len(moves)) {
				t.Fatalf("Worst = %v %v %v, want a share below 1 and no more accepts than requests", share, requests, accepts)
			}
		}
		if share, requests, _ := core.Worst(now + 2*time.Second); share != 0 || requests != 0 {
			t.Errorf("two windows later: share %v of %v requests, want nothing", share, requests)
		}
	})
}

// overload turns down most of the calls of its middle.
func overload(seed uint64) []patterntest.Arrival {
	trace := patterntest.Poisson(seed, 3000, 500, 20*time.Millisecond)
	for i := range trace {
		if i > 300 && i < 2300 && i%5 != 0 {
			trace[i].Answers = []lab.Response{lab.Refuse(lab.Shed, lab.ReasonBacklog, time.Second)}
		}
		if i%17 == 0 {
			trace[i].Request.Patience = trace[i].At + 10*time.Millisecond
		}
	}
	return trace
}

func TestConformance(t *testing.T) { patterntest.Run(t, throttle.Pattern(), overload(3)) }

func TestTwins(t *testing.T) {
	for name, knobs := range map[string]map[string]any{
		"defaults": nil, "all": {"per": "all"}, "close": {"k": 1}, "quick": {"window": "1s", "k": 1.2},
	} {
		t.Run(name, func(t *testing.T) {
			refused := 0
			for _, r := range patterntest.Twin(t, throttle.Pattern(), knobs, overload(5)) {
				if r.Response.Reason == throttle.ReasonThrottled {
					refused++
				}
			}
			if refused < 50 || refused > 2500 {
				t.Errorf("%d of 3000 were refused, want a trace that tests both", refused)
			}
		})
	}
}
