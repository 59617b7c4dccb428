package web

import (
	"context"

	"workbench/exercises/classroom"
	"workbench/lab/live"
	"workbench/sim/load"
)

// watched is the lab as a learner has it: everything can be seen, nothing
// changed. The card of the prediction is the class's, so the lab's own is away.
type watched struct {
	Viewer
	undriven
	class   *classroom.Class
	learner uint64
}

var _ Lab = watched{}

func unasked(s live.State) live.State {
	s.Predict = nil
	return s
}

// State implements Lab.
func (w watched) State() live.State { return unasked(w.Viewer.State()) }

// Watch implements Lab.
func (w watched) Watch(ctx context.Context) <-chan live.Event {
	in, out := w.Viewer.Watch(ctx), make(chan live.Event, 1)
	go func() {
		defer close(out)
		for e := range in {
			if e.State != nil {
				s := unasked(*e.State)
				e.State = &s
			}
			select {
			case out <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// Runs implements Lab: the class's runs, each with what this learner had
// predicted of it.
func (w watched) Runs(ctx context.Context) ([]live.RunSummary, error) {
	runs, err := w.Viewer.Runs(ctx)
	if err != nil {
		return nil, err
	}
	said, err := w.class.Predicted(ctx, w.learner)
	if err != nil {
		return nil, err
	}
	for i := range runs {
		right, ok := said[runs[i].ID]
		switch {
		case !ok:
			runs[i].Prediction = ""
		case right:
			runs[i].Prediction = "right"
		default:
			runs[i].Prediction = "wrong"
		}
	}
	return runs, nil
}

// undriven refuses every change. It embeds nothing, so that a change which the lab
// learns is refused here before the program compiles.
type undriven struct{}

var _ Driver = undriven{}

// driven refuses a change of a learner's.
func driven() (live.State, error) { return live.State{}, errDriven }

func (undriven) SetPattern(context.Context, string, live.PatternChange) (live.State, error) {
	return driven()
}
func (undriven) SetFault(context.Context, string, live.FaultChange) (live.State, error) {
	return driven()
}
func (undriven) Spike(context.Context, load.Spike) (live.State, error)              { return driven() }
func (undriven) SetTraffic(context.Context, live.TrafficChange) (live.State, error) { return driven() }
func (undriven) Load(context.Context, live.ScenarioChange) (live.State, error)      { return driven() }
func (undriven) SetInstances(context.Context, live.InstancesChange) (live.State, error) {
	return driven()
}
func (undriven) SetInstance(context.Context, string, live.InstanceChange) (live.State, error) {
	return driven()
}
func (undriven) SetBalancer(context.Context, live.PartChange) (live.State, error)   { return driven() }
func (undriven) SetAutoscaler(context.Context, live.PartChange) (live.State, error) { return driven() }
func (undriven) Predict(context.Context, int) (live.State, error)                   { return driven() }
