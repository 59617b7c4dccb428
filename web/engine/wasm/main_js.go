// Command wasm is virtual time for a browser: the engine, the patterns and the
// scenarios of the workbench, built for WebAssembly. It runs in a worker of its
// own and answers one call after another:
//
//	workbenchRun(request, progress) → answer
//
// The request is {"scenario": name, "source": YAML, "flags": ["--on=queue", …],
// "version": text}, where source goes before the name and the version is that of
// the server, which the report then names; progress is called once a virtual second
// with the seconds that have passed and those there are; the answer is
// {"report": …} as the command line prints it, or {"error": text}.
//
// A request {"classic": id, "seed": n} reproduces a published result and is
// answered {"record": …}. With "decide": true a scenario is not played: the
// answer {"edge": text} says why no verdict on it can hold, or nothing.
//
// The request may also name an "engine", virtual or theory, and whether the
// report's sums begin with the event, "event". With metrics to
// "measure" the answer is {"measured": …}: their values, and the series cut down
// to what a small chart shows.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall/js"
	"time"

	"workbench/lab/agree"
	"workbench/lab/classics"
	"workbench/lab/formula"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
)

// seed is that of a request that names none, as on the command line.
const seed = 1

type request struct {
	Scenario string   `json:"scenario"`
	Source   string   `json:"source"`
	Flags    []string `json:"flags"`
	Version  string   `json:"version"`
	Classic  string   `json:"classic"`
	Seed     uint64   `json:"seed"`
	Engine   string   `json:"engine"`
	Event    bool     `json:"event"`
	Decide   bool     `json:"decide"`
	Measure  []metric `json:"measure"`
}

// metric is what to read from a run, in a window of it; times in seconds.
type metric struct {
	Name string  `json:"name"`
	Last float64 `json:"last"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// measured is what was read. A value that the run does not have is null.
type measured struct {
	Values []*float64   `json:"values"`
	Points [][4]float64 `json:"points"` // second, users who came, users answered in time, p99 in ms
}

type answer struct {
	Report *scenario.Report `json:"report,omitempty"`
	Record *classics.Record `json:"record,omitempty"`
	Edge   *string          `json:"edge,omitempty"`

	Measured *measured `json:"measured,omitempty"`

	Error string `json:"error,omitempty"`
}

func main() {
	js.Global().Set("workbenchRun", js.FuncOf(func(_ js.Value, args []js.Value) any {
		a, err := serve(args)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		out, err := json.Marshal(a)
		if err != nil {
			return `{"error":"the report cannot be written as JSON"}`
		}
		return string(out)
	}))
	select {}
}

// serve answers one call.
func serve(args []js.Value) (answer, error) {
	if len(args) != 2 || args[0].Type() != js.TypeString || args[1].Type() != js.TypeFunction {
		return answer{}, fmt.Errorf("workbenchRun: got %d arguments, want a request as JSON and a function", len(args))
	}
	var r request
	if err := json.Unmarshal([]byte(args[0].String()), &r); err != nil {
		return answer{}, fmt.Errorf("request: %w", err)
	}
	if r.Classic == "" {
		return r.scenario(args[1])
	}
	c, ok := classics.Find(r.Classic)
	if !ok {
		return answer{}, fmt.Errorf("classic %q: unknown", r.Classic)
	}
	record, err := c.Try(context.Background(), r.Seed)
	return answer{Record: &record}, err
}

// scenario answers a request for a scenario.
func (r request) scenario(progress js.Value) (answer, error) {
	var spec scenario.Spec
	var err error
	if r.Source != "" {
		spec, err = scenario.Parse("scenario.yaml", []byte(r.Source))
	} else {
		spec, err = scenario.Find(r.Scenario)
	}
	if err != nil {
		return answer{}, err
	}
	spec, o, err := virtual.Resolve(spec, r.Flags, virtual.Options{Seed: seed, Version: r.Version})
	if err != nil {
		return answer{}, err
	}
	if r.Decide {
		edge := ""
		if err := agree.Decided(spec); err != nil {
			edge = err.Error()
		}
		return answer{Edge: &edge}, nil
	}
	if at, ok := spec.EventAt(); ok && r.Event {
		o.From = at
	}
	rep, err := r.play(spec, o, progress)
	if err == nil && r.Measure != nil {
		return answer{Measured: read(r.Measure, spec, rep)}, nil
	}
	return answer{Report: &rep}, err
}

// read takes metrics from a report.
func read(metrics []metric, spec scenario.Spec, rep scenario.Report) *measured {
	out := &measured{Points: make([][4]float64, 0, len(rep.Series))}
	seconds := func(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }
	for _, m := range metrics {
		v, err := scenario.MeasureIn(scenario.Window{Last: seconds(m.Last), From: seconds(m.From), To: seconds(m.To)}, m.Name, spec, rep)
		if err != nil {
			out.Values = append(out.Values, nil)
			continue
		}
		out.Values = append(out.Values, &v)
	}
	for _, p := range rep.Series {
		out.Points = append(out.Points, [4]float64{p.T, p.Offered, p.Good, p.P99MS})
	}
	return out
}

// play has the engine of the request's choice run a scenario.
func (r request) play(spec scenario.Spec, o virtual.Options, progress js.Value) (scenario.Report, error) {
	switch r.Engine {
	case "theory":
		return formula.Run(context.Background(), spec, formula.Options{Scale: o.Scale, Patterns: o.Patterns, Version: o.Version, From: o.From})
	case "", "virtual":
		o.Progress = func(elapsed, total time.Duration, _ scenario.Point) {
			progress.Invoke(elapsed.Seconds(), total.Seconds())
		}
		return virtual.Run(context.Background(), spec, o)
	}
	return scenario.Report{}, fmt.Errorf("engine %q: unknown here, want virtual or theory", r.Engine)
}
