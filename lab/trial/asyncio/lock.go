package asyncio

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab/trial"
)

// lockKnobs are the settings of LockAcross.
type lockKnobs struct {
	Lock    string        `knob:"lock" options:"around-state,across-call" help:"what the lock is held for: the counters alone, or the call to the other service too"`
	Callers int           `knob:"callers" min:"2" max:"500" help:"requests at once"`
	Call    time.Duration `knob:"call" min:"1ms" max:"500ms" help:"how long the other service takes"`
}

// LockAcross holds a lock while another service is called.
func LockAcross() trial.Trial {
	return trial.Trial{
		Name: "lock-across-io", Title: "A lock held across a call", Chapter: 2,
		Question: "50 requests each call a service that takes 20 ms, and count the call under a lock. How long does the last one wait when the lock is held across the call?",
		Lesson:   "A lock held across I/O makes a queue of one: take it for the state alone, and never while you wait for somebody else.",
		Knobs:    func() any { return &lockKnobs{Lock: "around-state", Callers: 50, Call: 20 * time.Millisecond} },
		Wrong:    map[string]any{"lock": "across-call"}, Right: map[string]any{"lock": "around-state"},
		Run: lockAcross,
	}
}

func lockAcross(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*lockKnobs)
	var inside, most atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n := inside.Add(1)
		defer inside.Add(-1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		_ = env.Clock.Wait(r.Context(), env.Clock.Now()+k.Call) // a caller that leaves ends it
	}))
	defer other.Close()
	client := newClient(k.Callers)
	defer client.CloseIdleConnections()
	tell(trial.Step{Text: fmt.Sprintf("%d requests at once", k.Callers)})
	var mu sync.Mutex
	calls := 0
	began := env.Clock.Now()
	fault := together(k.Callers, func() error {
		if k.Lock == "across-call" {
			mu.Lock()
			defer mu.Unlock()
			calls++
			return get(ctx, client, other.URL)
		}
		mu.Lock()
		calls++
		mu.Unlock()
		return get(ctx, client, other.URL)
	})
	took := env.Clock.Now() - began
	if fault != nil {
		return trial.Result{}, fault
	}
	peak := int(most.Load())
	return trial.Result{
		Component: "sync.Mutex in front of an HTTP service on loopback",
		Columns:   []trial.Column{{Title: "requests"}, {Title: "calls counted"}, {Title: "most calls at once"}, {Title: "until the last was done"}},
		Rows:      [][]string{{trial.Count(k.Callers), trial.Count(calls), trial.Count(peak), trial.Took(took)}},
		Claims: []trial.Claim{
			trial.AtLeast("calls that were under way at once", float64(peak), float64(k.Callers)/4, ""),
			trial.OnThisMachine(trial.AtMost("how many single calls the last one took", float64(took)/float64(k.Call), max(4, float64(k.Callers)/4), "×")),
		},
	}, nil
}
