package live_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/lab/scenario"
)

// calm is a service with room for four times its traffic, for as long as a
// test takes.
const calm = `
name: calm
instances: 2
gate: {slots: 8, service: 5ms, law: constant}
population: {users: 1000, keys: 100}
traffic:
  - {for: 60s, rate: 100}
clients: {timeout: 2s}
live_scale: 1
`

// eventful has an event of a second and a half that the service cannot bear,
// with a fault in it, and asks for a prediction.
const eventful = `
name: eventful
instances: 1
gate: {slots: 2, service: 10ms, law: constant}
population: {users: 1000, keys: 100}
traffic:
  - {name: before, for: 1s, rate: 50}
  - {name: spike, for: 1s, rate: 600}
  - {name: after, for: 1s, rate: 50}
faults:
  - {name: error, at: 1500ms, for: 300ms, share: 1}
clients: {timeout: 100ms}
live_scale: 1
claims:
  - {text: everyone is served before, metric: goodput_share, to: 1s, min: 0.9}
  - {text: most are not at the peak, metric: goodput_share, from: 1s, to: 2s, max: 0.7}
predict:
  question: What share is served at the peak?
  metric: goodput_share
  unit: share
  from: 1s
  to: 2s
  options:
    - {text: all, min: 0.9}
    - {text: not all, max: 0.9}
`

// rig is a lab under test. When the test ends it is closed, and everything that
// it started must be gone.
type rig struct {
	*live.Lab
	t    *testing.T
	http *http.Client
}

func open(t *testing.T, change ...func(*live.Config)) *rig {
	t.Helper()
	before := runtime.NumGoroutine()
	cfg := live.Config{Dir: t.TempDir(), Embedded: true, Log: slog.New(slog.DiscardHandler), Version: "test"}
	for _, f := range change {
		f(&cfg)
	}
	l, err := live.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := l.Close(ctx); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		for runtime.NumGoroutine() > before && ctx.Err() == nil {
			runtime.Gosched() // goroutines end a moment after what they were for
		}
		if n := runtime.NumGoroutine(); n > before {
			buf := make([]byte, 1<<20)
			t.Errorf("%d goroutines after Close, %d before New:\n%s", n, before, buf[:runtime.Stack(buf, true)])
		}
	})
	return &rig{Lab: l, t: t, http: &http.Client{Transport: transport}}
}

// load starts a scenario.
func (r *rig) load(yaml string) live.State {
	r.t.Helper()
	s, err := r.Load(r.t.Context(), live.ScenarioChange{YAML: yaml})
	if err != nil {
		r.t.Fatalf("Load: %v", err)
	}
	return s
}

// set changes a pattern and must succeed.
func (r *rig) set(name string, state lab.State, knobs map[string]any) live.State {
	r.t.Helper()
	s, err := r.SetPattern(r.t.Context(), name, live.PatternChange{State: &state, Knobs: knobs})
	if err != nil {
		r.t.Fatalf("SetPattern(%s, %v, %v): %v", name, state, knobs, err)
	}
	return s
}

// patience is how long a test waits for what must come; a machine under load
// is slow, not wrong.
const patience = 60 * time.Second

// until returns the first state for which ok holds, of now or of those that the
// lab tells.
func (r *rig) until(what string, ok func(live.State) bool) live.State {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	events := r.Watch(ctx)
	if s := r.State(); ok(s) {
		return s
	}
	for e := range events {
		if e.State != nil && ok(*e.State) {
			return *e.State
		}
	}
	r.t.Fatalf("waited in vain until %s; the state is %+v", what, r.State())
	return live.State{}
}

// frames returns the next n frames.
func (r *rig) frames(n int) []live.Frame {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	var out []live.Frame
	for e := range r.Watch(ctx) {
		if e.Frame == nil {
			continue
		}
		if out = append(out, *e.Frame); len(out) == n {
			return out
		}
	}
	r.t.Fatalf("only %d frames came, want %d", len(out), n)
	return nil
}

// ask sends a request to one instance and returns the status, the reason and
// the body.
func (r *rig) ask(instance, method, path, body string, headers ...string) (int, http.Header, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+node(r.State(), instance).Note+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

func pattern(s live.State, name string) live.PatternState {
	i := slices.IndexFunc(s.Patterns, func(p live.PatternState) bool { return p.Name == name })
	if i < 0 {
		return live.PatternState{}
	}
	return s.Patterns[i]
}

func setting(p live.PatternState, name string) string {
	for _, k := range p.Knobs {
		if k.Name == name {
			return k.Value
		}
	}
	return "no such knob"
}

func gauge(p live.PatternState, name string) float64 {
	for _, g := range p.Gauges {
		if g.Name == name {
			return g.Value
		}
	}
	return -1
}

func node(s live.State, id string) live.Node {
	i := slices.IndexFunc(s.Nodes, func(n live.Node) bool { return n.ID == id })
	if i < 0 {
		return live.Node{}
	}
	return s.Nodes[i]
}

func faulty(s live.State, name string) live.FaultState {
	i := slices.IndexFunc(s.Faults, func(f live.FaultState) bool { return f.Name == name })
	if i < 0 {
		return live.FaultState{}
	}
	return s.Faults[i]
}

func marked(s live.State, text string) bool {
	return slices.ContainsFunc(s.Markers, func(m scenario.Change) bool { return strings.Contains(m.Text, text) })
}

// still returns what of a state changes only by changes, as text.
func still(s live.State) string {
	s.Elapsed, s.Verdict, s.Confidence = 0, "", ""
	s.Database.Counts = live.State{}.Database.Counts
	s.Patterns = slices.Clone(s.Patterns)
	for i := range s.Patterns {
		s.Patterns[i].Gauges, s.Patterns[i].Counters = nil, nil
	}
	s.Nodes = slices.Clone(s.Nodes)
	for i := range s.Nodes {
		s.Nodes[i].Busy = 0
	}
	s.Instances = slices.Clone(s.Instances)
	for i := range s.Instances {
		s.Instances[i] = live.InstanceState{Name: s.Instances[i].Name, Addr: s.Instances[i].Addr, State: s.Instances[i].State}
	}
	return fmt.Sprintf("%+v", s)
}
