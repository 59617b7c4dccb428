package caching

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/cache"
	"workbench/lab/trial"
	"workbench/lab/trial/stand"
	"workbench/sim/dist"
)

// levelKnobs are the settings of Levels.
type levelKnobs struct {
	Store     string        `knob:"store" options:"both,redis,memory" help:"each instance's memory in front of Redis with messages about changes, Redis alone, or each instance's memory alone"`
	Instances int           `knob:"instances" min:"2" max:"16" help:"instances, each with its own memory"`
	Items     int           `knob:"items" min:"1" max:"1000" help:"items, each changed once in a round"`
	Rounds    int           `knob:"rounds" min:"1" max:"50" help:"how often everything is read, changed and read again"`
	Pause     time.Duration `knob:"pause" min:"0s" max:"2s" help:"between a change and the reads after it: a message is on its way meanwhile"`
}

// Levels changes items in one instance and reads them in all.
func Levels() trial.Trial {
	return trial.Trial{
		Name: "two-level-cache", Title: "A copy in every instance", Chapter: 4,
		Question: "Four instances keep copies in their memory. One of them changes an item. How many of the reads that follow see the old one?",
		Lesson:   "A copy in memory is the fastest and the one that nobody else can drop: keep Redis behind it and tell all instances of a change, or bound how old it may be by a short time to live.",
		Knobs: func() any {
			return &levelKnobs{Store: "both", Instances: 4, Items: 20, Rounds: 5, Pause: 100 * time.Millisecond}
		},
		Wrong: map[string]any{"store": "memory"}, Right: map[string]any{"store": "both"},
		Run: levels,
	}
}

// versions is a database of items that have a version each.
type versions struct {
	reads atomic.Int64

	mu sync.Mutex
	at map[uint64]int // guarded by mu
}

// Serve implements lab.Handler: a read answers with the version, a write raises
// it.
func (v *versions) Serve(_ context.Context, r *lab.Request) lab.Response {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !r.Read {
		v.at[r.Key]++
		return lab.Response{}
	}
	v.reads.Add(1)
	return lab.Response{Body: []byte(strconv.Itoa(v.at[r.Key]))}
}

func (v *versions) now(key uint64) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return strconv.Itoa(v.at[key])
}

func levels(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*levelKnobs)
	s := stand.New(ctx, env)
	defer func() { err = errors.Join(err, s.Close()) }()
	res.Component = "the lab's cache in each instance's memory"
	if k.Store != "memory" {
		r, err := s.Redis(ctx)
		if err != nil {
			return res, err
		}
		res.Component = "the lab's cache in Redis: " + r.Label()
		if k.Store == "both" {
			res.Component = "the lab's cache in each instance's memory, in front of Redis: " + r.Label()
		}
	}
	db := &versions{at: map[uint64]int{}}
	instances := make([]lab.Handler, k.Instances)
	for i := range instances {
		if instances[i], _, err = s.Put(cache.Pattern(), map[string]any{"store": k.Store, "ttl": "1m", "jitter": 0, "redis_timeout": "1s"}, fmt.Sprint(i+1), db); err != nil {
			return res, err
		}
	}
	// Other items in each run: a Redis that was given may hold those of another.
	first := dist.Mix(env.Seed ^ uint64(env.Clock.Date(env.Clock.Now()).UnixNano()))
	reads, stale := make([]int, k.Instances), make([]int, k.Instances)
	look := func(count bool) error {
		for i, h := range instances {
			for n := range k.Items {
				key := first + uint64(n)
				got := h.Serve(ctx, &lab.Request{Key: key, Read: true})
				if !got.Outcome.Good() {
					return fmt.Errorf("a read was not answered: %v", got.Reason)
				}
				if !count {
					continue
				}
				reads[i]++
				if string(got.Body) != db.now(key) {
					stale[i]++
				}
			}
		}
		return ctx.Err()
	}
	for round := range k.Rounds {
		tell(trial.Step{Text: "reads, changes and reads again", Done: round, Total: k.Rounds})
		if err := look(false); err != nil {
			return res, err
		}
		for n := range k.Items {
			instances[0].Serve(ctx, &lab.Request{Key: first + uint64(n)})
		}
		if err := env.Clock.Wait(ctx, env.Clock.Now()+k.Pause); err != nil {
			return res, err
		}
		if err := look(true); err != nil {
			return res, err
		}
	}
	res.Columns = []trial.Column{{Title: "instance"}, {Title: "reads after a change"}, {Title: "saw the old one"}}
	sum, old := 0, 0
	for i := range instances {
		name := fmt.Sprint(i + 1)
		if i == 0 {
			name += ", which made the changes"
		}
		res.Rows = append(res.Rows, []string{name, trial.Count(reads[i]), trial.Count(stale[i])})
		sum, old = sum+reads[i], old+stale[i]
	}
	res.Rows = append(res.Rows, []string{"the database", trial.Count(int(db.reads.Load())), "–"})
	res.Claims = []trial.Claim{trial.AtMost(fmt.Sprintf("reads %v after a change that saw the old one", k.Pause), trial.Percent(old, sum), 1, "%")}
	return res, nil
}
