package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/retry"
	"workbench/sim/clock"
)

func live(t testing.TB, k retry.Knobs, uniform float64) (lab.Live, *clock.Wall, *lab.Counters) {
	t.Helper()
	l := patterntest.Open(t, retry.Pattern(), &k, patterntest.Luck(uniform))
	return l, l.Clock, l.Counters
}

// failing fails the first n calls, each after 1 ms.
func failing(wall *clock.Wall, n int) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, _ *lab.Request) lab.Response {
		if err := wall.Wait(ctx, wall.Now()+ms); err != nil {
			return lab.Answer(nil, err)
		}
		if n--; n >= 0 {
			return lab.Refuse(lab.Failed, lab.ReasonDown, 0)
		}
		return lab.Response{}
	})
}

func TestServe(t *testing.T) {
	tests := []struct {
		name     string
		state    lab.State
		failures int
		request  lab.Request
		outcome  lab.Outcome
		at       time.Duration
		counts   map[string]uint64
	}{
		{"works at once", lab.On, 0, lab.Request{Read: true}, lab.OK, ms, map[string]uint64{"tries": 1}},
		{"works the second time", lab.On, 1, lab.Request{Read: true}, lab.OK, 12 * ms, map[string]uint64{"tries": 2, "retries": 1}},
		{"works the third time", lab.On, 2, lab.Request{Read: true}, lab.OK, 28 * ms, map[string]uint64{"tries": 3, "retries": 2}},
		{"never works", lab.On, 9, lab.Request{Read: true}, lab.Failed, 28 * ms, map[string]uint64{"tries": 3, "retries": 2, "gave_up": 1}},
		{"no time for it", lab.On, 9, lab.Request{Read: true, Deadline: 20 * ms}, lab.Failed, 12 * ms, map[string]uint64{"tries": 2, "retries": 1, "gave_up": 1}},
		{"a write", lab.On, 9, lab.Request{}, lab.Failed, ms, map[string]uint64{"tries": 1}},
		{"shadow", lab.Shadow, 9, lab.Request{Read: true}, lab.Failed, ms, map[string]uint64{"tries": 1, "retries": 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, wall, counters := live(t, plain(), 0)
				res := l.Wrap(failing(wall, tt.failures), tt.state).Serve(t.Context(), &tt.request)
				if res.Outcome != tt.outcome || wall.Now() != tt.at {
					t.Errorf("Serve = %v at %v, want %v at %v", res.Outcome, wall.Now(), tt.outcome, tt.at)
				}
				for name, got := range counters.All() {
					if got != tt.counts[name] {
						t.Errorf("counter %s = %d, want %d", name, got, tt.counts[name])
					}
				}
			})
		})
	}
}

func TestBudgetGaugeAndDenial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := plain()
		k.Tries, k.Budget = 2, 0.001
		l, wall, counters := live(t, k, 0)
		h := l.Wrap(failing(wall, 1000), lab.On)
		for range 30 {
			h.Serve(t.Context(), &lab.Request{Read: true})
		}
		if all := counters.All(); all["retries"] != 10 || all["budget_denied"] != 20 || all["gave_up"] != 10 {
			t.Errorf("counters %v, want retries 10, budget_denied 20, gave_up 10", all)
		}
		g := l.Gauges(wall.Now())
		// Of the 30 deposits of 0.001, the first found the reserve full.
		if g[0].Name != "budget_retries" || g[0].Value != 0.029 || g[1] != (lab.Gauge{Name: "pausing"}) {
			t.Errorf("Gauges = %+v, want budget_retries 0.029 and pausing 0", g)
		}
	})
}

func TestPausingGaugeAndShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, wall, _ := live(t, plain(), 0)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan lab.Response)
		go func() { done <- l.Wrap(failing(wall, 9), lab.On).Serve(ctx, &lab.Request{Read: true}) }()
		if err := wall.Wait(t.Context(), 5*ms); err != nil {
			t.Fatal(err)
		}
		if g := l.Gauges(wall.Now()); g[0].Text != "no budget" || g[1].Value != 1 {
			t.Errorf("Gauges = %+v, want no budget and 1 pausing", g)
		}
		cancel()
		if res := <-done; res.Outcome != lab.Failed || wall.Now() != 5*ms {
			t.Errorf("Serve = %v at %v, want the failure at once, at 5ms", res.Outcome, wall.Now())
		}
	})
}

// TestLikeFailsafe compares instants and number of calls with failsafe-go's
// exponential backoff, without jitter and budget.
func TestLikeFailsafe(t *testing.T) {
	for failures := range 8 {
		synctest.Test(t, func(t *testing.T) {
			k := retry.Knobs{Tries: 6, Base: 10 * ms, Cap: 50 * ms}
			l, wall, counters := live(t, k, 0)
			res := l.Wrap(failing(wall, failures), lab.On).Serve(t.Context(), &lab.Request{Read: true})
			took := wall.Now()

			errDown := errors.New("down")
			policy := retrypolicy.NewBuilder[any]().WithMaxAttempts(k.Tries).WithBackoff(k.Base, k.Cap).Build()
			start, calls, left := wall.Now(), 0, failing(wall, failures)
			_, err := failsafe.With(policy).Get(func() (any, error) {
				calls++
				if left.Serve(t.Context(), &lab.Request{}).Outcome.Good() {
					return nil, nil
				}
				return nil, errDown
			})
			if res.Outcome.Good() != (err == nil) || took != wall.Now()-start || counters.All()["tries"] != uint64(calls) {
				t.Errorf("%d failures: %v after %v and %v, failsafe %v after %v and %d calls",
					failures, res.Outcome, took, counters.All(), err, wall.Now()-start, calls)
			}
		})
	}
}
