package caching

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"workbench/lab"
	"workbench/lab/pattern/cache"
	"workbench/lab/trial"
	"workbench/lab/trial/stand"
	"workbench/sim/dist"
)

// warmKnobs are the settings of Warm.
type warmKnobs struct {
	Warm     int     `knob:"warm" min:"0" max:"1000000" help:"items loaded before the first request, the most wanted first; 0: none"`
	Items    int     `knob:"items" min:"100" max:"1000000" help:"items that are asked for"`
	Skew     float64 `knob:"skew" min:"0" max:"2" help:"how unequal they are (the exponent of Zipf's law)"`
	Requests int     `knob:"requests" min:"100" max:"1000000" help:"requests after the start"`
}

// Warm starts an instance with an empty cache, or with what is wanted most.
func Warm() trial.Trial {
	return trial.Trial{
		Name: "cache-warming", Title: "The first minute of a new instance", Chapter: 4,
		Question: "A new instance starts with an empty cache of 10,000 items. How many of its first 1,000 requests reach the database?",
		Lesson:   "A cold instance sends the database what the cache would have spared it, just when it is added because there is too much load: load what is wanted most before it takes traffic, at a pace of its own.",
		Knobs:    func() any { return &warmKnobs{Warm: 3000, Items: 10_000, Skew: 1, Requests: 5000} },
		Wrong:    map[string]any{"warm": 0}, Right: map[string]any{"warm": 3000},
		Run: warm,
	}
}

func warm(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*warmKnobs)
	s := stand.New(ctx, env)
	defer func() { err = errors.Join(err, s.Close()) }()
	var loads atomic.Int64
	database := lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { loads.Add(1); return lab.Response{} })
	h, counters, err := s.Put(cache.Pattern(), map[string]any{"store": "memory", "capacity": 2 * k.Items, "ttl": "1h", "jitter": 0}, "new", database)
	if err != nil {
		return res, err
	}
	law, err := dist.NewZipf(uint64(k.Items), k.Skew)
	if err != nil {
		return res, fmt.Errorf("the law of the items: %w", err)
	}
	tell(trial.Step{Text: "loads what is wanted most"})
	for item := range min(k.Warm, k.Items) {
		h.Serve(ctx, &lab.Request{Key: uint64(item + 1), Read: true})
	}
	before := int(loads.Swap(0))
	draw := dist.New(env.Seed, "items")
	res.Component = "the lab's cache in the memory of one instance"
	res.Columns = []trial.Column{{Title: "requests"}, {Title: "reached the database"}, {Title: "share"}}
	const part = 1000
	first := 0.
	for from := 0; from < k.Requests; from += part {
		tell(trial.Step{Text: "takes traffic", Done: from, Total: k.Requests})
		n := min(part, k.Requests-from)
		for range n {
			if err := ctx.Err(); err != nil {
				return res, err
			}
			h.Serve(ctx, &lab.Request{Key: law.Draw(draw), Read: true})
		}
		missed := int(loads.Swap(0))
		if from == 0 {
			first = trial.Percent(missed, n)
		}
		res.Rows = append(res.Rows, []string{fmt.Sprintf("%s to %s", trial.Count(from+1), trial.Count(from+n)), trial.Count(missed), trial.Share(missed, n)})
	}
	kept := int(counters.Get("store").Load())
	res.Rows = append(res.Rows, []string{"before the first", trial.Count(before), "–"})
	res.Claims = []trial.Claim{trial.AtMost("of the first requests reach the database", first, 20, "%")}
	res.Notes = []trial.Note{{Title: "What warming costs", Text: fmt.Sprintf("%s loads before the first request, at whatever pace the database bears; %s entries were stored in all.", trial.Count(before), trial.Count(kept))}}
	return res, nil
}
