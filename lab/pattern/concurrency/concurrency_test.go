package concurrency_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/concurrency"
	"workbench/lab/pattern/patterntest"
	"workbench/sim/dist"
)

func newGate(t testing.TB, change func(*concurrency.Knobs)) *concurrency.Gate {
	t.Helper()
	return patterntest.Core(t, concurrency.New, concurrency.Defaults(), change)
}

func TestPlacesGoInOrderOfArrival(t *testing.T) {
	g := newGate(t, func(k *concurrency.Knobs) { k.Limit, k.Wait, k.MaxWaiting = 1, time.Second, 3 })
	if e := g.Enter(0, 0); !e.OK {
		t.Fatalf("Enter of an empty gate = %+v, want OK", e)
	}
	var line []concurrency.Ticket
	for i := range 3 {
		e := g.Enter(time.Duration(i), 0)
		if !e.Wait || e.Until != time.Duration(i)+time.Second {
			t.Fatalf("Enter %d of a full gate = %+v, want a wait of 1s", i+2, e)
		}
		line = append(line, e.Ticket)
	}
	if e := g.Enter(3, 0); e.OK || e.Wait {
		t.Errorf("Enter with 3 of 3 waiting = %+v, want no", e)
	}
	if !g.GiveUp(line[1]) || g.GiveUp(line[1]) {
		t.Error("GiveUp must end a wait once: got false, or true twice")
	}
	var served []concurrency.Ticket
	for range 3 {
		g.Leave(4, 0, lab.OK)
		if next, ok := g.Next(); ok {
			served = append(served, next)
		}
	}
	if want := []concurrency.Ticket{line[0], line[2]}; !slices.Equal(served, want) {
		t.Errorf("served %v, want %v", served, want)
	}
	if g.GiveUp(line[0]) {
		t.Error("GiveUp of a served request = true, want false: it has a place")
	}
	if g.Inside() != 0 || g.Waiting() != 0 {
		t.Errorf("at the end %d inside and %d waiting, want 0 and 0", g.Inside(), g.Waiting())
	}
}

func TestWhoMayWait(t *testing.T) {
	for _, c := range []struct {
		name           string
		wait, deadline time.Duration
		want           concurrency.Entry
	}{
		{"no wait", 0, 0, concurrency.Entry{}},
		{"the whole wait", 50, 0, concurrency.Entry{Wait: true, Ticket: 1, Until: 150}},
		{"until an earlier deadline", 50, 120, concurrency.Entry{Wait: true, Ticket: 1, Until: 120}},
		{"not until a later deadline", 50, 900, concurrency.Entry{Wait: true, Ticket: 1, Until: 150}},
		{"a deadline that has passed", 50, 100, concurrency.Entry{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGate(t, func(k *concurrency.Knobs) { k.Limit, k.Wait = 1, c.wait })
			g.Enter(0, 0)
			if got := g.Enter(100, c.deadline); got != c.want {
				t.Errorf("Enter(100, %d) = %+v, want %+v", c.deadline, got, c.want)
			}
		})
	}
}

func TestKnobsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*concurrency.Knobs){
		"algorithm":   func(k *concurrency.Knobs) { k.Algorithm = "guess" },
		"limit":       func(k *concurrency.Knobs) { k.Limit = 0 },
		"wait":        func(k *concurrency.Knobs) { k.Wait = -1 },
		"max_waiting": func(k *concurrency.Knobs) { k.MaxWaiting = -1 },
		"min_limit":   func(k *concurrency.Knobs) { k.Algorithm, k.MinLimit = "adaptive", 0 },
		"max_limit":   func(k *concurrency.Knobs) { k.Algorithm, k.MinLimit, k.MaxLimit = "adaptive", 9, 8 },
		"probe":       func(k *concurrency.Knobs) { k.Algorithm, k.Probe = "adaptive", 0 },
	} {
		t.Run(name, func(t *testing.T) {
			k := concurrency.Defaults()
			change(&k)
			if _, err := concurrency.New(k); err == nil {
				t.Errorf("New(%+v) = nil error, want one that names %s", k, name)
			}
		})
	}
}

