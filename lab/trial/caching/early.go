package caching

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/pattern/cache"
	"workbench/lab/trial"
	"workbench/lab/trial/stand"
	"workbench/sim/stat"
)

// earlyKnobs are the settings of Early.
type earlyKnobs struct {
	Beta float64       `knob:"early" min:"0" max:"10" help:"XFetch's beta: how early one request, chosen by chance, loads again; 0: only after the expiry"`
	Rate int           `knob:"rate" unit:"req/s" min:"10" max:"2000" help:"requests for one hot item"`
	Load time.Duration `knob:"load" min:"10ms" max:"1s" help:"how long the database takes"`
	TTL  time.Duration `knob:"ttl" min:"200ms" max:"1m" help:"time to live"`
	For  time.Duration `knob:"for" min:"500ms" max:"1m" help:"how long requests come"`
}

// Validate implements knob.Validator.
func (k *earlyKnobs) Validate() error {
	if k.For < 2*k.TTL {
		return knob.Wrong("for", fmt.Sprintf("%v with a ttl of %v", k.For, k.TTL), "at least twice the ttl: nothing would expire")
	}
	return nil
}

// Early compares loading at the expiry with loading shortly before it.
func Early() trial.Trial {
	return trial.Trial{
		Name: "early-refresh", Title: "Before the copy expires", Chapter: 4,
		Question: "One item is asked for 500 times a second and takes 100 ms to load. How many loads run at once when its copy expires?",
		Lesson:   "Until the first load is back, every request finds nothing and loads too: rate times load time of them. Let one load early, chosen by chance, while the copy still answers the others.",
		Knobs: func() any {
			return &earlyKnobs{Beta: 1, Rate: 500, Load: 100 * time.Millisecond, TTL: time.Second, For: 5 * time.Second}
		},
		Wrong: map[string]any{"early": 0}, Right: map[string]any{"early": 1},
		Run: early,
	}
}

// hot is a database that one item is loaded from, and what it met.
type hot struct {
	env  trial.Env
	load time.Duration

	mu     sync.Mutex
	inside int // guarded by mu
	most   int // guarded by mu
	all    int // guarded by mu
}

// Serve implements lab.Handler.
func (h *hot) Serve(ctx context.Context, _ *lab.Request) lab.Response {
	h.mu.Lock()
	h.inside++
	h.all++
	h.most = max(h.most, h.inside)
	h.mu.Unlock()
	err := h.env.Clock.Wait(ctx, h.env.Clock.Now()+h.load)
	h.mu.Lock()
	h.inside--
	h.mu.Unlock()
	return lab.Answer(nil, err)
}

func early(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*earlyKnobs)
	s := stand.New(ctx, env)
	defer func() { err = errors.Join(err, s.Close()) }()
	db := &hot{env: env, load: k.Load}
	h, counters, err := s.Put(cache.Pattern(), map[string]any{"store": "memory", "ttl": k.TTL, "jitter": 0, "early": k.Beta}, "one", db)
	if err != nil {
		return res, err
	}
	h.Serve(ctx, &lab.Request{Key: 1, Read: true}) // the first fill is not the point
	db.mu.Lock()
	db.most, db.all = 0, 0
	db.mu.Unlock()
	var mu sync.Mutex
	var times stat.Hist
	waited, failed := 0, 0
	var all sync.WaitGroup
	begin, gap := env.Clock.Now(), time.Second/time.Duration(k.Rate)
	n := int(k.For / gap)
	for i := range n {
		if i%100 == 0 {
			tell(trial.Step{Text: "requests come", Done: i, Total: n})
		}
		due := begin + time.Duration(i)*gap
		if env.Clock.Wait(ctx, due) != nil {
			break
		}
		all.Go(func() {
			res := h.Serve(ctx, &lab.Request{Key: 1, Read: true})
			took := env.Clock.Now() - due
			mu.Lock()
			defer mu.Unlock()
			times.Record(took)
			if !res.Outcome.Good() {
				failed++
			}
			if !res.Cached {
				waited++ // for a load of its own
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return res, err
	}
	if failed > 0 {
		return res, fmt.Errorf("%d requests were not answered, want none", failed)
	}
	res.Component = "the lab's cache in the memory of one instance"
	res.Columns = []trial.Column{{Title: "requests"}, {Title: "loads"}, {Title: "most loads at once"}, {Title: "waited for a load"}, {Title: "p99"}, {Title: "loaded early"}}
	res.Rows = [][]string{{trial.Count(n), trial.Count(db.all), trial.Count(db.most), trial.Count(waited), trial.Took(times.Quantile(.99)), trial.Count(int(counters.Get("early").Load()))}}
	stampede := float64(k.Rate) * k.Load.Seconds()
	res.Claims = []trial.Claim{
		trial.AtMost(fmt.Sprintf("loads at once, where rate times load time is %s", trial.Number(stampede, "")), float64(db.most), max(2, stampede/4), ""),
		trial.AtMost("requests that waited for a load", trial.Percent(waited, n), 3, "%"),
	}
	return res, nil
}
