package httpcache

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"workbench/lab/edge"
	"workbench/lab/trial"
)

type collapseKnobs struct {
	Collapse bool          `knob:"collapse" help:"one request to the origin answers all that want the same meanwhile"`
	Readers  int           `knob:"readers" min:"2" max:"400" help:"who want the same page in the same instant"`
	Work     time.Duration `knob:"work" min:"1ms" max:"2s" help:"how long the origin takes for it"`
}

// Collapse lets many readers want one page that nobody has a copy of.
func Collapse() trial.Trial {
	return trial.Trial{
		Name: "request-collapsing", Title: "Many misses, one request", Chapter: 4,
		Question: "A page is published and 200 readers open it in the same instant. How many requests reach the origin through a cache that has no copy yet?",
		Lesson:   "A cache does not help in the one moment that matters, unless those who miss together wait for one answer.",
		Knobs:    func() any { return &collapseKnobs{Collapse: true, Readers: 200, Work: 100 * time.Millisecond} },
		Wrong:    map[string]any{"collapse": false}, Right: map[string]any{"collapse": true},
		Run: collapse,
	}
}

func collapse(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*collapseKnobs)
	s, err := build(env.Clock, func(w http.ResponseWriter, r *http.Request) {
		// The work goes on when the one who asked leaves, as an origin's does.
		if env.Clock.Wait(r.Context(), env.Clock.Now()+k.Work) != nil {
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "the page") // an error means that the cache has left
	}, func(set *edge.Settings) { set.Collapse = k.Collapse })
	if err != nil {
		return trial.Result{}, err
	}
	defer s.close()
	tell(trial.Step{Text: "all readers at once", Total: k.Readers})
	err = together(k.Readers, func(int) error { _, err := s.get(ctx, "/page"); return err })
	if err != nil {
		return trial.Result{}, err
	}
	stats := s.cache.Stats()
	// A reader who came before the copy was there and after the flight had ended
	// would ask again; there is at most a handful of those, and as a rule none.
	return trial.Result{
		Component: component,
		Columns:   []trial.Column{{Title: "readers"}, {Title: "requests to the origin"}, {Title: "answered by another's answer"}, {Title: "answered by the copy"}},
		Rows:      [][]string{{count(int64(k.Readers)), count(s.asked.Load()), count(int64(stats.Collapsed)), count(int64(stats.Hits))}},
		Claims:    []trial.Claim{atMost("requests to the origin", s.asked.Load(), 1)},
	}, nil
}

type whileKnobs struct {
	While   time.Duration `knob:"stale_while_revalidate" min:"0s" max:"1h" help:"how long past its lifetime a copy answers while it is fetched anew; 0: not at all"`
	Readers int           `knob:"readers" min:"2" max:"400" help:"who want the page in the instant after it has run out"`
	Work    time.Duration `knob:"work" min:"1ms" max:"2s" help:"how long the origin takes for it"`
}

// lifetime of the page's copy, in seconds.
const lifetime = 60

// While lets a copy run out under readers.
func While() trial.Trial {
	return trial.Trial{
		Name: "stale-while-revalidate", Title: "The instant in which a copy runs out", Chapter: 4,
		Question: "The copy of a popular page has just run out, and the origin needs 100 ms for a new one. How many of 100 readers in that instant wait for it?",
		Lesson:   "Without stale-while-revalidate everybody pays the origin's time at each expiry, and the cache's p99 is the origin's; with it nobody does.",
		Knobs: func() any {
			return &whileKnobs{While: 30 * time.Second, Readers: 100, Work: 100 * time.Millisecond}
		},
		Wrong: map[string]any{"stale_while_revalidate": "0s"}, Right: map[string]any{"stale_while_revalidate": "30s"},
		Run: while,
	}
}

func while(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*whileKnobs)
	s, err := build(env.Clock, func(w http.ResponseWriter, r *http.Request) {
		if env.Clock.Wait(r.Context(), env.Clock.Now()+k.Work) != nil {
			return
		}
		w.Header().Set("Cache-Control", fmt.Sprintf("max-age=%d, stale-while-revalidate=%d", lifetime, int64(k.While/time.Second)))
		_, _ = io.WriteString(w, "the page") // an error means that the cache has left
	}, nil)
	if err != nil {
		return trial.Result{}, err
	}
	defer s.close()
	if _, err := s.get(ctx, "/page"); err != nil {
		return trial.Result{}, err
	}
	if _, err := s.get(ctx, "/page"); err != nil {
		return trial.Result{}, err
	}
	s.forward((lifetime + 1) * time.Second)
	tell(trial.Step{Text: "the copy has run out", Total: k.Readers})
	waits := make([]time.Duration, k.Readers)
	var waited atomic.Int64
	err = together(k.Readers, func(i int) error {
		began := env.Clock.Now()
		got, err := s.get(ctx, "/page")
		waits[i] = env.Clock.Now() - began
		// Who got the copy, which is older than its lifetime, did not wait for the
		// origin; who got a new one that came while they asked did. A new one may
		// be a second old by its Date, which tells seconds only.
		if age, bad := strconv.Atoi(got.head.Get("Age")); err == nil && (bad != nil || age < lifetime) {
			waited.Add(1)
		}
		return err
	})
	if err != nil {
		return trial.Result{}, err
	}
	p50, p99 := percentile(waits, 0.5), percentile(waits, 0.99)
	return trial.Result{
		Component: component,
		Columns:   []trial.Column{{Title: "readers"}, {Title: "waited for the origin"}, {Title: "p50"}, {Title: "p99"}, {Title: "requests to the origin"}},
		Rows:      [][]string{{count(int64(k.Readers)), count(waited.Load()), took(p50), took(p99), count(s.asked.Load())}},
		Claims:    []trial.Claim{atMost("readers who waited for the origin", waited.Load(), 0)},
	}, nil
}
