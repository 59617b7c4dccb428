//go:build exercise

package hedge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	hedge "workbench/exercises/22-hedge/start"
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
	t     testing.TB
	steps []step
	start time.Time

	mu     sync.Mutex
	begun  []time.Duration
	number []int
	ctxs   []context.Context
}

func play(t testing.TB, steps ...step) *script {
	return &script{t: t, steps: steps, start: time.Now()}
}

func (s *script) call(ctx context.Context, n int) (string, error) {
	s.mu.Lock()
	s.begun = append(s.begun, time.Since(s.start))
	s.number = append(s.number, n)
	s.ctxs = append(s.ctxs, ctx)
	step := s.steps[min(len(s.begun), len(s.steps))-1]
	s.mu.Unlock()
	tell(s.t, "attempt %d begins", n)
	text, err := step.play(ctx)
	tell(s.t, "attempt %d = %q, %v", n, text, err)
	return text, err
}

func (step step) play(ctx context.Context) (string, error) {
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

// ask makes a request and writes down its answer.
func ask(t testing.TB, ctx context.Context, h *hedge.Hedger, call hedge.Call) (string, error) {
	t.Helper()
	tell(t, "Do is called")
	text, err := h.Do(ctx, call)
	tell(t, "Do = %q, %v", text, err)
	return text, err
}

// do wants an answer after a while.
func do(t testing.TB, h *hedge.Hedger, s *script, want string, took time.Duration) {
	t.Helper()
	began := time.Now()
	text, err := ask(t, t.Context(), h, s.call)
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
		s := play(t, step{after: 49 * ms, text: "first"})
		do(t, hedger(t, usual), s, "first", 49*ms)
		pass(time.Second)
		s.began(t, 0)
	})
}

func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, step{after: time.Second, text: "first"}, step{after: 20 * ms, text: "second"})
		do(t, hedger(t, usual), s, "second", 70*ms)
		pass(time.Second)
		s.began(t, 0, 50*ms)
	})
}

// To ask a second replica is not to give the first one up.
func TestFirstMayWin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, step{after: 60 * ms, text: "first"}, step{after: time.Second, text: "second"})
		do(t, hedger(t, usual), s, "first", 60*ms)
		s.began(t, 0, 50*ms)
	})
}

func TestMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, step{after: time.Second, text: "first"}, step{after: time.Hour})
		do(t, hedger(t, usual), s, "first", time.Second)
		s.began(t, 0, 50*ms, 100*ms)
		alone := usual
		alone.Most = 1
		s = play(t, step{after: time.Minute, text: "only"})
		do(t, hedger(t, alone), s, "only", time.Minute)
		s.began(t, 0)
	})
}

// One who knows that an attempt has failed need not wait.
func TestFailedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, step{after: 10 * ms, err: errors.New("down")}, step{after: 5 * ms, text: "second"})
		do(t, hedger(t, usual), s, "second", 15*ms)
		s.began(t, 0, 10*ms)
	})
}
