package breaker_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/sony/gobreaker/v2"

	"workbench/lab"
	"workbench/lab/pattern/breaker"
	"workbench/lab/pattern/patterntest"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

func live(t testing.TB, k breaker.Knobs) (lab.Live, *clock.Wall, *lab.Counters) {
	t.Helper()
	l := patterntest.Open(t, breaker.Pattern(), &k)
	return l, l.Clock, l.Counters
}

func pause(t testing.TB, c clock.Clock, d time.Duration) {
	t.Helper()
	if err := c.Wait(context.Background(), c.Now()+d); err != nil {
		t.Fatal(err)
	}
}

func TestExactlyProbesUnderRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := small()
		l, wall, counters := live(t, k)
		var failing atomic.Bool
		var below atomic.Int64
		failing.Store(true)
		h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
			if failing.Load() {
				return lab.Refuse(lab.Failed, lab.ReasonDown, 0)
			}
			below.Add(1)
			pause(t, wall, 50*ms)
			return lab.Response{}
		}), lab.On)
		for range k.MinCalls {
			h.Serve(t.Context(), &lab.Request{})
		}
		failing.Store(false)
		pause(t, wall, k.OpenFor)
		var users sync.WaitGroup
		var probing atomic.Int64
		for range 1000 {
			users.Go(func() {
				if res := h.Serve(context.Background(), &lab.Request{}); res.Reason == breaker.ReasonProbing {
					probing.Add(1)
				}
			})
		}
		users.Wait()
		if below.Load() != int64(k.Probes) || probing.Load() != int64(1000-k.Probes) {
			t.Errorf("%d probes and %d refusals of 1000 at once, want %d and %d", below.Load(), probing.Load(), k.Probes, 1000-k.Probes)
		}
		want := []lab.Gauge{{Name: "state", Text: "closed"}, {Name: "failure_share"}, {Name: "open_remaining_seconds"}}
		for i, g := range l.Gauges(wall.Now()) {
			if g != want[i] {
				t.Errorf("gauge %d = %+v, want %+v", i, g, want[i])
			}
		}
		for name, want := range map[string]uint64{"opened": 1, "half_opened": 1, "closed": 1, "refused": 998, "failures": 4, "slow": 0} {
			if got := counters.All()[name]; got != want {
				t.Errorf("counter %s = %d, want %d", name, got, want)
			}
		}
	})
}

func TestOpenGauges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := small()
		l, wall, _ := live(t, k)
		h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
			return lab.Refuse(lab.Failed, lab.ReasonDown, 0)
		}), lab.On)
		for range k.MinCalls {
			h.Serve(t.Context(), &lab.Request{})
		}
		pause(t, wall, 100*ms)
		want := []lab.Gauge{{Name: "state", Value: 2, Text: "open"}, {Name: "failure_share", Value: 1}, {Name: "open_remaining_seconds", Value: 0.4}}
		for i, g := range l.Gauges(wall.Now()) {
			if g != want[i] {
				t.Errorf("gauge %d = %+v, want %+v", i, g, want[i])
			}
		}
		res := h.Serve(t.Context(), &lab.Request{})
		if res.Outcome != lab.Open || res.Reason != breaker.ReasonOpen || res.RetryAfter != 400*ms {
			t.Errorf("Serve while open = %+v, want open, breaker_open, 400ms", res)
		}
	})
}

// In shadow the breaker opens, probes and closes, and every call is made.
func TestShadow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := small()
		l, wall, counters := live(t, k)
		calls := 0
		h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
			if calls++; calls <= k.MinCalls {
				return lab.Refuse(lab.Failed, lab.ReasonDown, 0)
			}
			return lab.Response{}
		}), lab.Shadow)
		for i := range 10 {
			if res := h.Serve(t.Context(), &lab.Request{}); res.Outcome == lab.Open {
				t.Errorf("call %d in shadow was refused", i+1)
			}
		}
		if got := l.Gauges(wall.Now())[0].Text; calls != 10 || got != "open" {
			t.Errorf("%d calls and state %s, want all 10 and open", calls, got)
		}
		pause(t, wall, k.OpenFor)
		h.Serve(t.Context(), &lab.Request{})
		h.Serve(t.Context(), &lab.Request{})
		for name, want := range map[string]uint64{"opened": 1, "closed": 1, "refused": 6, "failures": 4} {
			if got := counters.All()[name]; got != want {
				t.Errorf("counter %s = %d, want %d", name, got, want)
			}
		}
	})
}

