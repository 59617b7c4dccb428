package plug_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"workbench/lab"
)

// flaky fails each first call of a request.
type flaky struct{ asked atomic.Int64 }

func (f *flaky) Serve(_ context.Context, r *lab.Request) lab.Response {
	f.asked.Add(1)
	if r.Body == nil {
		r.Body = []byte("once")
		return lab.Answer(nil, lab.ErrFail)
	}
	return lab.Response{}
}

// An answer to the exercise has failed reads made again, as long as its budget
// lasts, and never a write.
func TestRetrySlot(t *testing.T) {
	w := open(t)
	w.guard.Deadline = 5 * time.Second // a busy machine must not count as a fault here
	e := w.exercise("retry-budget")
	s := &flaky{}
	environment := env()
	h, l := at(t, "retry", map[string]any{"tries": 3, "base": "1ms", "cap": "2ms", "budget": .01}, w.build("retry-budget", answers(t, e, e.Right[0]), ""), environment, s)
	for i := range 15 {
		if res := h.Serve(t.Context(), &lab.Request{Read: true}); (res.Outcome == lab.OK) != (i < 10) {
			t.Errorf("read %d is %v, want ten saved retries", i+1, res.Outcome)
		}
	}
	if res := h.Serve(t.Context(), &lab.Request{Patience: environment.Clock.Now() + time.Minute}); res.Outcome != lab.Failed {
		t.Errorf("a write is %v, want failed: it is not repeated", res.Outcome)
	}
	n := environment.Counters.All()
	if s.asked.Load() != 26 || n["tries"] != 26 || n["retries"] != 10 || n["gave_up"] != 5 || n[lab.EventDecisions] != 16 || n[lab.EventFallbacks] != 0 || n[lab.EventTrips] != 0 {
		t.Errorf("%d calls, counters %v; want 26 for 16 decisions, 10 of them again", s.asked.Load(), n)
	}
	if n[lab.EventAgreed] != 15 || n[lab.EventDiffered] != 0 {
		t.Errorf("counters %v, want ten retries and five ends as ours", n)
	}
	if g := gaugeOf(l, environment, lab.GaugeGuard); g.Text != "closed" {
		t.Errorf("the guard says %q, want that it is closed", g.Text)
	}
}

// retrier is an answer to retry-budget whose Do is body.
func retrier(body string) map[string]string {
	return map[string]string{"retry_budget.go": `package retrybudget

import (
	"context"
	"sync/atomic"
	"time"
)

type Transient struct {
	Err        error
	RetryAfter time.Duration
}

func (t *Transient) Error() string { return "transient" }
func (t *Transient) Unwrap() error { return t.Err }

type Config struct {
	Tries  int
	Base   time.Duration
	Max    time.Duration
	Budget float64
	Burst  int
	Rand   func() float64
}

type Retrier struct{ n atomic.Int64 }

func New(cfg Config) (*Retrier, error) { return &Retrier{}, nil }

func (r *Retrier) Do(ctx context.Context, idempotent bool, call func(context.Context) error) error {
	n := r.n.Add(1)
	_ = n
	` + body + `
	return call(ctx)
}
`}
}

// A retrier that ends, hangs or calls without end opens the guard; everybody is
// answered, and no call is made for it afterwards.
func TestWhatTripsTheGuardOfARetry(t *testing.T) {
	w := open(t)
	for _, c := range []struct{ name, body, why string }{
		{"a panic", `if n > 2 { panic("two is enough") }`, "panic: two is enough"},
		{"a panic after the call", `if n > 2 { call(ctx); panic("two is enough") }`, "panic: two is enough"},
		{"a loop without end", `for n > 2 { n++ }`, "it hangs: no answer for "},
		{"calls without end", `for n > 2 { call(ctx) }`, "it talks nonsense: one load too many for question "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, e := w, env()
			h, l := at(t, "retry", map[string]any{"cap": "10ms", "base": "1ms"}, w.build("retry-budget", retrier(c.body), ""), e, served)
			seen := trip(t, l, e, func(int) {
				if res := h.Serve(t.Context(), &lab.Request{Read: true}); res.Outcome != lab.OK {
					t.Errorf("a request is %v for %s, want ok", res.Outcome, res.Reason)
				}
			})
			if !strings.Contains(seen, c.why) {
				t.Errorf("the guard says %q, want that it is open for good for %q", seen, c.why)
			}
			if n := e.Counters.All(); n[lab.EventTrips] != 3 || n[lab.EventRestarts] != 2 || n[lab.EventFallbacks] == 0 {
				t.Errorf("counters %v, want 3 trips, 2 restarts and some fallbacks", n)
			}
		})
	}
}
