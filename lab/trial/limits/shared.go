package limits

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/ratelimit"
	"workbench/lab/trial"
	"workbench/lab/trial/stand"
	"workbench/sim/dist"
)

// sharedKnobs are the settings of Shared and EveryWindow.
type sharedKnobs struct {
	Store     string        `knob:"store" options:"redis,local" help:"where the quota is kept: in a Redis that all instances share, or in each instance"`
	Instances int           `knob:"instances" min:"1" max:"16" help:"instances behind the balancer"`
	Rate      float64       `knob:"rate" unit:"req/s" min:"1" max:"2000" help:"requests admitted a second, all in all"`
	Burst     int           `knob:"burst" unit:"requests" min:"1" max:"1000" help:"requests admitted at once after a rest"`
	For       time.Duration `knob:"for" min:"200ms" max:"30s" help:"how long one user asks without pause"`
}

// mostAdmitted bounds what may be let through, for every pair is looked at.
const mostAdmitted = 20_000

// Validate implements knob.Validator.
func (k *sharedKnobs) Validate() error {
	if n := k.Rate * k.For.Seconds() * float64(k.Instances); n > mostAdmitted {
		return fmt.Errorf("knobs rate, for and instances: got %g × %v × %d, want a product of at most %d: every window is looked at", k.Rate, k.For, k.Instances, mostAdmitted)
	}
	return nil
}

func sharedDefaults() any {
	return &sharedKnobs{Store: "redis", Instances: 4, Rate: 100, Burst: 20, For: 2 * time.Second}
}

// Shared compares limits that each instance keeps with one that all share.
func Shared() trial.Trial {
	return trial.Trial{
		Name: "shared-limit", Title: "A limit over four instances", Chapter: 3,
		Question: "Each user may ask 100 times a second. Four instances keep that limit, each for itself. How many requests a second does a user get through?",
		Lesson:   "N instances with a limit each are a limit of N times as much: share the quota, or divide it by the number of instances and accept that it is uneven.",
		Knobs:    sharedDefaults,
		Wrong:    map[string]any{"store": "local"}, Right: map[string]any{"store": "redis"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			k := knobs.(*sharedKnobs)
			m, err := ask(ctx, env, k, tell)
			if err != nil {
				return trial.Result{}, err
			}
			allowed := float64(k.Burst) + k.Rate*m.took.Seconds()
			times := float64(len(m.admitted)) / allowed
			return m.result(k,
				trial.AtMost("times the limit that one user gets through", times, 1.05, "×"),
				trial.OnThisMachine(trial.AtLeast("share of the limit that one user can use", 100*times, 70, "%")),
			), nil
		},
	}
}

// EveryWindow holds a limit to its promise in every window of time.
func EveryWindow() trial.Trial {
	return trial.Trial{
		Name: "every-window", Title: "The promise of a limit, in every window", Chapter: 3,
		Question: "A quota of 100 a second with a burst of 20 is shared by four instances. Is there any window, however short, with more than 20 + 100 × its length?",
		Lesson:   "A limit is a promise about every window, not about the average: decide in one place, by one clock.",
		Knobs:    sharedDefaults,
		Wrong:    map[string]any{"store": "local"}, Right: map[string]any{"store": "redis"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			k := knobs.(*sharedKnobs)
			m, err := ask(ctx, env, k, tell)
			if err != nil {
				return trial.Result{}, err
			}
			tell(trial.Step{Text: "checks every window"})
			windows, broken, worst := check(m.admitted, k.Rate, float64(k.Burst))
			claims := []trial.Claim{
				{Text: "windows with more than burst + rate × length: 0 of " + trial.Count(windows), OK: broken == 0, Got: trial.Count(broken)},
				trial.AtMost("most that any window holds above rate × length, with a burst of "+trial.Count(k.Burst), worst, float64(k.Burst), "requests"),
			}
			return m.result(k, claims...), nil
		},
	}
}

// admission is one request that was let through: the decision fell between the
// two instants.
type admission struct{ sent, heard time.Duration }

// measurement is what one user met who asked all instances without pause.
type measurement struct {
	component string
	admitted  []admission
	by        []int // admitted, by instance
	asked     int
	failed    int // decisions that Redis did not give
	took      time.Duration
}

