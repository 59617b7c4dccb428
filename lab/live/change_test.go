package live_test

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/sim/load"
)

func TestChangesAreReadBack(t *testing.T) {
	r := open(t)
	first := r.load(calm)
	if first.Phase != "running" || first.Scenario != "calm" || len(first.Markers) != 0 || first.Traffic.Base != 100 || first.Traffic.Rate != 100 {
		t.Fatalf("after Load: %+v; want calm running at 100/s without markers", first)
	}
	off := lab.Off
	for _, c := range []struct {
		name   string
		change func() (live.State, error)
		marker string
		holds  func(live.State) bool
	}{
		{"pattern on", func() (live.State, error) {
			return r.SetPattern(t.Context(), "queue", live.PatternChange{State: new(lab.On), Knobs: map[string]any{"length": 7.0, "order": "lifo"}})
		}, "queue on length=7 order=lifo", func(s live.State) bool {
			p := pattern(s, "queue")
			return p.State == lab.On && setting(p, "length") == "7" && setting(p, "order") == "lifo" && gauge(p, "depth") >= 0
		}},
		{"knobs alone", func() (live.State, error) {
			return r.SetPattern(t.Context(), "queue", live.PatternChange{Knobs: map[string]any{"length": "9"}})
		}, "queue length=9", func(s live.State) bool {
			p := pattern(s, "queue")
			return p.State == lab.On && setting(p, "length") == "9" && setting(p, "order") == "lifo"
		}},
		{"pattern off", func() (live.State, error) { return r.SetPattern(t.Context(), "queue", live.PatternChange{State: &off}) },
			"queue off", func(s live.State) bool {
				return pattern(s, "queue").State == lab.Off && len(pattern(s, "queue").Gauges) == 0
			}},
		{"client side", func() (live.State, error) {
			return r.SetPattern(t.Context(), "client-backoff", live.PatternChange{State: new(lab.On), Knobs: map[string]any{"base": "70ms"}})
		}, "client-backoff on base=70ms", func(s live.State) bool {
			return pattern(s, "client-backoff").State == lab.On && s.Traffic.Clients.Backoff == 70*time.Millisecond && s.Traffic.Clients.Jitter
		}},
		{"fault", func() (live.State, error) {
			return r.SetFault(t.Context(), "gate-slow", live.FaultChange{On: true, Factor: 2})
		}, "gate-slow", func(s live.State) bool { return faulty(s, "gate-slow").On && node(s, "gate").Degraded != "" }},
		{"fault off", func() (live.State, error) { return r.SetFault(t.Context(), "gate-slow", live.FaultChange{}) },
			"gate-slow ends", func(s live.State) bool { return !faulty(s, "gate-slow").On && node(s, "gate").Degraded == "" }},
		{"dial", func() (live.State, error) {
			return r.SetTraffic(t.Context(), live.TrafficChange{Factor: new(0.5)})
		}, "traffic ×0.5", func(s live.State) bool { return s.Traffic.Factor == 0.5 && s.Traffic.Rate == 50 }},
		{"pause", func() (live.State, error) {
			return r.SetTraffic(t.Context(), live.TrafficChange{Phase: new("paused")})
		}, "traffic paused", func(s live.State) bool { return s.Phase == "paused" && s.Traffic.Rate == 0 }},
		{"dial while paused", func() (live.State, error) {
			return r.SetTraffic(t.Context(), live.TrafficChange{Factor: new(0.8)})
		}, "traffic ×0.8", func(s live.State) bool { return s.Phase == "paused" && s.Traffic.Rate == 0 }},
		{"resume", func() (live.State, error) {
			return r.SetTraffic(t.Context(), live.TrafficChange{Phase: new("running")})
		}, "traffic resumed", func(s live.State) bool { return s.Phase == "running" && s.Traffic.Rate == 80 }},
		{"burst", func() (live.State, error) { return r.Spike(t.Context(), load.Spike{Factor: 2, For: time.Minute}) },
			"spike ×2 for 1m0s", func(s live.State) bool {
				return s.Traffic.Spike == 2 && s.Traffic.Rate == 160 && s.Traffic.SpikeEnd > 0
			}},
	} {
		before := r.State().Version
		s, err := c.change()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.Version != before+1 || !c.holds(s) || !c.holds(r.State()) {
			t.Errorf("%s: version %d after %d; state %+v does not show the change", c.name, s.Version, before, s)
		}
		if last := s.Markers[len(s.Markers)-1]; last.Text != c.marker || last.Version != s.Version || last.At <= 0 || last.At > s.Elapsed {
			t.Errorf("%s: last marker %+v, want %q with version %d at or before %v", c.name, last, c.marker, s.Version, s.Elapsed)
		}
	}
	before := r.State().Version
	if s, err := r.SetFault(t.Context(), "gate-hang", live.FaultChange{}); err != nil || s.Version != before {
		t.Errorf("ending a fault that is not there: version %d after %d, %v; want no change and no error", s.Version, before, err)
	}
}