// A handler that panics must give its probe back, else a breaker with one probe
// would wait for it.
func TestPanicIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := small()
		l, wall, counters := live(t, k)
		h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { panic("broken handler") }), lab.On)
		for range k.MinCalls {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic did not reach the caller")
					}
				}()
				h.Serve(t.Context(), &lab.Request{})
			}()
		}
		if got := l.Gauges(wall.Now())[0].Text; got != "open" || counters.All()["failures"] != uint64(k.MinCalls) {
			t.Errorf("after %d panics: %s with %v, want open with as many failures", k.MinCalls, got, counters.All())
		}
	})
}

var errCall = errors.New("the call failed")

// pending is one call in flight in both breakers of a comparison.
type pending struct {
	pass  breaker.Pass
	done  func(error)
	began int // step
}

// TestLikeGobreaker runs the same random calls through gobreaker and compares
// admission and state after each step. Results that cross a change of state are
// common. Outside the comparison lie the rules that gobreaker lacks: slow calls
// and probes that never return.
func TestLikeGobreaker(t *testing.T) {
	for name, overlap := range map[string]bool{"rolling window": false, "overlapping calls": true} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				synctest.Test(t, func(t *testing.T) { likeGobreaker(t, seed, overlap) })
			}
		})
	}
}

func likeGobreaker(t *testing.T, seed uint64, overlap bool) {
	k := breaker.Knobs{FailureShare: 0.4, MinCalls: 5, Window: time.Second, OpenFor: 300 * ms, Probes: 3}
	if overlap {
		k.Window = time.Hour // gobreaker dates a result by the call's start, we by its end
	}
	wall := clock.NewWall()
	b := build(t, k)
	theirs := gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		MaxRequests: uint32(k.Probes), Interval: k.Window, BucketPeriod: k.Window / 10, Timeout: k.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			n := c.TotalFailures + c.TotalSuccesses
			return int(n) >= k.MinCalls && float64(c.TotalFailures)/float64(n) >= k.FailureShare
		},
		IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
	})
	draws := dist.New(seed, "gobreaker")
	var open []pending
	finish := func(i int) {
		p := open[i]
		open = append(open[:i], open[i+1:]...)
		v, err := breaker.Success, error(nil)
		switch u := draws.Float64(); {
		case u < 0.45:
			v, err = breaker.Failure, errCall
		case u < 0.55:
			v, err = breaker.Ignored, context.Canceled
		}
		b.Done(wall.Now(), p.pass, v)
		p.done(err)
	}
	states := map[breaker.State]int{}
	for step := range 600 {
		pause(t, wall, time.Duration(1+draws.Float64()*40e6))
		for len(open) > 0 && open[0].began < step-5 {
			finish(0) // well before open_for: a lost probe is another matter
		}
		if overlap && len(open) > 0 && draws.Float64() < 0.5 {
			finish(int(draws.IntN(uint64(len(open)))))
		} else {
			d := b.Allow(wall.Now())
			done, err := theirs.Allow()
			if (d.Reason == "") != (err == nil) {
				t.Fatalf("seed %d step %d: Allow(%v) = %q, gobreaker %v", seed, step, wall.Now(), d.Reason, err)
			}
			if err == nil {
				open = append(open, pending{d.Pass, done, step})
				if !overlap {
					finish(0)
				}
			}
		}
		if got, want := b.State(wall.Now()), theirs.State(); got.String() != want.String() {
			t.Fatalf("seed %d step %d: State(%v) = %v, gobreaker %v", seed, step, wall.Now(), got, want)
		}
		states[b.State(wall.Now())]++
	}
	if len(states) != 3 {
		t.Errorf("seed %d visited %v, want all three states", seed, states)
	}
}

