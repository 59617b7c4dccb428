package web

import (
	"context"
	"net/http"

	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/sim/load"
)

// Lab is what the server shows and operates: a *live.Lab. Errors are those of
// package live.
type Lab interface {
	Viewer
	Driver
}

// Viewer is the lab as it can be watched.
type Viewer interface {
	State() live.State
	History() []live.Frame // of the last minute, at most 600
	Watch(context.Context) <-chan live.Event
	CheckLink(link string) (live.Setup, error) // what a shared link holds, or why it cannot be opened
	Runs(context.Context) ([]live.RunSummary, error)
	Run(ctx context.Context, id uint64) (scenario.Report, error)
	Metrics() http.Handler
}

// Driver changes the lab. Every change answers with the state that holds after
// it.
type Driver interface {
	SetPattern(ctx context.Context, name string, c live.PatternChange) (live.State, error)
	SetFault(ctx context.Context, name string, c live.FaultChange) (live.State, error)
	Spike(context.Context, load.Spike) (live.State, error)
	SetTraffic(context.Context, live.TrafficChange) (live.State, error)
	Load(context.Context, live.ScenarioChange) (live.State, error)
	SetInstances(context.Context, live.InstancesChange) (live.State, error)
	SetInstance(ctx context.Context, name string, c live.InstanceChange) (live.State, error)
	SetBalancer(context.Context, live.PartChange) (live.State, error)
	SetAutoscaler(context.Context, live.PartChange) (live.State, error)
	Predict(ctx context.Context, choice int) (live.State, error)
}
