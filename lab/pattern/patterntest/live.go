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

// room is a pattern at work in a test, with what it was given.
type room struct {
	live     lab.Live
	clock    *clock.Wall
	counters *lab.Counters
	close    func() // closes the pattern and waits for its goroutines
}

// open builds p live. It must run inside a synctest bubble when time matters.
func open(t *testing.T, p lab.Pattern, knobs map[string]any) *room {
	t.Helper()
	k, err := p.Settings(knobs)
	if err != nil {
		t.Fatalf("Settings(%v): %v", knobs, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var owned sync.WaitGroup
	r := &room{clock: clock.NewWall(), counters: lab.NewCounters()}
	r.live, err = p.New(environment(r.clock, r.counters, func(f func(context.Context)) { owned.Go(func() { f(ctx) }) }), k)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	r.close = func() {
		t.Helper()
		if err := r.live.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		cancel()
		owned.Wait()
	}
	return r
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
		r := open(t, p, knobs)
		calls := make([]atomic.Int64, len(trace))
		wrapped := r.live.Wrap(lab.HandlerFunc(func(ctx context.Context, q *lab.Request) lab.Response {
			a := &trace[q.ID-1]
			end, res := a.below(r.clock.Now(), q, int(calls[q.ID-1].Add(1)-1))
			if r.clock.Wait(ctx, end) != nil {
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
				if err := r.clock.Wait(context.Background(), q.At); err != nil {
					t.Error(err)
				}
				res := wrapped.Serve(context.Background(), &q)
				results[i] = Result{At: r.clock.Now(), Response: res}
			})
		}
		users.Wait()
		synctest.Wait()
		for i := range results {
			results[i].Calls = int(calls[i].Load())
		}
		counters = r.counters.All()
		r.close()
	})
	return results, counters
}
