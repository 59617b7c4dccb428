package caching

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/cache"
	"workbench/lab/trial"
	"workbench/sim/dist"
)

// jitterKnobs are the settings of Jitter.
type jitterKnobs struct {
	Jitter  float64       `knob:"jitter" unit:"share" min:"0" max:"0.5" help:"each time to live is drawn from this share below to this share above"`
	Entries int           `knob:"entries" min:"100" max:"100000" help:"entries that are filled at one instant, as after a deploy"`
	TTL     time.Duration `knob:"ttl" min:"10s" max:"15m" help:"time to live"`
	Cycles  int           `knob:"cycles" min:"1" max:"5" help:"how many times each entry expires and is loaded again"`
}

// Jitter counts expiries by the second.
func Jitter() trial.Trial {
	return trial.Trial{
		Name: "ttl-jitter", Title: "Filled together, expired together", Chapter: 4,
		Question: "10,000 entries are filled at once and live 5 minutes. How many loads hit the database in the busiest second, and how many when each lives up to 10 % longer or shorter?",
		Lesson:   "What is filled together expires together, again and again; a draw of ±10 % spreads it over a minute for nothing. It does nothing for one hot key.",
		Knobs:    func() any { return &jitterKnobs{Jitter: .1, Entries: 10_000, TTL: 5 * time.Minute, Cycles: 2} },
		Wrong:    map[string]any{"jitter": 0}, Right: map[string]any{"jitter": .1},
		Run: jitter,
	}
}

func jitter(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*jitterKnobs)
	set := cache.Defaults()
	set.TTL, set.Jitter, set.Capacity = k.TTL, k.Jitter, k.Entries
	c := cache.New(k.Entries, 0)
	draw := dist.New(env.Seed, "jitter")
	fill := func(now time.Duration, item uint64) {
		_, _, lease := c.Get(now, item, 0, 0)
		c.Put(now, item, 0, lease, lab.Response{}, set.Life(false, draw.Float64()), 0)
	}
	for item := range uint64(k.Entries) {
		fill(0, item)
	}
	end := time.Duration(k.Cycles) * k.TTL * 3 / 2
	loads := make([]int, int(end/time.Second)+1) // by second
	for s := range loads {
		if s%10 == 0 {
			tell(trial.Step{Text: "reads every entry each second, on a clock that is stepped", Done: s, Total: len(loads)})
		}
		if err := ctx.Err(); err != nil {
			return trial.Result{}, err
		}
		now := time.Duration(s) * time.Second
		for item := range uint64(k.Entries) {
			if _, found, _ := c.Get(now, item, 0, 0); found != cache.Hit {
				loads[s]++
				fill(now, item)
			}
		}
	}
	res := trial.Result{
		Component: "the lab's cache, on a clock that is stepped",
		Columns:   []trial.Column{{Title: "expiry"}, {Title: "loads"}, {Title: "busiest second"}, {Title: "seconds with loads"}},
	}
	worst := 0
	for cycle := range k.Cycles {
		from := int((time.Duration(cycle)*k.TTL + k.TTL/2) / time.Second)
		part := loads[from:min(len(loads), from+int(k.TTL/time.Second))]
		sum, seconds := 0, 0
		for _, n := range part {
			sum += n
			if n > 0 {
				seconds++
			}
		}
		peak := slices.Max(part)
		worst = max(worst, peak)
		res.Rows = append(res.Rows, []string{fmt.Sprint(cycle + 1), trial.Count(sum), trial.Count(peak), trial.Count(seconds)})
	}
	if worst == 0 {
		return res, errors.New("no entry expired, want one cycle at least")
	}
	gain := float64(k.Entries) / float64(worst)
	res.Claims = []trial.Claim{trial.AtLeast("how many times smaller the busiest second is than all entries at once", gain, min(30, k.TTL.Seconds()/10), "×")}
	return res, nil
}