// ask lets one user ask all instances at once, from several connections, for a
// while.
func ask(ctx context.Context, env trial.Env, k *sharedKnobs, tell func(trial.Step)) (m measurement, err error) {
	s := stand.New(ctx, env)
	defer func() { err = errors.Join(err, s.Close()) }()
	m.component = "the lab's rate limit in each instance's memory"
	if k.Store == "redis" {
		r, err := s.Redis(ctx)
		if err != nil {
			return m, err
		}
		m.component = "the lab's rate limit in Redis: " + r.Label()
	}
	answer := lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} })
	handlers := make([]lab.Handler, k.Instances)
	counters := make([]*lab.Counters, k.Instances)
	for i := range handlers {
		changes := map[string]any{"per": "user", "rate": k.Rate, "burst": k.Burst, "store": k.Store, "on_redis_error": "closed", "redis_timeout": "1s"}
		if handlers[i], counters[i], err = s.Put(ratelimit.Pattern(), changes, fmt.Sprint(i+1), answer); err != nil {
			return m, err
		}
	}
	// Another user in each run: one quota that is already in use would tell less.
	user := dist.Mix(env.Seed ^ uint64(env.Clock.Date(env.Clock.Now()).UnixNano()))
	tell(trial.Step{Text: fmt.Sprintf("asks %d instances without pause for %v", k.Instances, k.For)})
	m.by = make([]int, k.Instances)
	var mu sync.Mutex // guards m
	begin := env.Clock.Now()
	var all sync.WaitGroup
	for n := range k.Instances * connections {
		all.Go(func() {
			i := n % k.Instances
			for ctx.Err() == nil && env.Clock.Now() < begin+k.For {
				sent := env.Clock.Now()
				res := handlers[i].Serve(ctx, &lab.Request{ID: uint64(n), At: sent, User: user, Read: true})
				heard := env.Clock.Now()
				mu.Lock()
				m.asked++
				if res.Outcome == lab.OK {
					m.admitted = append(m.admitted, admission{sent, heard})
					m.by[i]++
				}
				m.took = max(m.took, heard-begin)
				mu.Unlock()
				if env.Clock.Wait(ctx, heard+pause) != nil {
					return
				}
			}
		})
	}
	all.Wait()
	for _, c := range counters {
		m.failed += int(c.Get("redis_errors").Load() + c.Get("redis_skipped").Load())
	}
	return m, ctx.Err()
}

const (
	connections = 4                // of the user to each instance
	pause       = time.Millisecond // between an answer and the next request
)

// result shows what was measured, with these claims on it and one on Redis.
func (m measurement) result(k *sharedKnobs, claims ...trial.Claim) trial.Result {
	res := trial.Result{Component: m.component, Columns: []trial.Column{{Title: "instance"}, {Title: "let through"}, {Title: "a second"}}}
	row := func(name string, n int) {
		res.Rows = append(res.Rows, []string{name, trial.Count(n), trial.Number(float64(n)/m.took.Seconds(), "")})
	}
	for i, n := range m.by {
		row(fmt.Sprint(i+1), n)
	}
	row("together", len(m.admitted))
	res.Rows = append(res.Rows, []string{"asked", trial.Count(m.asked), trial.Number(float64(m.asked)/m.took.Seconds(), "")})
	res.Claims = claims
	if k.Store == "redis" {
		res.Claims = append(res.Claims, trial.OnThisMachine(trial.Exactly("decisions that Redis did not give", m.failed, 0)))
	}
	return res
}

// check looks at every window that begins when an admitted request was sent and
// ends when one was answered. A request counts when it lies in the window whole:
// only then was it surely decided there. It returns how many windows there are,
// how many hold more than the promise, and the most that one holds above rate
// times its length.
func check(all []admission, rate, burst float64) (windows, broken int, worst float64) {
	slices.SortFunc(all, func(a, b admission) int { return cmp.Compare(a.heard, b.heard) })
	for _, first := range all {
		inside := 0
		for _, last := range all {
			if last.sent < first.sent {
				continue
			}
			inside++
			windows++
			above := float64(inside) - rate*(last.heard-first.sent).Seconds()
			worst = max(worst, above)
			if above > burst+1e-9 {
				broken++
			}
		}
	}
	return windows, broken, worst
}
