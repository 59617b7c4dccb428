package limits

import (
	"context"
	"fmt"
	"time"

	"workbench/lab/pattern/ratelimit"
	"workbench/lab/trial"
)

// edgeKnobs are the settings of Edge.
type edgeKnobs struct {
	Algorithm string `knob:"algorithm" options:"token-bucket,gcra,sliding-window,fixed-window" help:"how the quota is kept"`
	Rate      int    `knob:"rate" unit:"req/s" min:"10" max:"10000" help:"requests admitted a second"`
	Burst     int    `knob:"burst" unit:"requests" min:"1" max:"10000" help:"requests admitted at once after a rest; a fixed window knows none"`
}

// Edge asks around the edge of a window of time.
func Edge() trial.Trial {
	return trial.Trial{
		Name: "window-edge", Title: "The edge of a window", Chapter: 3,
		Question: "A counter that is set to 0 each second lets 100 requests through. How many can somebody get through within one second who knows when it is set to 0?",
		Lesson:   "A fixed window forgets at its edge: the end of one and the beginning of the next hold twice the limit. A bucket has no edge.",
		Knobs:    func() any { return &edgeKnobs{Algorithm: "token-bucket", Rate: 100, Burst: 10} },
		Wrong:    map[string]any{"algorithm": "fixed-window"}, Right: map[string]any{"algorithm": "token-bucket"},
		Run: edge,
	}
}

// fixed counts requests and begins anew each second.
type fixed struct {
	limit, count int
	window       time.Duration
}

func (f *fixed) take(now time.Duration) bool {
	if w := now / time.Second; w != f.window {
		f.window, f.count = w, 0
	}
	if f.count >= f.limit {
		return false
	}
	f.count++
	return true
}

func edge(ctx context.Context, _ trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*edgeKnobs)
	take := (&fixed{limit: k.Rate}).take
	component := "a counter for each second, on a clock that is stepped"
	if k.Algorithm != "fixed-window" {
		set := ratelimit.Defaults()
		set.Algorithm, set.Rate, set.Burst, set.Store = k.Algorithm, float64(k.Rate), k.Burst, "local"
		if err := set.Validate(); err != nil {
			return trial.Result{}, fmt.Errorf("the limit: %w", err)
		}
		l, err := ratelimit.New(set)
		if err != nil {
			return trial.Result{}, fmt.Errorf("the limit: %w", err)
		}
		take = func(now time.Duration) bool { return l.Take(now, 1).OK }
		component = "the lab's rate limit (" + k.Algorithm + "), on a clock that is stepped"
	}
	tell(trial.Step{Text: "asks around the edge"})
	// From half a second before an edge until half a second after it, ten times as
	// often as is allowed, after a rest.
	every := time.Second / time.Duration(10*k.Rate)
	var admitted []time.Duration
	for now := 9500 * time.Millisecond; now < 10500*time.Millisecond; now += every {
		if err := ctx.Err(); err != nil {
			return trial.Result{}, err
		}
		if take(now) {
			admitted = append(admitted, now)
		}
	}
	before := 0
	for _, at := range admitted {
		if at < 10*time.Second {
			before++
		}
	}
	n := len(admitted)
	return trial.Result{
		Component: component,
		Columns:   []trial.Column{{Title: "half a second"}, {Title: "let through"}},
		Rows: [][]string{
			{"before the edge", trial.Count(before)},
			{"after the edge", trial.Count(n - before)},
			{"together, within one second", trial.Count(n)},
		},
		Claims: []trial.Claim{trial.AtMost("times the limit within one second", float64(n)/float64(k.Rate), 1+float64(k.Burst)/float64(k.Rate), "×")},
	}, nil
}
