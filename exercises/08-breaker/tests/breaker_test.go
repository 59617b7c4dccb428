//go:build exercise

package breaker_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	breaker "workbench/exercises/08-breaker/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

var errSick = errors.New("the dependency is sick")

const second = time.Second

// newBreaker returns one that opens at 3 failures among 5, for 10 s, and closes
// after 2 probes.
func newBreaker(t testing.TB) *breaker.Breaker {
	t.Helper()
	cfg := breaker.Config{Window: 5, Failures: 3, OpenFor: 10 * second, Probes: 2}
	b, err := breaker.New(cfg)
	if err != nil {
		t.Fatalf("New(%+v) = %v, want a breaker", cfg, err)
	}
	return b
}

// word says what Allow answered.
func word(err error) string {
	switch {
	case err == nil:
		return "a ticket"
	case errors.Is(err, breaker.ErrOpen):
		return "ErrOpen"
	}
	return err.Error()
}

func named(s breaker.State) string {
	if name, ok := map[breaker.State]string{breaker.Closed: "closed", breaker.Open: "open", breaker.HalfOpen: "half-open"}[s]; ok {
		return name
	}
	return fmt.Sprint(int(s))
}

// report reports what became of a call.
func report(t testing.TB, b *breaker.Breaker, now time.Duration, ticket breaker.Ticket, err error) {
	t.Helper()
	tell(t, now, "Report(%v)", err)
	b.Report(now, ticket, err)
}

// allow wants to be allowed.
func allow(t testing.TB, b *breaker.Breaker, now time.Duration) breaker.Ticket {
	t.Helper()
	ticket, err := b.Allow(now)
	tell(t, now, "Allow = %v", word(err))
	if err != nil {
		t.Fatalf("Allow(%v) = %v, want a ticket", now, err)
	}
	return ticket
}

// call makes calls with these results, one after another.
func call(t testing.TB, b *breaker.Breaker, now time.Duration, results ...error) {
	t.Helper()
	for _, err := range results {
		report(t, b, now, allow(t, b, now), err)
	}
}

func refused(t testing.TB, b *breaker.Breaker, now time.Duration, why string) {
	t.Helper()
	_, err := b.Allow(now)
	tell(t, now, "Allow = %v", word(err))
	if !errors.Is(err, breaker.ErrOpen) {
		t.Errorf("%s: Allow(%v) = %v, want ErrOpen", why, now, err)
	}
}

func state(t testing.TB, b *breaker.Breaker, now time.Duration, want breaker.State, why string) {
	t.Helper()
	got := b.State(now)
	tell(t, now, "State = %s", named(got))
	if got != want {
		t.Errorf("%s: State(%v) = %d, want %d (0 closed, 1 open, 2 half-open)", why, now, got, want)
	}
}

// opened returns a breaker that opened at 0.
func opened(t testing.TB) *breaker.Breaker {
	t.Helper()
	b := newBreaker(t)
	call(t, b, 0, errSick, errSick, errSick)
	state(t, b, 0, breaker.Open, "after 3 failures")
	return b
}

func TestOpens(t *testing.T) {
	b := newBreaker(t)
	state(t, b, 0, breaker.Closed, "new")
	call(t, b, 0, errSick, nil, errSick, nil)
	state(t, b, 0, breaker.Closed, "after 2 failures among 4")
	call(t, b, 0, errSick)
	state(t, b, 0, breaker.Open, "after 3 failures among 5")
	refused(t, b, 9999*time.Millisecond, "open for 10 s")
}

// Failures that are long ago, counted in calls, are forgotten.
func TestWindow(t *testing.T) {
	b := newBreaker(t)
	for range 20 {
		call(t, b, 0, errSick, errSick, nil, nil, nil)
	}
	state(t, b, 0, breaker.Closed, "never 3 failures among 5 in a row")
	call(t, b, 0, nil, nil, errSick, errSick)
	state(t, b, 0, breaker.Closed, "2 failures among the last 5")
	call(t, b, 0, nil, errSick)
	state(t, b, 0, breaker.Open, "3 failures among the last 5")
}

func TestHalfOpen(t *testing.T) {
	b := opened(t)
	state(t, b, 10*second, breaker.HalfOpen, "after 10 s")
	probe := allow(t, b, 10*second)
	refused(t, b, 11*second, "a probe is under way")
	report(t, b, 12*second, probe, nil)
	state(t, b, 12*second, breaker.HalfOpen, "after one of two probes")
	probe = allow(t, b, 12*second)
	refused(t, b, 12*second, "the second probe is under way")
	report(t, b, 13*second, probe, nil)
	state(t, b, 13*second, breaker.Closed, "after two probes")
	call(t, b, 13*second, errSick, errSick)
	state(t, b, 13*second, breaker.Closed, "2 failures: those before it opened are forgotten")
	call(t, b, 13*second, errSick)
	state(t, b, 13*second, breaker.Open, "3 failures")
}

func TestProbeFails(t *testing.T) {
	b := opened(t)
	call(t, b, 10*second, nil)
	call(t, b, 11*second, errSick)
	state(t, b, 11*second, breaker.Open, "after a probe that failed")
	refused(t, b, 20*second, "9 s after a probe that failed")
	call(t, b, 21*second, nil)
	state(t, b, 21*second, breaker.HalfOpen, "one success: the one before the failure does not count")
	call(t, b, 21*second, nil)
	state(t, b, 21*second, breaker.Closed, "two successes in a row")
}
