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
// answered {"record": …}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall/js"
	"time"

	"workbench/lab/classics"
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
}

type answer struct {
	Report *scenario.Report `json:"report,omitempty"`
	Record *classics.Record `json:"record,omitempty"`
	Error  string           `json:"error,omitempty"`
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
		rep, err := r.run(args[1])
		return answer{Report: &rep}, err
	}
	c, ok := classics.Find(r.Classic)
	if !ok {
		return answer{}, fmt.Errorf("classic %q: unknown", r.Classic)
	}
	record, err := c.Try(context.Background(), r.Seed)
	return answer{Record: &record}, err
}

// run plays a scenario.
func (r request) run(progress js.Value) (scenario.Report, error) {
	var spec scenario.Spec
	var err error
	if r.Source != "" {
		spec, err = scenario.Parse("scenario.yaml", []byte(r.Source))
	} else {
		spec, err = scenario.Find(r.Scenario)
	}
	if err != nil {
		return scenario.Report{}, err
	}
	return virtual.RunFlags(context.Background(), spec, r.Flags, virtual.Options{Seed: seed, Version: r.Version, Progress: func(elapsed, total time.Duration, _ scenario.Point) {
		progress.Invoke(elapsed.Seconds(), total.Seconds())
	}})
}
