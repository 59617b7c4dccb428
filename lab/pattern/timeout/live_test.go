package timeout_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	theirs "github.com/failsafe-go/failsafe-go/timeout"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/timeout"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

const ms = time.Millisecond

func live(t testing.TB, k timeout.Knobs) (lab.Live, *clock.Wall, *lab.Counters) {
	t.Helper()
	l := patterntest.Open(t, timeout.Pattern(), &k)
	return l, l.Clock, l.Counters
}

// TestLateAnswers covers a handler that ignores its deadline, as broken code
// does, besides one that keeps it.
func TestLateAnswers(t *testing.T) {
	tests := []struct {
		name   string
		state  lab.State
		obeys  bool
		takes  time.Duration
		at     time.Duration // when the answer came
		reason lab.Reason
		late   uint64
	}{
		{"in time", lab.On, true, 99 * ms, 99 * ms, "", 0},
		{"at the deadline", lab.On, true, 100 * ms, 100 * ms, timeout.ReasonTimeout, 1},
		{"the deadline is kept", lab.On, true, time.Second, 100 * ms, timeout.ReasonTimeout, 1},
		{"the deadline is ignored", lab.On, false, time.Second, time.Second, timeout.ReasonTimeout, 1},
		{"shadow", lab.Shadow, true, time.Second, time.Second, "", 1},
		{"shadow in time", lab.Shadow, true, 99 * ms, 99 * ms, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, wall, counters := live(t, timeout.Knobs{Limit: 100 * ms, Propagate: true})
				h := l.Wrap(lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
					end := wall.Now() + tt.takes
					if tt.obeys && r.Deadline > 0 {
						end = min(end, r.Deadline)
					}
					if err := wall.Wait(ctx, end); err != nil {
						t.Error(err)
					}
					return lab.Response{}
				}), tt.state)
				res := h.Serve(t.Context(), &lab.Request{})
				if wall.Now() != tt.at || res.Reason != tt.reason || (tt.reason != "") != (res.Outcome == lab.Late) {
					t.Errorf("Serve = %+v at %v, want reason %q at %v", res, wall.Now(), tt.reason, tt.at)
				}
				if got := counters.All()["late"]; got != tt.late {
					t.Errorf("counter late = %d, want %d", got, tt.late)
				}
			})
		})
	}
}

func TestCallerThatHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, wall, counters := live(t, timeout.Defaults())
		if err := wall.Wait(t.Context(), 10*ms); err != nil {
			t.Fatal(err)
		}
		h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
			t.Error("work was begun for a caller that has left")
			return lab.Response{}
		}), lab.On)
		res := h.Serve(t.Context(), &lab.Request{Patience: 5 * ms})
		if res.Outcome != lab.Late || res.Reason != timeout.ReasonTimeout || counters.All()["late_on_entry"] != 1 {
			t.Errorf("Serve = %+v with %v, want late, timeout, late_on_entry 1", res, counters.All())
		}
		if g := l.Gauges(wall.Now()); len(g) != 1 || g[0] != (lab.Gauge{Name: "limit_seconds", Value: 1}) {
			t.Errorf("Gauges = %+v, want limit_seconds 1", g)
		}
	})
}

// TestLikeFailsafe compares verdicts with failsafe-go, which cancels a context
// where we pass a deadline.
func TestLikeFailsafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 100 * ms
		l, wall, _ := live(t, timeout.Knobs{Limit: limit})
		policy := failsafe.With(theirs.New[lab.Response](limit))
		draws := dist.New(1, "failsafe")
		for range 200 {
			takes := time.Duration(draws.Float64() * 2 * float64(limit))
			ours := l.Wrap(lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
				return lab.Answer(nil, wall.Wait(ctx, min(wall.Now()+takes, r.Deadline)))
			}), lab.On).Serve(t.Context(), &lab.Request{})
			_, err := policy.WithContext(t.Context()).GetWithExecution(func(e failsafe.Execution[lab.Response]) (lab.Response, error) {
				return lab.Response{}, wall.Wait(e.Context(), wall.Now()+takes)
			})
			if got, want := ours.Outcome == lab.Late, errors.Is(err, theirs.ErrExceeded); got != want {
				t.Errorf("a call of %v: late %v, failsafe %v", takes, got, want)
			}
		}
	})
}

func BenchmarkServe(b *testing.B) {
	l, _, _ := live(b, timeout.Defaults())
	h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := lab.Request{}
			h.Serve(context.Background(), &r)
		}
	})
}
