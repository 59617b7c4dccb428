//go:build exercise

package deadlinepropagation_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
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

func TestStages(t *testing.T) {
	var order []string
	note := func(name string) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			order = append(order, name)
			return "value of " + name, nil
		}
	}
	stages := [][]step{{{Name: "user", Call: note("user")}}, {}, {{Name: "orders", Call: note("orders")}}, {{Name: "total", Call: note("total")}}}
	run(t, 0, 0, stages, func(r deadlinepropagation.Result, err error, _ time.Duration) {
		want := map[string]string{"user": "value of user", "orders": "value of orders", "total": "value of total"}
		if err != nil || !reflect.DeepEqual(r.Values, want) || len(r.Missing) > 0 {
			t.Errorf("Run = %v, %v; want %v and nothing missing", r, err, want)
		}
		if !reflect.DeepEqual(order, []string{"user", "orders", "total"}) {
			t.Errorf("stages ran in the order %v, want one after another as given", order)
		}
	})
}

// The caller waits for 100 ms. No call may be given more, whatever its own limit.
func TestDeadlineReachesCalls(t *testing.T) {
	var left []time.Duration
	look := func(d time.Duration) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			end, ok := ctx.Deadline()
			if !ok {
				t.Error("a call has no deadline, want the caller's")
			}
			left = append(left, time.Until(end))
			return takes(d)(ctx)
		}
	}
	stages := [][]step{{{Name: "a", Call: look(30 * ms)}}, {{Name: "b", Max: 20 * ms, Call: look(10 * ms)}}, {{Name: "c", Max: time.Minute, Call: look(10 * ms)}}}
	run(t, 100*ms, 0, stages, func(_ deadlinepropagation.Result, err error, _ time.Duration) {
		if want := []time.Duration{100 * ms, 20 * ms, 60 * ms}; err != nil || !reflect.DeepEqual(left, want) {
			t.Errorf("calls had %v left, want %v: the caller's deadline or their own limit, whichever comes first (%v)", left, want, err)
		}
	})
}

func TestReserve(t *testing.T) {
	stages := [][]step{{{Name: "slow", Optional: true, Call: takes(time.Second)}}}
	run(t, 100*ms, 15*ms, stages, func(r deadlinepropagation.Result, err error, took time.Duration) {
		if err != nil || took != 85*ms || !reflect.DeepEqual(r.Missing, []string{"slow"}) {
			t.Errorf("with 100 ms and 15 ms in reserve, Run = %v, %v after %v; want slow missing after 85ms, to have time for the answer", r, err, took)
		}
	})
}

func TestRequiredFails(t *testing.T) {
	called := false
	stages := [][]step{{{Name: "user", Call: fails(10*ms, errSick)}}, {{Name: "orders", Call: func(context.Context) (string, error) {
		called = true
		return "", nil
	}}}}
	run(t, 0, 0, stages, func(r deadlinepropagation.Result, err error, _ time.Duration) {
		if !errors.Is(err, errSick) || called || len(r.Values) > 0 {
			t.Errorf("Run = %v, %v, and the next stage was begun: %v; want no values, the step's error, and no further stage", r, err, called)
		}
	})
}

func TestOptional(t *testing.T) {
	stages := [][]step{
		{{Name: "z", Optional: true, Call: fails(10*ms, errSick)}, {Name: "user", Call: takes(20 * ms)}},
		{{Name: "a", Optional: true, Max: 5 * ms, Call: takes(time.Second)}, {Name: "b", Optional: true, Call: takes(5 * ms)}},
	}
	run(t, 0, 0, stages, func(r deadlinepropagation.Result, err error, _ time.Duration) {
		want := deadlinepropagation.Result{Values: map[string]string{"user": "ok", "b": "ok"}, Missing: []string{"a", "z"}}
		if err != nil || !reflect.DeepEqual(r, want) {
			t.Errorf("Run = %v, %v; want %v", r, err, want)
		}
	})
}