// The switch holds for the first request after it, in every instance.
func TestToggleHoldsForTheNextRequest(t *testing.T) {
	r := open(t)
	r.load(strings.Replace(calm, "rate: 100", "rate: 1", 1))
	for i := range 30 {
		r.set("ratelimit", lab.On, map[string]any{"store": "local", "per": "user", "rate": 0.1, "burst": 1})
		for _, instance := range []string{"a", "b"} {
			for try, want := range []int{200, 429} {
				if code, h, body := r.ask(instance, "GET", "/profiles/5", "", "Workbench-User", "777"); code != want {
					t.Fatalf("round %d, %s, try %d with the limit on: %d %v %s, want %d", i, instance, try, code, h, body, want)
				}
			}
		}
		r.set("ratelimit", lab.Off, nil)
		for _, instance := range []string{"a", "b"} {
			if code, h, _ := r.ask(instance, "GET", "/profiles/5", "", "Workbench-User", "777"); code != 200 {
				t.Fatalf("round %d, %s with the limit off: %d %v, want 200", i, instance, code, h)
			}
		}
	}
}

func TestWrongChangesChangeNothing(t *testing.T) {
	r := open(t)
	if _, err := r.SetPattern(t.Context(), "queue", live.PatternChange{State: new(lab.On)}); !errors.Is(err, live.ErrStarting) {
		t.Errorf("SetPattern before the first scenario = %v, want ErrStarting", err)
	}
	r.load(calm)
	r.set("queue", lab.On, map[string]any{"length": 33})
	before := r.State()
	pat := func(name string, c live.PatternChange) func() (live.State, error) {
		return func() (live.State, error) { return r.SetPattern(t.Context(), name, c) }
	}
	fault := func(name string, c live.FaultChange) func() (live.State, error) {
		return func() (live.State, error) { return r.SetFault(t.Context(), name, c) }
	}
	traffic := func(c live.TrafficChange) func() (live.State, error) {
		return func() (live.State, error) { return r.SetTraffic(t.Context(), c) }
	}
	scenario := func(c live.ScenarioChange) func() (live.State, error) {
		return func() (live.State, error) { return r.Load(t.Context(), c) }
	}
	for _, c := range []struct {
		name   string
		change func() (live.State, error)
		is     error
		want   string
	}{
		{"unknown pattern", pat("teleport", live.PatternChange{State: new(lab.On)}), live.ErrUnknown, "teleport"},
		{"empty change", pat("queue", live.PatternChange{}), live.ErrInvalid, "field state"},
		{"unknown knob", pat("queue", live.PatternChange{Knobs: map[string]any{"lenght": 3}}), live.ErrInvalid, "knob lenght"},
		{"knob out of range", pat("queue", live.PatternChange{State: new(lab.Off), Knobs: map[string]any{"length": -1}}), live.ErrInvalid, "knob length"},
		{"yours", pat("breaker", live.PatternChange{State: new(lab.Yours)}), live.ErrInvalid, "exercise"},
		{"a client's shadow", pat("client-budget", live.PatternChange{State: new(lab.Shadow)}), live.ErrInvalid, "no shadow"},
		{"a client's knob", pat("client-budget", live.PatternChange{Knobs: map[string]any{"share": 99}}), live.ErrInvalid, "knob share"},
		{"unknown fault", fault("gremlins", live.FaultChange{On: true}), live.ErrUnknown, "gremlins"},
		{"no provider", fault("provider-slow", live.FaultChange{On: true}), live.ErrUnknown, "provider-slow"},
		{"fault's factor", fault("gate-slow", live.FaultChange{On: true, Factor: math.NaN()}), live.ErrInvalid, "field factor"},
		{"fault's share", fault("gate-error", live.FaultChange{On: true, Share: 2}), live.ErrInvalid, "field share"},
		{"fault's length", fault("gate-slow", live.FaultChange{On: true, For: -1}), live.ErrInvalid, "field for"},
		{"fault's delay", fault("gate-delay", live.FaultChange{On: true, By: time.Hour}), live.ErrInvalid, "field by"},
		{"nothing", traffic(live.TrafficChange{}), live.ErrInvalid, "field factor"},
		{"factor", traffic(live.TrafficChange{Factor: new(math.Inf(1))}), live.ErrInvalid, "field factor"},
		{"phase", traffic(live.TrafficChange{Factor: new(2.0), Phase: new("asleep")}), live.ErrInvalid, "field phase"},
		{"spike's factor", func() (live.State, error) { return r.Spike(t.Context(), load.Spike{Factor: -1, For: time.Second}) }, live.ErrInvalid, "field factor"},
		{"spike's length", func() (live.State, error) { return r.Spike(t.Context(), load.Spike{Factor: 2}) }, live.ErrInvalid, "field for"},
		{"no prediction", func() (live.State, error) { return r.Predict(t.Context(), 0) }, live.ErrConflict, "no prediction"},
		{"scenario's name", scenario(live.ScenarioChange{Name: "atlantis"}), live.ErrInvalid, "metastable"},
		{"name and file", scenario(live.ScenarioChange{Name: "metastable", YAML: calm}), live.ErrInvalid, "field yaml"},
		{"scale", scenario(live.ScenarioChange{YAML: calm, Scale: 1e9}), live.ErrInvalid, "field scale"},
		{"file", scenario(live.ScenarioChange{YAML: "name: [x"}), live.ErrInvalid, "scenario:1"},
		{"pattern in it", scenario(live.ScenarioChange{YAML: calm, Patterns: map[string]live.PatternChange{"teleport": {State: new(lab.On)}}}), live.ErrInvalid, "teleport"},
		{"knob in it", scenario(live.ScenarioChange{YAML: calm, Patterns: map[string]live.PatternChange{"queue": {Knobs: map[string]any{"length": -1}}}}), live.ErrInvalid, "knob length"},
		{"yours in it", scenario(live.ScenarioChange{YAML: calm, Patterns: map[string]live.PatternChange{"queue": {State: new(lab.Yours)}}}), live.ErrInvalid, "patterns.queue.state"},
		{"too much traffic", scenario(live.ScenarioChange{YAML: strings.Replace(calm, "rate: 100", "rate: 10000", 1), Scale: 20}), live.ErrInvalid, "schedule"},
		{"too many items", scenario(live.ScenarioChange{YAML: strings.Replace(calm, "keys: 100", "keys: 2000000", 1)}), live.ErrInvalid, "population.keys"},
	} {
		_, err := c.change()
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that is %q and names %q", c.name, err, c.is, c.want)
		}
		if got, want := still(r.State()), still(before); got != want {
			t.Errorf("%s changed the state:\n got %s\nwant %s", c.name, got, want)
		}
	}
	if f := r.frames(3); f[2].Run != before.Run || f[2].T <= f[0].T {
		t.Errorf("after the refusals run %d stands at %v, want run %d to go on", f[2].Run, f[2].T, before.Run)
	}
}

