package queue

import (
	"context"
	"fmt"
	"sync/atomic"

	"workbench/lab/broker"
	"workbench/lab/trial"
)

// crashKnobs are the knobs of the crash trial.
type crashKnobs struct {
	Acknowledge string `knob:"acknowledge" options:"after,before" help:"when a worker acknowledges a job: before it works on it, or after"`
	Once        bool   `knob:"once" help:"a worker looks whether the job has had its effect"`
}

const (
	crashJobs = 100
	crashes   = 3
)

// Crash lets workers crash in the middle of a job.
func Crash() trial.Trial {
	return trial.Trial{
		Name: "worker-crash", Title: "A worker crashes in mid-job", Chapter: 6,
		Question: "A hundred jobs, and three times a worker crashes between a job's effect and its acknowledgement. How many jobs are lost, and how many are done twice?",
		Lesson:   "Acknowledged before, a crash loses the job; acknowledged after, it repeats it; with a look at what was done, the effect is had once.",
		Knobs:    func() any { return &crashKnobs{Acknowledge: "after", Once: true} },
		Wrong:    map[string]any{"acknowledge": "after", "once": false},
		Right:    map[string]any{"acknowledge": "after", "once": true},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return crash(ctx, env, *knobs.(*crashKnobs), tell)
		},
	}
}

func crash(ctx context.Context, env trial.Env, k crashKnobs, tell func(trial.Step)) (trial.Result, error) {
	out := trial.Result{Columns: []trial.Column{{Title: "Broker"}, {Title: "Jobs"}, {Title: "Deliveries"}, {Title: "Lost"}, {Title: "Effects repeated"}}}
	var lost, repeated int
	labels, err := each(ctx, env, func(b bench) error {
		tell(trial.Step{Text: "crashing workers of " + b.Title})
		l, r, n, err := crashOne(ctx, b, k)
		if err != nil {
			return err
		}
		name := b.Title
		if !b.Caps().Redelivery {
			name += " (delivers once at most)"
		} else {
			lost += l
			repeated += r
		}
		out.Rows = append(out.Rows, []string{name, fmt.Sprint(crashJobs), fmt.Sprint(n), fmt.Sprint(l), fmt.Sprint(r)})
		return nil
	})
	out.Component = component(labels)
	out.Claims = []trial.Claim{
		{Text: "Where a broker delivers again, no job is lost", OK: lost == 0, Got: fmt.Sprintf("%d lost", lost)},
		{Text: "No job has its effect twice", OK: repeated == 0, Got: fmt.Sprintf("%d repeated", repeated)},
	}
	return out, err
}

// crashOne puts the jobs through one broker. A crash before the effect is what
// loses a job that was acknowledged; one after it is what repeats it.
func crashOne(ctx context.Context, b bench, k crashKnobs) (lost, repeated, deliveries int, err error) {
	done := &effects{times: map[string]int{}}
	var left atomic.Int64
	left.Store(crashes)
	var seen atomic.Int64
	handle := func(_ context.Context, m broker.Message) error {
		falls := seen.Add(1)%20 == 10 && left.Add(-1) >= 0
		if falls && k.Acknowledge == "before" {
			return broker.ErrCrash
		}
		done.have(m.ID, k.Once)
		if falls {
			return broker.ErrCrash
		}
		return nil
	}
	working, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- broker.Keep(working, b.clock, b, broker.Options{AtMostOnce: k.Acknowledge == "before"}, handle, nil)
	}()
	for i := range crashJobs {
		if err = b.Publish(ctx, broker.Message{ID: fmt.Sprintf("job-%d", i), Key: fmt.Sprint(i % 7), Body: []byte("{}")}); err != nil {
			break
		}
	}
	if err == nil {
		err = b.rest(ctx, done, func() bool {
			l, _, n := done.count(crashJobs)
			if k.Acknowledge == "before" {
				return left.Load() <= 0 && l <= crashes
			}
			return l == 0 && left.Load() <= 0 && n >= crashJobs+crashes
		})
	}
	end()
	<-ended // its error is that we have ended it
	lost, repeated, deliveries = done.count(crashJobs)
	return lost, repeated, deliveries, err
}
