package asyncio

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab/trial"
	"workbench/sim/stat"
)

// spinKnobs are the settings of Spin.
type spinKnobs struct {
	Bound   int           `knob:"bound" min:"0" max:"256" help:"computations at once; 0: as many as come"`
	Callers int           `knob:"callers" min:"1" max:"256" help:"callers who want something computed, again and again"`
	Light   int           `knob:"light" min:"5" max:"1000" help:"light requests to measure, each way"`
	Limit   time.Duration `knob:"limit" min:"200ms" max:"20s" help:"when to stop measuring, each way"`
}

// Spin lets computations compete with light requests.
func Spin() trial.Trial {
	return trial.Trial{
		Name: "cpu-bound", Title: "Computing beside light requests", Chapter: 2,
		Question: "16 callers make the service compute hashes without pause. How many times as long does a light request take, at the median?",
		Lesson:   "Goroutines that compute do not give way: a light request waits behind all of them. Let fewer compute at once than there are processors, and queue or refuse the rest.",
		Knobs:    func() any { return &spinKnobs{Bound: 1, Callers: 16, Light: 100, Limit: 3 * time.Second} },
		Wrong:    map[string]any{"bound": 0}, Right: map[string]any{"bound": 1},
		Run: spin,
	}
}

func spin(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*spinKnobs)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "light") }))
	defer s.Close()
	client := newClient(4)
	defer client.CloseIdleConnections()
	tell(trial.Step{Text: "asks while nobody computes"})
	calm, err := light(ctx, env, client, s.URL, k)
	if err != nil {
		return trial.Result{}, err
	}
	tell(trial.Step{Text: "asks while others compute"})
	stop, ended := make(chan struct{}), sync.WaitGroup{}
	var inside, most, done atomic.Int64
	bound := k.Bound
	if bound == 0 {
		bound = k.Callers
	}
	places := make(chan struct{}, bound)
	for range k.Callers {
		ended.Go(func() {
			for {
				select {
				case <-stop:
					return
				case places <- struct{}{}:
				}
				n := inside.Add(1)
				for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
				}
				hash()
				inside.Add(-1)
				done.Add(1)
				<-places
			}
		})
	}
	// They are to be at it before the first light request comes.
	_ = env.Clock.Wait(ctx, env.Clock.Now()+settling) // light finds the end of ctx itself
	busy, err := light(ctx, env, client, s.URL, k)
	close(stop)
	ended.Wait()
	if err != nil {
		return trial.Result{}, err
	}
	cores := runtime.GOMAXPROCS(0)
	slower := float64(busy.Quantile(.5)) / float64(max(1, calm.Quantile(.5)))
	row := func(name string, h *stat.Hist, computed int64) []string {
		return []string{name, trial.Count(int(h.Count())), trial.Took(h.Quantile(.5)), trial.Took(h.Quantile(.99)), trial.Count(int(computed))}
	}
	return trial.Result{
		Component: fmt.Sprintf("an HTTP handler on loopback beside SHA-256, %d processors", cores),
		Columns:   []trial.Column{{Title: "while"}, {Title: "light requests"}, {Title: "p50"}, {Title: "p99"}, {Title: "computations"}},
		Rows:      [][]string{row("nobody computes", calm, 0), row("others compute", busy, done.Load())},
		Claims: []trial.Claim{
			trial.AtMost("computations at once", float64(most.Load()), float64(cores), ""),
			trial.OnThisMachine(trial.AtMost("how many times as long a light request takes", slower, 20, "×")),
		},
	}, nil
}

const (
	settling = 200 * time.Millisecond // until all computations are under way
	apart    = 5 * time.Millisecond   // between an answer and the next light request
)

// light makes light requests, one after the other with a pause between, until
// there are enough or the time is over.
func light(ctx context.Context, env trial.Env, client *http.Client, url string, k *spinKnobs) (*stat.Hist, error) {
	h := &stat.Hist{}
	end := env.Clock.Now() + k.Limit
	for n := 0; n < k.Light && (n == 0 || env.Clock.Now() < end); n++ {
		began := env.Clock.Now()
		if err := get(ctx, client, url); err != nil {
			return nil, err
		}
		h.Record(env.Clock.Now() - began)
		if err := env.Clock.Wait(ctx, env.Clock.Now()+apart); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// hash computes for a few tens of milliseconds.
func hash() {
	sum := sha256.Sum256([]byte("workbench"))
	for range 100_000 {
		sum = sha256.Sum256(sum[:])
	}
}