// FuzzGate plays random calls against a model that keeps a plain list.
func FuzzGate(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 2, 1, 0, 3, 1}, uint8(2), uint8(3))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 7, 11, 1, 1, 1, 1, 1}, uint8(1), uint8(9))
	f.Fuzz(func(t *testing.T, ops []byte, limit, room uint8) {
		most, longest := int(limit%8)+1, int(room%8)
		g := newGate(t, func(k *concurrency.Knobs) { k.Limit, k.Wait, k.MaxWaiting = most, time.Second, longest })
		inside, line := 0, []concurrency.Ticket(nil)
		for i, op := range ops {
			now := time.Duration(i)
			switch {
			case op%4 == 0 || op%4 == 3 && len(line) == 0:
				e := g.Enter(now, 0)
				if e.OK != (inside < most) || e.Wait != (!e.OK && len(line) < longest) {
					t.Fatalf("op %d: Enter with %d of %d inside and %d of %d waiting = %+v", i, inside, most, len(line), longest, e)
				}
				if e.OK {
					inside++
				} else if e.Wait {
					line = append(line, e.Ticket)
				}
			case op%4 == 3:
				at := int(op/4) % len(line)
				if !g.GiveUp(line[at]) {
					t.Fatalf("op %d: GiveUp(%d) = false, want true", i, line[at])
				}
				line = slices.Delete(line, at, at+1)
			case inside > 0:
				g.Leave(now, 0, lab.OK)
				inside--
				next, ok := g.Next()
				if ok != (len(line) > 0) || ok && next != line[0] {
					t.Fatalf("op %d: Next() = %d, %v with %v waiting", i, next, ok, line)
				}
				if ok {
					line, inside = line[1:], inside+1
				}
			}
			if g.Inside() != inside || g.Waiting() != len(line) {
				t.Fatalf("op %d: %d inside and %d waiting, want %d and %d", i, g.Inside(), g.Waiting(), inside, len(line))
			}
		}
	})
}

// world is a service with so many slots in first-come order behind the gate.
type world struct {
	gate    *concurrency.Gate
	slots   int
	service func(now time.Duration) float64 // mean in ns; exponential
	rate    float64                         // arrivals a second

	draws *dist.Stream
	now   time.Duration
	next  time.Duration   // arrival
	queue []time.Duration // who waits for a slot, by when it got its place
	busy  []job
	done  int
}

type job struct{ entered, end time.Duration }

// run plays until an instant and returns how many answers a second it gave.
func (w *world) run(until time.Duration) float64 {
	began, before := w.now, w.done
	for {
		first := -1
		for i := range w.busy {
			if first < 0 || w.busy[i].end < w.busy[first].end {
				first = i
			}
		}
		if min(w.next, endOf(w.busy, first)) > until {
			w.now = until
			return float64(w.done-before) / (until - began).Seconds()
		}
		if first < 0 || w.next < w.busy[first].end {
			w.now = w.next
			w.next += time.Duration(w.draws.Exp()/w.rate*1e9) + 1
			if w.gate.Enter(w.now, 0).OK {
				w.queue = append(w.queue, w.now)
			}
		} else {
			j := w.busy[first]
			w.now, w.done = j.end, w.done+1
			w.busy = slices.Delete(w.busy, first, first+1)
			w.gate.Leave(w.now, j.entered, lab.OK)
		}
		for len(w.queue) > 0 && len(w.busy) < w.slots {
			w.busy = append(w.busy, job{w.queue[0], w.now + time.Duration(w.draws.Exp()*w.service(w.now))})
			w.queue = w.queue[1:]
		}
	}
}

func endOf(busy []job, i int) time.Duration {
	if i < 0 {
		return 1 << 62
	}
	return busy[i].end
}

func adaptiveWorld(t *testing.T, start int, seed uint64, service func(time.Duration) float64, rate float64) *world {
	t.Helper()
	return &world{
		gate: newGate(t, func(k *concurrency.Knobs) {
			k.Algorithm, k.Limit, k.MinLimit, k.MaxLimit, k.Wait = "adaptive", start, 4, 1000, 0
		}),
		slots: 20, service: service, rate: rate, draws: dist.New(seed, "world"),
	}
}

