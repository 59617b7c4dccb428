//go:build exercise

package hedge_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	hedge "workbench/exercises/22-hedge/start"
)

type config = hedge.Config

const ms = time.Millisecond

// usual asks again after 50 ms, three times in all, and has savings to do so.
var usual = config{After: 50 * ms, Most: 3, Share: 0.25, Saved: 100}

func hedger(t testing.TB, c config) *hedge.Hedger {
	t.Helper()
	h, err := hedge.New(c)
	if err != nil || h == nil {
		t.Fatalf("New(%+v) = %v, %v; want a hedger", c, h, err)
	}
	return h
}

// step is how one attempt goes: after a while it answers with text, or fails.
type step struct {
	after time.Duration
	text  string
	err   error
	deaf  bool // it does not listen to its context
}

// script is a service whose attempts go as written; those beyond the script go
// like the last. It notes when each began, and its context.
type script struct {
	steps []step
	start time.Time

	mu     sync.Mutex
	begun  []time.Duration
	number []int
	ctxs   []context.Context
}

func play(steps ...step) *script { return &script{steps: steps, start: time.Now()} }

func (s *script) call(ctx context.Context, n int) (string, error) {
	s.mu.Lock()
	s.begun = append(s.begun, time.Since(s.start))
	s.number = append(s.number, n)
	s.ctxs = append(s.ctxs, ctx)
	step := s.steps[min(len(s.begun), len(s.steps))-1]
	s.mu.Unlock()
	ended := ctx.Done()
	if step.deaf {
		ended = nil
	}
	timer := time.NewTimer(step.after)
	defer timer.Stop()
	select {
	case <-timer.C:
		return step.text, step.err
	case <-ended:
		return "", ctx.Err()
	}
}

// began wants the attempts to have begun at these instants, numbered in order.
func (s *script) began(t testing.TB, want ...time.Duration) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.begun, want) {
		t.Errorf("attempts began at %v, want %v", s.begun, want)
	}
	for i, n := range s.number {
		if n != i {
			t.Errorf("attempt %d was given the number %d", i, n)
		}
	}
}

// do wants an answer after a while.
func do(t testing.TB, h *hedge.Hedger, s *script, want string, took time.Duration) {
	t.Helper()
	began := time.Now()
	text, err := h.Do(t.Context(), s.call)
	if text != want || err != nil {
		t.Errorf("Do = %q, %v; want %q", text, err, want)
	}
	if d := time.Since(began); d != took {
		t.Errorf("Do took %v, want %v", d, took)
	}
}

// pass lets virtual time go by, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

func TestFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(step{after: 49 * ms, text: "first"})
		do(t, hedger(t, usual), s, "first", 49*ms)
		pass(time.Second)
		s.began(t, 0)
	})
}

func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(step{after: time.Second, text: "first"}, step{after: 20 * ms, text: "second"})
		do(t, hedger(t, usual), s, "second", 70*ms)
		pass(time.Second)
		s.began(t, 0, 50*ms)
	})
}

// To ask a second replica is not to give the first one up.
func TestFirstMayWin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(step{after: 60 * ms, text: "first"}, step{after: time.Second, text: "second"})
		do(t, hedger(t, usual), s, "first", 60*ms)
		s.began(t, 0, 50*ms)
	})
}

func TestMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(step{after: time.Second, text: "first"}, step{after: time.Hour})
		do(t, hedger(t, usual), s, "first", time.Second)
		s.began(t, 0, 50*ms, 100*ms)
		alone := usual
		alone.Most = 1
		s = play(step{after: time.Minute, text: "only"})
		do(t, hedger(t, alone), s, "only", time.Minute)
		s.began(t, 0)
	})
}

// One who knows that an attempt has failed need not wait.
func TestFailedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(step{after: 10 * ms, err: errors.New("down")}, step{after: 5 * ms, text: "second"})
		do(t, hedger(t, usual), s, "second", 15*ms)
		s.began(t, 0, 10*ms)
	})
}
