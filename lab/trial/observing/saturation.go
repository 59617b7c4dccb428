package observing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/trial"
	"workbench/sim/dist"
)

// saturationKnobs are the settings of SaturationLeads.
type saturationKnobs struct {
	Watch   string `knob:"watch" options:"queue,errors" help:"what the alert looks at: how many wait, or how many were refused"`
	Backlog int    `knob:"backlog" min:"50" max:"2000" help:"how many may wait for the database before one is refused"`
}

// SaturationLeads shows which signal moves first.
func SaturationLeads() trial.Trial {
	return trial.Trial{
		Name: "saturation-leads", Title: "What moves first", Chapter: 8,
		Question: "Traffic grows from half of what the database can serve to twice of it. Which moves first, the queue or the errors, and by how much?",
		Lesson:   "Saturation leads errors: an alert on the queue leaves time to act, one on errors has none.",
		Long:     "6 s: traffic grows in real time",
		Knobs:    func() any { return &saturationKnobs{Watch: "queue", Backlog: 300} },
		Wrong:    map[string]any{"watch": "errors"}, Right: map[string]any{"watch": "queue"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return saturation(ctx, env, *knobs.(*saturationKnobs), tell)
		},
	}
}

// The ramp: a gate that serves 400 a second, and traffic from half to twice of
// that.
const (
	rampSlots   = 4
	rampService = 10 * time.Millisecond
	rampFrom    = 200.0
	rampTo      = 800.0
	rampFor     = 6 * time.Second
	deepQueue   = 4 * rampSlots // an alert's bound: four requests for each slot
)

func saturation(ctx context.Context, env trial.Env, k saturationKnobs, tell func(trial.Step)) (trial.Result, error) {
	g, err := gate.New(gate.Spec{Slots: rampSlots, Service: rampService, Law: "constant", Backlog: k.Backlog}, env.Clock, dist.New(env.Seed, "saturation"))
	if err != nil {
		return trial.Result{}, err
	}
	var users sync.WaitGroup
	defer users.Wait()
	defer g.Close()
	began := env.Clock.Now()
	var refused atomic.Int64 // when the first was; 0: none yet
	var count atomic.Int64
	deep := time.Duration(0) // when the queue was first deep
	most := 0
	for due := time.Duration(0); due < rampFor; {
		share := float64(due) / float64(rampFor)
		due += time.Duration(float64(time.Second) / (rampFrom + share*(rampTo-rampFrom)))
		if err := env.Clock.Wait(ctx, began+due); err != nil {
			return trial.Result{}, err
		}
		users.Go(func() {
			_, err := g.Do(ctx, &lab.Request{}, func(context.Context) ([]byte, error) { return nil, nil })
			if errors.Is(err, lab.ErrFull) {
				refused.CompareAndSwap(0, int64(env.Clock.Now()-began))
				count.Add(1)
			}
		})
		waiting := g.Stats().Waiting
		most = max(most, waiting)
		if deep == 0 && waiting >= deepQueue {
			deep = due
		}
		if int(due.Seconds()*2) != int((due-rampService).Seconds()*2) {
			tell(trial.Step{Text: "traffic grows", Done: int(due.Milliseconds()), Total: int(rampFor.Milliseconds())})
		}
	}
	first := time.Duration(refused.Load())
	seen := deep
	if k.Watch == "errors" {
		seen = first
	}
	lead := first - seen
	out := trial.Result{Component: "the lab's capacity gate, in real time", Columns: []trial.Column{{Title: "what happened"}, {Title: "after", Unit: "s"}}}
	for _, e := range []struct {
		what string
		at   time.Duration
	}{
		{"traffic reaches what the database can serve", rampFor / 3}, {fmt.Sprintf("%d requests wait", deepQueue), deep}, {"the first user is refused", first},
	} {
		out.Rows = append(out.Rows, []string{e.what, fmt.Sprintf("%.2f", e.at.Seconds())})
	}
	out.Rows = append(out.Rows, []string{fmt.Sprintf("most that waited: %d; refused in all: %d", most, count.Load()), "–"})
	out.Claims = []trial.Claim{
		claim(first > 0, "In the end users are refused", fmt.Sprintf("%d users", count.Load())),
		claim(first > 0 && lead >= time.Second, "The alert rings at least a second before the first user is refused", fmt.Sprintf("%.2f s", lead.Seconds())),
	}
	return out, nil
}
