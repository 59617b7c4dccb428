//go:build exercise

package breaker_test

import (
	"errors"
	"testing"
	"time"

	breaker "workbench/exercises/08-breaker/start"
)

// usual opens when half of at least 4 calls of the last 10 s have failed, for 5 s.
var usual = breaker.Config{Share: 0.5, MinCalls: 4, Window: 10 * time.Second, OpenFor: 5 * time.Second}

func build(t testing.TB, cfg breaker.Config) *breaker.Breaker {
	t.Helper()
	b, err := breaker.New(cfg)
	if err != nil || b == nil {
		t.Fatalf("New(%+v) = %v, %v; want a breaker", cfg, b, err)
	}
	return b
}

// allow wants a pass.
func allow(t testing.TB, b *breaker.Breaker, now time.Duration) breaker.Pass {
	t.Helper()
	p, err := b.Allow(now)
	if err != nil {
		t.Fatalf("at %v Allow = %v, want a pass", now, err)
	}
	return p
}

func refuse(t testing.TB, b *breaker.Breaker, now time.Duration) {
	t.Helper()
	if _, err := b.Allow(now); !errors.Is(err, breaker.ErrOpen) {
		t.Errorf("at %v Allow = %v, want ErrOpen", now, err)
	}
}

// calls makes calls that end like this, one after the other.
func calls(t testing.TB, b *breaker.Breaker, now time.Duration, results ...breaker.Result) {
	t.Helper()
	for _, r := range results {
		b.Report(now, allow(t, b, now), r)
	}
}

func state(t testing.TB, b *breaker.Breaker, now time.Duration, want breaker.State) {
	t.Helper()
	names := map[breaker.State]string{breaker.Closed: "closed", breaker.Open: "open", breaker.HalfOpen: "half-open"}
	if got := b.State(now); got != want {
		t.Errorf("at %v it is %s, want %s", now, names[got], names[want])
	}
}

const (
	good = breaker.Success
	bad  = breaker.Failure
	none = breaker.Ignored
)

func TestOpens(t *testing.T) {
	b := build(t, usual)
	calls(t, b, 0, good, good, bad)
	state(t, b, 0, breaker.Closed)
	calls(t, b, time.Second, bad)
	state(t, b, time.Second, breaker.Open)
	refuse(t, b, time.Second)
	refuse(t, b, 5900*time.Millisecond)
}

func TestMinCalls(t *testing.T) {
	b := build(t, usual)
	calls(t, b, 0, bad, bad, bad)
	state(t, b, 0, breaker.Closed)
	calls(t, b, 0, bad)
	state(t, b, 0, breaker.Open)
}

func TestHalfOpen(t *testing.T) {
	b := build(t, usual)
	calls(t, b, 0, bad, bad, bad, bad)
	state(t, b, 5100*time.Millisecond, breaker.HalfOpen)
	probe := allow(t, b, 5100*time.Millisecond)
	refuse(t, b, 5100*time.Millisecond)
	refuse(t, b, 6*time.Second)
	state(t, b, 6*time.Second, breaker.HalfOpen)
	b.Report(6*time.Second, probe, good)
	state(t, b, 6*time.Second, breaker.Closed)
	calls(t, b, 6*time.Second, good, good)
}

func TestProbeFails(t *testing.T) {
	b := build(t, usual)
	calls(t, b, 0, bad, bad, bad, bad)
	probe := allow(t, b, 7*time.Second)
	b.Report(8*time.Second, probe, bad)
	state(t, b, 8*time.Second, breaker.Open)
	refuse(t, b, 8*time.Second)
	refuse(t, b, 12900*time.Millisecond)
	allow(t, b, 13100*time.Millisecond)
}