// TestLikeFailsafe does the same with failsafe-go, with one call at a time and a
// window that outlasts the run: its cells begin at other instants, it lets a
// success open the circuit, and it limits probes at once, not in all.
func TestLikeFailsafe(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			k := breaker.Knobs{FailureShare: 0.4, MinCalls: 1, Window: time.Hour, OpenFor: 300 * ms, Probes: 3}
			wall := clock.NewWall()
			b := build(t, k)
			theirs := circuitbreaker.NewBuilder[any]().
				WithFailureRateThreshold(k.FailureShare, uint(k.MinCalls), k.Window).
				WithDelay(k.OpenFor).WithSuccessThreshold(uint(k.Probes)).Build()
			draws := dist.New(seed, "failsafe")
			for step := range 400 {
				pause(t, wall, time.Duration(1+draws.Float64()*80e6))
				d := b.Allow(wall.Now())
				if ok := theirs.TryAcquirePermit(); ok != (d.Reason == "") {
					t.Fatalf("seed %d step %d: Allow(%v) = %q, failsafe %v", seed, step, wall.Now(), d.Reason, ok)
				}
				switch fail := draws.Float64() < 0.2; {
				case d.Reason != "":
				case fail:
					b.Done(wall.Now(), d.Pass, breaker.Failure)
					theirs.RecordFailure()
				default:
					b.Done(wall.Now(), d.Pass, breaker.Success)
					theirs.RecordSuccess()
				}
				if got, want := b.State(wall.Now()).String(), theirs.State().String(); got != want {
					t.Fatalf("seed %d step %d: State(%v) = %s, failsafe %s", seed, step, wall.Now(), got, want)
				}
				if got, want := b.Remaining(wall.Now()), theirs.RemainingDelay(); got != want {
					t.Fatalf("seed %d step %d: Remaining(%v) = %v, failsafe %v", seed, step, wall.Now(), got, want)
				}
			}
		})
	}
}

// overload is a trace whose service times pass the slow limit in its middle.
func overload(seed uint64) []patterntest.Arrival {
	trace := patterntest.Poisson(seed, 800, 400, 60*ms)
	for i := range trace {
		if i > 200 && i < 400 {
			trace[i].Service *= 10
		}
		if i%97 == 0 {
			trace[i].Answers = []lab.Response{lab.Refuse(lab.Failed, lab.ReasonBad, 0)}
		}
		if i%5 == 0 {
			trace[i].Request.Deadline = trace[i].At + 200*ms
		}
	}
	return trace
}

func TestConformance(t *testing.T) { patterntest.Run(t, breaker.Pattern(), overload(3)) }

func TestTwin(t *testing.T) {
	knobs := map[string]any{"window": "300ms", "slow": "150ms", "open_for": "200ms", "probes": 3}
	reasons := map[lab.Reason]int{}
	for _, r := range patterntest.Twin(t, breaker.Pattern(), knobs, overload(5)) {
		reasons[r.Response.Reason]++
	}
	if reasons[breaker.ReasonOpen] == 0 || reasons[breaker.ReasonProbing] == 0 || reasons[""] < 300 {
		t.Errorf("reasons %v, want some breaker_open, some breaker_probing and 300 served", reasons)
	}
}

func BenchmarkCall(b *testing.B) {
	work := func() (any, error) { return nil, nil }
	b.Run("ours", func(b *testing.B) {
		l, _, _ := live(b, breaker.Defaults())
		h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for r := (&lab.Request{}); pb.Next(); {
				h.Serve(context.Background(), r)
			}
		})
	})
	b.Run("gobreaker", func(b *testing.B) {
		c := gobreaker.NewCircuitBreaker[any](gobreaker.Settings{Interval: 2 * time.Second, BucketPeriod: 200 * ms})
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Execute(work); err != nil {
					b.Error(err)
				}
			}
		})
	})
	theirs := circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(0.5, 20, 2*time.Second).Build()
	b.Run("failsafe permit", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if theirs.TryAcquirePermit() {
					theirs.RecordSuccess()
				}
			}
		})
	})
	b.Run("failsafe executor", func(b *testing.B) {
		e := failsafe.With(theirs)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := e.Get(work); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
