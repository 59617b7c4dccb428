//go:build exercise

package deadlinepropagation_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	deadlinepropagation "workbench/exercises/10-deadline-propagation/start"
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

type step = deadlinepropagation.Step

const ms = time.Millisecond

// takes is a call that answers after d, or ends with its context.
func takes(d time.Duration) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		select {
		case <-time.After(d):
			return "ok", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// fails is a call that fails after d, or ends with its context.
func fails(d time.Duration, err error) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if _, over := takes(d)(ctx); over != nil {
			return "", over
		}
		return "", err
	}
}

var errSick = errors.New("the database is sick")

// pass lets virtual time go by, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

// told returns stages whose calls are written down.
func told(t testing.TB, stages [][]step) (out [][]step) {
	for _, stage := range stages {
		var steps []step
		for _, s := range stage {
			call := s.Call
			s.Call = func(ctx context.Context) (string, error) {
				left := "no deadline"
				if end, ok := ctx.Deadline(); ok {
					left = time.Until(end).String() + " left"
				}
				tell(t, "%s is called, %s", s.Name, left)
				value, err := call(ctx)
				tell(t, "%s = %q, %v", s.Name, value, err)
				return value, err
			}
			steps = append(steps, s)
		}
		out = append(out, steps)
	}
	return out
}

// run runs stages in a bubble, under a deadline unless it is 0.
func run(t *testing.T, deadline, reserve time.Duration, stages [][]step, check func(r deadlinepropagation.Result, err error, took time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		if deadline > 0 {
			ctx, cancel = context.WithTimeout(t.Context(), deadline)
		}
		defer cancel()
		tell(t, "Run is called, with a deadline in %v (0s: none) and %v in reserve", deadline, reserve)
		began := time.Now()
		r, err := deadlinepropagation.Run(ctx, reserve, told(t, stages))
		tell(t, "Run = values %v, missing %v, %v", r.Values, r.Missing, err)
		check(r, err, time.Since(began))
	})
}

// 40 ms of work with 30 ms left is work for nobody.
func TestNoTime(t *testing.T) {
	begun := map[string]bool{}
	var mu sync.Mutex
	mark := func(name string, d time.Duration) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			mu.Lock()
			begun[name] = true
			mu.Unlock()
			return takes(d)(ctx)
		}
	}
	stages := [][]step{
		{{Name: "first", Min: 90 * ms, Call: mark("first", 60*ms)}},
		{{Name: "long", Min: 40 * ms, Optional: true, Call: mark("long", ms)}, {Name: "short", Min: 30 * ms, Optional: true, Call: mark("short", 25*ms)}},
		{{Name: "needed", Min: 10 * ms, Call: mark("needed", ms)}},
	}
	run(t, 100*ms, 10*ms, stages, func(r deadlinepropagation.Result, err error, took time.Duration) {
		if !errors.Is(err, deadlinepropagation.ErrNoTime) || !strings.Contains(fmt.Sprint(err), "needed") || took != 85*ms {
			t.Errorf("with 5 ms left and 10 ms needed, Run = %v after %v; want ErrNoTime that names the step, after 85ms", err, took)
		}
		if want := map[string]bool{"first": true, "short": true}; !reflect.DeepEqual(begun, want) {
			t.Errorf("begun were %v, want %v: 30 ms were left after the first", begun, want)
		}
	})
	begun = map[string]bool{}
	run(t, 5*ms, 10*ms, [][]step{{{Name: "a", Optional: true, Call: mark("a", ms)}}}, func(r deadlinepropagation.Result, err error, _ time.Duration) {
		if err != nil || len(begun) > 0 || !reflect.DeepEqual(r.Missing, []string{"a"}) {
			t.Errorf("with less left than the reserve, Run = %v, %v, begun %v; want the step missing and not begun", r, err, begun)
		}
	})
}

// The user closes the tab. All that was begun for the request ends, now.
func TestCancelReaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type trace struct{}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), trace{}, "id-7"))
		time.AfterFunc(10*ms, cancel)
		traced := func(ctx context.Context) (string, error) {
			if ctx.Value(trace{}) != "id-7" {
				t.Error("a call's context lost the values of the request's")
			}
			return takes(time.Hour)(ctx)
		}
		began := time.Now()
		next := false
		tell(t, "Run is called, and its context ends in 10 ms")
		r, err := deadlinepropagation.Run(ctx, 0, told(t, [][]step{
			{{Name: "a", Max: 2 * time.Hour, Call: traced}, {Name: "b", Optional: true, Call: traced}},
			{{Name: "c", Call: func(context.Context) (string, error) { next = true; return "", nil }}},
		}))
		tell(t, "Run = values %v, %v", r.Values, err)
		if took := time.Since(began); !errors.Is(err, context.Canceled) || took != 10*ms || next || len(r.Values) > 0 {
			t.Errorf("cancelled after 10 ms, Run = %v, %v after %v, next stage begun: %v; want context.Canceled after 10ms and no further stage", r, err, took, next)
		}
		_, err = deadlinepropagation.Run(ctx, 0, [][]step{{{Name: "d", Optional: true, Call: func(context.Context) (string, error) { next = true; return "", nil }}}})
		tell(t, "Run with the ended context = %v, begun: %v", err, next)
		if !errors.Is(err, context.Canceled) || next {
			t.Errorf("with an ended context, Run = %v, begun: %v; want context.Canceled and nothing begun", err, next)
		}
	})
}

