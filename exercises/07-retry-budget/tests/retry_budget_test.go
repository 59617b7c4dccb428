//go:build exercise

package retrybudget_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	retrybudget "workbench/exercises/07-retry-budget/start"
)

// telling knows which tests are over: who is still under way then has nobody to tell.
var telling = struct {
	sync.Mutex
	over map[testing.TB]bool
}{over: map[testing.TB]bool{}}

// tell writes down what happened, for the verdict to list, with the instant in
// a bubble, which begins with the year 2000. Outside of one there is none to tell.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	telling.Lock()
	defer telling.Unlock()
	over, known := telling.over[t]
	if over {
		return
	}
	if !known {
		telling.over[t] = false
		t.Cleanup(func() {
			telling.Lock()
			defer telling.Unlock()
			telling.over[t] = true
		})
	}
	at := "-"
	if d := time.Since(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)); d < 10_000*time.Hour {
		at = d.String()
	}
	t.Logf("@%s %s", at, fmt.Sprintf(format, args...))
}

var errDown = errors.New("connection refused")

func transient() error { return &retrybudget.Transient{Err: errDown} }

// retrier returns one with 4 tries, waits of at most 1, 2 and 4 s that are taken
// in full, and a budget that is no obstacle.
func retrier(t testing.TB, set ...func(*retrybudget.Config)) *retrybudget.Retrier {
	t.Helper()
	cfg := retrybudget.Config{Tries: 4, Base: time.Second, Max: time.Minute, Budget: 0, Burst: 1000, Rand: func() float64 { return 1 - 1e-12 }}
	for _, f := range set {
		f(&cfg)
	}
	r, err := retrybudget.New(cfg)
	if err != nil {
		t.Fatalf("New = %v, want a retrier", err)
	}
	return r
}

// server fails the first calls and notes when it is called.
type server struct {
	t     testing.TB
	fails int
	err   func() error
	began time.Time
	calls []time.Duration
}

func (s *server) call(context.Context) error {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	s.calls = append(s.calls, time.Since(s.began).Round(time.Millisecond))
	var err error
	if len(s.calls) <= s.fails {
		err = s.err()
	}
	tell(s.t, "call %d = %v", len(s.calls), err)
	return err
}

// do makes a call and writes down what came of it.
func do(t testing.TB, ctx context.Context, r *retrybudget.Retrier, idempotent bool, call func(context.Context) error) error {
	t.Helper()
	tell(t, "Do is called, idempotent: %v", idempotent)
	err := r.Do(ctx, idempotent, call)
	tell(t, "Do = %v", err)
	return err
}

// calledAt wants calls at these instants after the first.
func (s *server) calledAt(t testing.TB, want ...time.Duration) {
	t.Helper()
	if fmt.Sprint(s.calls) != fmt.Sprint(want) {
		t.Errorf("called at %v, want %v", s.calls, want)
	}
}

func TestSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t}
		if err := do(t, t.Context(), retrier(t), true, s.call); err != nil {
			t.Errorf("Do of a call that works = %v, want nil", err)
		}
		s.calledAt(t, 0)
	})
}

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, fails: 2, err: transient}
		if err := do(t, t.Context(), retrier(t), true, s.call); err != nil {
			t.Errorf("Do of a call that works the third time = %v, want nil", err)
		}
		s.calledAt(t, 0, time.Second, 3*time.Second)
	})
}

// After the last try there is nothing to wait for.
func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, fails: 100, err: transient}
		began := time.Now()
		err := do(t, t.Context(), retrier(t), true, s.call)
		if !errors.Is(err, errDown) {
			t.Errorf("Do = %v, want the last error", err)
		}
		s.calledAt(t, 0, time.Second, 3*time.Second, 7*time.Second)
		if took := time.Since(began).Round(time.Millisecond); took != 7*time.Second {
			t.Errorf("it gave up after %v, want 7s: no wait after the last try", took)
		}
	})
}

func TestOnlyTransient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("no such user")
		s := &server{t: t, fails: 100, err: func() error { return bad }}
		if err := do(t, t.Context(), retrier(t), true, s.call); err != bad {
			t.Errorf("Do = %v, want the error as it is", err)
		}
		s.calledAt(t, 0)
	})
}

func TestOnlyIdempotent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, fails: 100, err: transient}
		if err := do(t, t.Context(), retrier(t), false, s.call); !errors.Is(err, errDown) {
			t.Errorf("Do = %v, want the call's error", err)
		}
		s.calledAt(t, 0) // a payment is not tried twice
	})
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, fails: 1, err: func() error {
			return fmt.Errorf("pay: %w", &retrybudget.Transient{Err: errDown, RetryAfter: 90 * time.Second})
		}}
		if err := do(t, t.Context(), retrier(t), true, s.call); err != nil {
			t.Errorf("Do = %v, want nil", err)
		}
		s.calledAt(t, 0, 90*time.Second)
	})
}