func TestManyChangesUnderLoad(t *testing.T) {
	r := open(t)
	before := r.load(calm).Version
	names := []string{"queue", "breaker", "cache", "ratelimit", "retry", "concurrency", "jobs", "client-backoff"}
	const each = 12
	var users sync.WaitGroup
	for i, name := range names {
		users.Go(func() {
			for n := range each {
				state := []lab.State{lab.On, lab.Off}[(n+i)%2]
				if s, err := r.SetPattern(t.Context(), name, live.PatternChange{State: &state}); err != nil || pattern(s, name).State != state {
					t.Errorf("SetPattern(%s, %v) shows %v, %v", name, state, pattern(s, name).State, err)
				}
				r.History()
			}
		})
	}
	users.Wait()
	s := r.State()
	if want := before + uint64(len(names)*each); s.Version != want {
		t.Errorf("version %d after %d changes from %d, want %d", s.Version, len(names)*each, before, want)
	}
	for i := 1; i < len(s.Markers); i++ {
		if s.Markers[i].Version <= s.Markers[i-1].Version || s.Markers[i].At < s.Markers[i-1].At {
			t.Fatalf("marker %+v after %+v, want them in order", s.Markers[i], s.Markers[i-1])
		}
	}
	for _, name := range names {
		r.set(name, lab.Off, nil)
	}
	good := 0.0
	for _, f := range r.frames(10) {
		good += f.Good
	}
	if good == 0 {
		t.Error("nobody is served after many changes, want the service to work")
	}
}
