package patterntest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"workbench/lab"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// Room is a pattern at work in a test, with what it was given.
type Room struct {
	lab.Live
	Clock    *clock.Wall
	Counters *lab.Counters

	t     testing.TB
	end   context.CancelFunc // of what its goroutines are given
	owned sync.WaitGroup
}

// Open builds p live. knobs are changes by name, or a pointer to the room's own;
// changes make its surroundings other than usual. It must run inside a synctest
// bubble when time matters.
func Open(t testing.TB, p lab.Pattern, knobs any, changes ...func(*lab.Env)) *Room {
	t.Helper()
	if knobs == nil {
		knobs = map[string]any(nil)
	}
	if named, ok := knobs.(map[string]any); ok {
		k, err := p.Settings(named)
		if err != nil {
			t.Fatalf("Settings(%v): %v", named, err)
		}
		knobs = k
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Room{Clock: clock.NewWall(), Counters: lab.NewCounters(), t: t, end: cancel}
	env := environment(r.Clock, r.Counters, func(f func(context.Context)) { r.owned.Go(func() { f(ctx) }) })
	for _, change := range changes {
		change(&env)
	}
	live, err := p.New(env, knobs)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	r.Live = live
	return r
}

// Wait waits for the pattern's goroutines.
func (r *Room) Wait() { r.owned.Wait() }

// Stop closes the pattern and ends its goroutines.
func (r *Room) Stop() {
	r.t.Helper()
	if err := r.Close(); err != nil {
		r.t.Errorf("Close() = %v, want nil", err)
	}
	r.end()
	r.Wait()
}

// Counted wants the counters to be as given, and those that are not given at 0.
func (r *Room) Counted(want map[string]uint64) {
	r.t.Helper()
	for name, got := range r.Counters.All() {
		if got != want[name] {
			r.t.Errorf("counter %s = %d, want %d", name, got, want[name])
		}
	}
}

// Luck makes every draw of a pattern the same.
func Luck(u float64) func(*lab.Env) {
	return func(env *lab.Env) { env.Uniform = func() float64 { return u } }
}

func environment(c clock.Clock, counters *lab.Counters, run func(func(context.Context))) lab.Env {
	var mu sync.Mutex
	draws := dist.New(1, "uniform")
	return lab.Env{
		Clock: c, Counters: counters, Slots: 20, Service: 20e6, Instance: "a", Log: slog.New(slog.DiscardHandler), Go: run,
		Simpler: func(r *lab.Request) []byte {
			if r.Op == 0 {
				return nil
			}
			return []byte("simpler")
		},
		Uniform: func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return draws.Float64()
		},
	}
}

// Live sends a trace through a pattern's live wrapper in virtual time and
// returns what became of each arrival. Two requests with the same ID cannot be
// told apart below, so it numbers them from 1.
func Live(t *testing.T, p lab.Pattern, knobs map[string]any, state lab.State, trace []Arrival) (results []Result, counters map[string]uint64) {
	t.Helper()
	results = make([]Result, len(trace))
	synctest.Test(t, func(t *testing.T) {
		r := Open(t, p, knobs)
		calls := make([]atomic.Int64, len(trace))
		wrapped := r.Wrap(lab.HandlerFunc(func(ctx context.Context, q *lab.Request) lab.Response {
			a := &trace[q.ID-1]
			end, res := a.below(r.Clock.Now(), q, int(calls[q.ID-1].Add(1)-1))
			if r.Clock.Wait(ctx, end) != nil {
				return lab.Refuse(lab.Shed, lab.ReasonShutdown, 0)
			}
			return res
		}), state)
		var users sync.WaitGroup
		for i := range trace {
			users.Go(func() {
				q := trace[i].Request
				q.ID = uint64(i + 1)
				q.At = trace[i].At
				if err := r.Clock.Wait(context.Background(), q.At); err != nil {
					t.Error(err)
				}
				res := wrapped.Serve(context.Background(), &q)
				results[i] = Result{At: r.Clock.Now(), Response: res}
			})
		}
		users.Wait()
		synctest.Wait()
		for i := range results {
			results[i].Calls = int(calls[i].Load())
		}
		counters = r.Counters.All()
		r.Stop()
	})
	return results, counters
}
