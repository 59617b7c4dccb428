package queue

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"workbench/lab/broker"
	"workbench/lab/trial"
)

// backlogKnobs are the knobs of the backlog trial.
type backlogKnobs struct {
	Workers int `knob:"workers" min:"1" max:"64" help:"workers, each of whom needs 20 ms for a job"`
}

// What comes, and how long a job takes.
const (
	work     = 20 * time.Millisecond
	peakRate = 300 // jobs a second
	peak     = 2 * time.Second
	calmRate = 150
	drainCap = 12 * time.Second
)

// Backlog fills a queue and lets it drain.
func Backlog() trial.Trial {
	return trial.Trial{
		Name: "backlog", Title: "How long a backlog takes", Chapter: 6,
		Question: "For two seconds 300 jobs a second come, then 150, and each takes a worker 20 ms. With how many workers is the backlog gone within three seconds of the peak?",
		Lesson:   "A backlog grows by arrivals less service, and drains in backlog over service less arrivals: workers that just suffice for the calm never drain it.",
		Knobs:    func() any { return &backlogKnobs{Workers: 4} },
		Wrong:    map[string]any{"workers": 3},
		Right:    map[string]any{"workers": 5},
		Long:     "about ten seconds with too few workers: a backlog takes its time",
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return backlog(ctx, env, *knobs.(*backlogKnobs), tell)
		},
	}
}

func backlog(ctx context.Context, env trial.Env, k backlogKnobs, tell func(trial.Step)) (trial.Result, error) {
	var out trial.Result
	var took time.Duration
	var top int64
	labels, err := only(ctx, env, shortLease, func(b bench) (err error) {
		top, took, err = fill(ctx, b, k.Workers, tell)
		return err
	}, "memory")
	if err != nil {
		return out, err
	}
	service := float64(k.Workers) / work.Seconds()
	grown := math.Max(0, (peakRate-service)*peak.Seconds())
	predicted := "never"
	if service > calmRate {
		predicted = fmt.Sprintf("%.1f", grown/(service-calmRate))
	}
	measured, got := fmt.Sprintf("%.1f", took.Seconds()), fmt.Sprintf("%.1f s", took.Seconds())
	if took >= drainCap {
		measured = fmt.Sprintf("not within %v", drainCap.Seconds())
		got = measured + " s"
	}
	out.Component = component(labels)
	out.Columns = []trial.Column{{Title: "Workers"}, {Title: "Service", Unit: "jobs/s"}, {Title: "Backlog predicted"}, {Title: "Backlog measured"}, {Title: "Drained predicted", Unit: "s"}, {Title: "Drained measured", Unit: "s"}}
	out.Rows = [][]string{{fmt.Sprint(k.Workers), fmt.Sprintf("%.0f", service), fmt.Sprintf("%.0f", grown), fmt.Sprint(top), predicted, measured}}
	out.Claims = []trial.Claim{{Text: "The backlog is gone within three seconds of the peak", OK: took <= 3*time.Second, Got: got, Timed: true}}
	return out, nil
}

// fill lets the peak come, then the calm, and measures the backlog at the end of
// the peak and how long it takes from then until it is gone.
func fill(ctx context.Context, b bench, workers int, tell func(trial.Step)) (top int64, took time.Duration, err error) {
	var done, sent atomic.Int64
	working, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- broker.Keep(working, b.clock, b, broker.Options{Workers: workers}, func(ctx context.Context, _ broker.Message) error {
			if err := b.clock.Wait(ctx, b.clock.Now()+work); err != nil {
				return err
			}
			done.Add(1)
			return nil
		}, nil)
	}()
	defer func() { end(); <-ended }()
	begun := b.clock.Now()
	for n := int64(0); ; {
		now := b.clock.Now() - begun
		if now >= peak+drainCap {
			return top, drainCap, nil
		}
		due := int64(now.Seconds() * peakRate)
		if now > peak {
			due = int64(peak.Seconds()*peakRate + (now-peak).Seconds()*calmRate)
			if top == 0 {
				top = max(1, sent.Load()-done.Load())
			}
			if left := sent.Load() - done.Load(); left <= int64(workers) {
				return top, now - peak, nil
			}
		}
		for ; n < due; n++ {
			if err := b.Publish(ctx, broker.Message{ID: fmt.Sprint(n), Body: []byte("{}")}); err != nil {
				return top, took, err
			}
			sent.Add(1)
		}
		tell(trial.Step{Text: fmt.Sprintf("%d wait", sent.Load()-done.Load()), Done: int(now.Seconds()), Total: int((peak + drainCap).Seconds())})
		if err := b.clock.Wait(ctx, b.clock.Now()+10*time.Millisecond); err != nil {
			return top, took, err
		}
	}
}
