package resilience

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/breaker"
	"workbench/lab/pattern/stale"
	"workbench/lab/pattern/timeout"
	"workbench/lab/trial"
	"workbench/lab/trial/stand"
)

// hangKnobs are the settings of Hang.
type hangKnobs struct {
	On    bool          `knob:"timeout" help:"whether the lab's timeout stands in front of the dependency"`
	Limit time.Duration `knob:"limit" min:"10ms" max:"10s" help:"longest time a request may take"`
	Rate  int           `knob:"rate" unit:"req/s" min:"10" max:"1000" help:"requests"`
	For   time.Duration `knob:"for" min:"500ms" max:"30s" help:"how long the dependency hangs"`
}

// Hang lets a dependency hang, with a timeout in front of it or without.
func Hang() trial.Trial {
	return trial.Trial{
		Name: "hanging-dependency", Title: "A dependency that does not answer", Chapter: 7,
		Question: "200 requests a second call a dependency that hangs for 3 seconds. How many are under way at the end, and how many with a timeout of 200 ms?",
		Lesson:   "What is under way is rate times time (Little's law): without a limit on the time there is none on the memory, the connections and the places that wait.",
		Knobs: func() any {
			return &hangKnobs{On: true, Limit: 200 * time.Millisecond, Rate: 200, For: 3 * time.Second}
		},
		Wrong: map[string]any{"timeout": false}, Right: map[string]any{"timeout": true},
		Run: hang,
	}
}

func hang(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*hangKnobs)
	s := stand.New(ctx, env)
	defer func() { err = errors.Join(err, s.Close()) }()
	d := &dependency{clock: env.Clock, hanged: make(chan struct{})}
	var h lab.Handler = d
	res.Component = "a dependency that hangs, with nothing in front of it"
	if k.On {
		if h, _, err = s.Put(timeout.Pattern(), map[string]any{"limit": k.Limit}, "one", d); err != nil {
			return res, err
		}
		res.Component = "the lab's timeout in front of a dependency that hangs"
	}
	var hanging sync.WaitGroup
	hanging.Go(func() {
		_ = env.Clock.Wait(ctx, env.Clock.Now()+k.For) // the end of ctx ends the hanging too
		close(d.hanged)
	})
	m, err := drive(ctx, env.Clock, h, flow{k.Rate, k.For, 1, "the dependency hangs"}, tell)
	hanging.Wait()
	if err != nil {
		return res, err
	}
	res.Columns = []trial.Column{{Title: "requests"}, {Title: "most under way"}, {Title: "given up in time"}, {Title: "p99"}}
	res.Rows = [][]string{{trial.Count(m.n), trial.Count(m.most), trial.Count(m.outcomes[lab.Late]), trial.Took(m.times.Quantile(.99))}}
	allowed := float64(k.Rate) * k.Limit.Seconds()
	res.Claims = []trial.Claim{trial.AtMost(fmt.Sprintf("requests under way at once, where rate times limit is %s", trial.Number(allowed, "")), float64(m.most), 3*allowed, "")}
	return res, nil
}

// deadKnobs are the settings of Dead.
type deadKnobs struct {
	On    bool          `knob:"breaker" help:"whether the lab's circuit breaker stands in front of the dependency"`
	Open  time.Duration `knob:"open_for" min:"100ms" max:"10s" help:"how long the breaker refuses before it probes"`
	Takes time.Duration `knob:"takes" min:"1ms" max:"1s" help:"how long a call takes until it fails"`
	Rate  int           `knob:"rate" unit:"req/s" min:"20" max:"1000" help:"requests"`
	Dead  time.Duration `knob:"dead" min:"500ms" max:"30s" help:"how long the dependency is dead"`
}

// Dead lets a dependency die and come back, with a breaker in front of it or
// without.
func Dead() trial.Trial {
	return trial.Trial{
		Name: "dead-dependency", Title: "Asking the dead", Chapter: 7,
		Question: "A dependency is dead for 4 seconds, and each of 200 requests a second waits 100 ms to learn it. How many calls does a breaker spare it, and how soon is it asked again?",
		Lesson:   "A breaker answers at once what would fail anyway, leaves the dependency alone while it recovers, and finds out by a few probes that it is back.",
		Knobs: func() any {
			return &deadKnobs{On: true, Open: 500 * time.Millisecond, Takes: 100 * time.Millisecond, Rate: 200, Dead: 4 * time.Second}
		},
		Wrong: map[string]any{"breaker": false}, Right: map[string]any{"breaker": true},
		Run: dead,
	}
}