func TestFailureCancelsSiblings(t *testing.T) {
	stages := [][]step{{
		{Name: "slow", Call: takes(time.Hour)},
		{Name: "sick", Call: fails(10*ms, errSick)},
		{Name: "extra", Optional: true, Call: takes(time.Hour)},
	}}
	run(t, 0, 0, stages, func(_ deadlinepropagation.Result, err error, took time.Duration) {
		if took != 10*ms {
			t.Errorf("a required step failed after 10 ms and Run returned after %v, want 10ms: the others work for nobody", took)
		}
		if err == nil {
			t.Error("a required step failed and Run = nil, want its error")
		}
	})
}

func TestFirstFailure(t *testing.T) {
	stages := [][]step{{
		{Name: "slow", Call: takes(time.Second)},
		{Name: "sick", Call: fails(10*ms, errSick)},
		{Name: "worse", Call: fails(20*ms, errors.New("worse"))},
	}}
	run(t, 0, 0, stages, func(_ deadlinepropagation.Result, err error, _ time.Duration) {
		if !errors.Is(err, errSick) || errors.Is(err, context.Canceled) || !strings.Contains(fmt.Sprint(err), "sick") {
			t.Errorf("Run = %v, want the error of the step that failed first, with its name, and not of those it ended", err)
		}
	})
}

// A call that does not look at its context is still ours: its goroutine must not
// outlive the request.
func TestWaitsForCalls(t *testing.T) {
	returned := 0
	var mu sync.Mutex
	deaf := func(context.Context) (string, error) {
		pass(time.Second)
		mu.Lock()
		defer mu.Unlock()
		returned++
		return "late", nil
	}
	stages := [][]step{{{Name: "a", Max: 10 * ms, Optional: true, Call: deaf}, {Name: "b", Optional: true, Call: deaf}, {Name: "c", Call: fails(ms, errSick)}}}
	run(t, 0, 0, stages, func(_ deadlinepropagation.Result, err error, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if returned != 2 || took != time.Second || !errors.Is(err, errSick) {
			t.Errorf("Run = %v after %v, when %d of 2 deaf calls had returned; want the failure after 1s, when both had", err, took, returned)
		}
	})
}

// A context that is not cancelled when its call is over stays with its parent:
// a timer and an entry for every request ever made.
func TestContextsEnd(t *testing.T) {
	var mu sync.Mutex
	var seen []context.Context
	keep := func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, ctx)
		return "ok", nil
	}
	stages := [][]step{{{Name: "a", Max: time.Hour, Call: keep}, {Name: "b", Call: keep}}, {{Name: "c", Max: time.Hour, Optional: true, Call: keep}}}
	for _, deadline := range []time.Duration{0, 10 * time.Hour} {
		seen = nil
		run(t, deadline, 0, stages, func(_ deadlinepropagation.Result, err error, _ time.Duration) {
			if err != nil || len(seen) != 3 {
				t.Fatalf("Run = %v after %d calls, want 3 calls", err, len(seen))
			}
			for i, ctx := range seen {
				if ctx.Err() == nil {
					t.Errorf("after Run the context of call %d has not ended, with a deadline of %v for the request", i+1, deadline)
				}
			}
		})
	}
}

func TestPanic(t *testing.T) {
	bug := func(context.Context) (string, error) { panic("nil map") }
	run(t, 0, 0, [][]step{{{Name: "extra", Optional: true, Call: bug}, {Name: "user", Call: takes(ms)}}}, func(r deadlinepropagation.Result, err error, _ time.Duration) {
		if err != nil || r.Values["user"] != "ok" || !reflect.DeepEqual(r.Missing, []string{"extra"}) {
			t.Errorf("an optional call panicked: Run = %v, %v; want it missing", r, err)
		}
	})
	run(t, 0, 0, [][]step{{{Name: "user", Call: bug}}}, func(_ deadlinepropagation.Result, err error, _ time.Duration) {
		if !errors.Is(err, deadlinepropagation.ErrPanic) {
			t.Errorf("a required call panicked: Run = %v, want ErrPanic", err)
		}
	})
}

func TestManySteps(t *testing.T) {
	var stage []step
	for i := range 60 {
		s := step{Name: fmt.Sprint("step-", i), Call: func(context.Context) (string, error) { return fmt.Sprint(i), nil }}
		if i%4 == 0 {
			s.Optional, s.Call = true, func(context.Context) (string, error) { return "", errSick }
		}
		stage = append(stage, s)
	}
	for range 20 {
		r, err := deadlinepropagation.Run(t.Context(), 0, [][]step{stage, stage[:1]})
		tell(t, "Run of 61 steps = %d values, %d missing, %v", len(r.Values), len(r.Missing), err)
		if err != nil || len(r.Values) != 45 || len(r.Missing) != 16 || r.Values["step-7"] != "7" {
			t.Fatalf("Run of 61 steps = %d values, %d missing, %v; want 45, 16, no error", len(r.Values), len(r.Missing), err)
		}
	}
}

// Ten calls of 50 ms, one after another, are 500 ms; together, 50.
func TestStageRunsTogether(t *testing.T) {
	var stage []step
	for i := range 10 {
		stage = append(stage, step{Name: fmt.Sprint(i), Call: takes(50 * ms)})
	}
	run(t, 0, 0, [][]step{stage, stage[:2]}, func(r deadlinepropagation.Result, err error, took time.Duration) {
		if err != nil || took != 100*ms {
			t.Errorf("two stages of calls that take 50 ms: Run = %v after %v, want 100ms", err, took)
		}
	})
}