// Twenty slots of 20 ms serve 1000 a second. Offered twice that, the limit must
// come to rest near the twenty from either side: enough to keep them busy, and
// few enough that a request waits not much longer than it is worked on.
func TestAdaptiveFindsTheCapacity(t *testing.T) {
	for _, start := range []int{4, 40, 400} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprintf("from %d, seed %d", start, seed), func(t *testing.T) {
				w := adaptiveWorld(t, start, seed, func(time.Duration) float64 { return 20e6 }, 2000)
				w.run(30 * time.Second)
				for range 6 { // looked at over half a minute, at steps that miss the probes' rhythm
					served := w.run(w.now + 4700*time.Millisecond)
					if served < 900 {
						t.Errorf("at %v: %.0f served a second, want at least 900 of 1000", w.now, served)
					}
					if n := w.gate.Inside(); n > 80 {
						t.Errorf("at %v: %d inside, want at most four times the 20 slots", w.now, n)
					}
				}
			})
		}
	}
}

func TestAdaptiveFollowsTheServiceTime(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			// From 60 s to 120 s everything takes twice as long; later it is normal.
			w := adaptiveWorld(t, 40, seed, func(now time.Duration) float64 {
				if now > 60*time.Second && now < 120*time.Second {
					return 40e6
				}
				return 20e6
			}, 2000)
			w.run(61 * time.Second)
			lowest := w.gate.Limit()
			for w.now < 75*time.Second {
				w.run(w.now + 100*time.Millisecond)
				lowest = min(lowest, w.gate.Limit())
			}
			slow := w.run(119 * time.Second)
			w.run(125 * time.Second)
			fast := w.run(160 * time.Second)
			if slow < 450 || fast < 900 {
				t.Errorf("served %.0f a second while slow and %.0f after, want 90 %% of 500 and of 1000", slow, fast)
			}
			if lowest > 25 {
				t.Errorf("the limit fell to %d when the time doubled, want at most 25", lowest)
			}
		})
	}
}

// What does not slow down under load needs no limit: it grows as far as used.
func TestAdaptiveGrowsWhenNothingQueues(t *testing.T) {
	w := adaptiveWorld(t, 4, 1, func(time.Duration) float64 { return 20e6 }, 10_000)
	w.slots = 1000 // 200 are needed
	w.run(40 * time.Second)
	if served := w.run(60 * time.Second); served < 9500 {
		t.Errorf("served %.0f of 10000 a second, want at least 9500", served)
	}
}

func TestFastFailuresAreNotSpeed(t *testing.T) {
	g := newGate(t, func(k *concurrency.Knobs) { k.Algorithm, k.Limit, k.Wait = "adaptive", 40, 0 })
	now := time.Duration(0)
	for range 10_000 {
		now += time.Millisecond
		if e := g.Enter(now, 0); e.OK {
			g.Leave(now, now, lab.Failed)
		}
	}
	if g.Limit() != 40 {
		t.Errorf("limit after 10,000 instant failures = %d, want 40 as before", g.Limit())
	}
}

func TestConformance(t *testing.T) { patterntest.Run(t, concurrency.Pattern()) }

// trace is an overload in which every third request has a deadline, some of
// them before a place can be free.
func trace(n int) []patterntest.Arrival {
	out := patterntest.Poisson(9, n, 1500, 40*time.Millisecond)
	r := dist.New(4, "deadlines")
	for i := range out {
		if i%3 == 0 {
			out[i].Request.Deadline = out[i].At + time.Duration(r.Exp()*60e6)
		}
	}
	return out
}

func TestTwins(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings map[string]any
		want     []lab.Reason
	}{
		{"defaults", nil, []lab.Reason{concurrency.ReasonWait, lab.ReasonDeadline}},
		{"no wait", map[string]any{"wait": "0s"}, []lab.Reason{concurrency.ReasonFull, lab.ReasonDeadline}},
		{"few may wait", map[string]any{"limit": 10, "max_waiting": 5, "wait": "500ms"}, []lab.Reason{concurrency.ReasonFull, lab.ReasonDeadline}},
		{"adaptive", map[string]any{"algorithm": "adaptive", "limit": 10, "probe": "200ms"}, []lab.Reason{concurrency.ReasonWait}},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := map[lab.Reason]int{}
			for _, r := range patterntest.Twin(t, concurrency.Pattern(), c.settings, trace(2000)) {
				seen[r.Response.Reason]++
			}
			for _, reason := range c.want {
				if seen[reason] == 0 {
					t.Errorf("no request ended for %s in %v, want a trace that shows it", reason, seen)
				}
			}
		})
	}
}