func dead(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*deadKnobs)
	s := stand.New(ctx, env)
	defer func() { err = errors.Join(err, s.Close()) }()
	d := &dependency{clock: env.Clock, takes: k.Takes}
	var h lab.Handler = d
	res.Component = "a dependency that is dead for a while, with nothing in front of it"
	if k.On {
		if h, _, err = s.Put(breaker.Pattern(), map[string]any{"open_for": k.Open, "window": "1s", "slow": "0s", "probes": 3}, "one", d); err != nil {
			return res, err
		}
		res.Component = "the lab's circuit breaker in front of a dependency that is dead for a while"
	}
	res.Columns = []trial.Column{{Title: "dependency"}, {Title: "requests"}, {Title: "calls to it"}, {Title: "answered"}, {Title: "p50"}}
	var calls, back float64
	for _, phase := range []struct {
		name  string
		dead  bool
		lasts time.Duration
	}{{"well", false, time.Second}, {"dead", true, k.Dead}, {"back", false, 3*k.Open + time.Second}} {
		d.set(phase.dead)
		m, err := drive(ctx, env.Clock, h, flow{k.Rate, phase.lasts, 1, "the dependency is " + phase.name}, tell)
		if err != nil {
			return res, err
		}
		n := d.called()
		res.Rows = append(res.Rows, []string{phase.name, trial.Count(m.n), trial.Count(n), trial.Share(m.good(), m.n), trial.Took(m.times.Quantile(.5))})
		switch phase.name {
		case "dead":
			calls = trial.Percent(n, m.n)
		case "back":
			back = trial.Percent(m.good(), m.n)
		}
	}
	res.Claims = []trial.Claim{
		trial.AtMost("of the requests call the dead dependency", calls, 40, "%"),
		trial.AtLeast("of the requests are answered once it is back", back, 50, "%"),
	}
	return res, nil
}

// oldKnobs are the settings of Old.
type oldKnobs struct {
	On    bool          `knob:"stale" help:"whether the lab keeps last good answers to fall back on"`
	Items int           `knob:"items" min:"1" max:"10000" help:"items that are asked for"`
	Rate  int           `knob:"rate" unit:"req/s" min:"20" max:"2000" help:"requests"`
	Dead  time.Duration `knob:"dead" min:"500ms" max:"30s" help:"how long the database is dead"`
}

// Old lets a database die, with old answers to fall back on or without.
func Old() trial.Trial {
	return trial.Trial{
		Name: "stale-answers", Title: "An old answer instead of none", Chapter: 7,
		Question: "The database is dead for 2 seconds. What share of the reads is answered when the last good answers were kept?",
		Lesson:   "Where an old answer is better than none, keep the last good one: the page stays up, says how old it is, and nobody has to hurry.",
		Knobs:    func() any { return &oldKnobs{On: true, Items: 50, Rate: 200, Dead: 2 * time.Second} },
		Wrong:    map[string]any{"stale": false}, Right: map[string]any{"stale": true},
		Run: old,
	}
}

func old(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*oldKnobs)
	s := stand.New(ctx, env)
	defer func() { err = errors.Join(err, s.Close()) }()
	d := &dependency{clock: env.Clock, takes: time.Millisecond}
	var h lab.Handler = d
	res.Component = "a database that is dead for a while, with nothing in front of it"
	if k.On {
		if h, _, err = s.Put(stale.Pattern(), map[string]any{"capacity": k.Items}, "one", d); err != nil {
			return res, err
		}
		res.Component = "the lab's stale answers in front of a database that is dead for a while"
	}
	res.Columns = []trial.Column{{Title: "database"}, {Title: "reads"}, {Title: "answered"}, {Title: "of them old"}, {Title: "oldest"}}
	share := 0.
	filling := time.Duration(float64(k.Items)/float64(k.Rate)*1.5*float64(time.Second)) + 100*time.Millisecond
	for _, phase := range []struct {
		name  string
		dead  bool
		lasts time.Duration
	}{{"well", false, filling}, {"dead", true, k.Dead}} {
		d.set(phase.dead)
		m, err := drive(ctx, env.Clock, h, flow{k.Rate, phase.lasts, k.Items, "the database is " + phase.name}, tell)
		if err != nil {
			return res, err
		}
		share = trial.Percent(m.good(), m.n)
		res.Rows = append(res.Rows, []string{phase.name, trial.Count(m.n), trial.Share(m.good(), m.n), trial.Count(m.outcomes[lab.Stale]), trial.Took(m.oldest)})
	}
	res.Claims = []trial.Claim{trial.AtLeast("of the reads are answered while the database is dead", share, 95, "%")}
	return res, nil
}
