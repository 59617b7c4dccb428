package observing

import (
	"context"
	"fmt"
	"runtime"

	"workbench/lab/series"
	"workbench/lab/trial"
	"workbench/sim/dist"
)

// cardinalityKnobs are the settings of Cardinality.
type cardinalityKnobs struct {
	Guard bool `knob:"guard" help:"limit the number of series; what is beyond counts under other"`
	Limit int  `knob:"limit" min:"1" max:"1000" help:"users with a series of their own"`
	Users int  `knob:"users" min:"2000" max:"150000" help:"who ask"`
}

// Cardinality measures what a label that names users costs.
func Cardinality() trial.Trial {
	return trial.Trial{
		Name: "cardinality", Title: "A label too many", Chapter: 8,
		Question: "A counter gets the label user_id, and 50,000 users come. How much memory is that, and how large is a scrape?",
		Lesson:   "A label's values multiply series; users, keys and error texts belong into traces and logs.",
		Knobs:    func() any { return &cardinalityKnobs{Guard: true, Limit: 100, Users: 50_000} },
		Wrong:    map[string]any{"guard": false}, Right: map[string]any{"guard": true},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return cardinality(ctx, env, *knobs.(*cardinalityKnobs), tell)
		},
	}
}

func cardinality(ctx context.Context, env trial.Env, k cardinalityKnobs, tell func(trial.Step)) (trial.Result, error) {
	out := trial.Result{
		Component: "Prometheus client in this process, a registry of its own",
		Columns:   []trial.Column{{Title: "requests"}, {Title: "series"}, {Title: "bytes of a scrape"}, {Title: "scrape takes", Unit: "ms"}, {Title: "heap it holds", Unit: "kB"}},
	}
	b, err := series.New(env.Clock, series.Settings{On: true, Guard: k.Guard, Limit: k.Limit})
	if err != nil {
		return out, err
	}
	stream := dist.New(env.Seed, "cardinality")
	runtime.GC()
	empty := series.Heap()
	var last series.Point
	var held uint64
	const steps = 8
	for step := range steps {
		tell(trial.Step{Text: "users come", Done: step, Total: steps})
		if err := ctx.Err(); err != nil {
			return out, err
		}
		for range k.Users / 2 {
			b.Count(uint64(stream.Float64() * float64(k.Users)))
		}
		if last, err = b.Look(); err != nil {
			return out, err
		}
		runtime.GC() // only what is held counts
		held = series.Heap() - min(empty, series.Heap())
		out.Rows = append(out.Rows, []string{
			fmt.Sprint((step + 1) * (k.Users / 2)), fmt.Sprint(last.Series), fmt.Sprint(last.Bytes), fmt.Sprintf("%.1f", float64(last.Took)/1e6), fmt.Sprint(held / 1000),
		})
	}
	out.Claims = []trial.Claim{
		claim(last.Series <= 1001, "There are at most 1,001 series", fmt.Sprintf("%d series", last.Series)),
		claim(last.Bytes <= 200_000, "A scrape has at most 200 kB", fmt.Sprintf("%d bytes", last.Bytes)),
	}
	if last.Series > 1001 {
		out.Notes = []trial.Note{{Title: "One series", Text: fmt.Sprintf("holds about %d bytes, and adds %d to each scrape.", held/uint64(last.Series), last.Bytes/last.Series)}}
	}
	runtime.KeepAlive(b)
	return out, nil
}
