package virtual_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/lab/chain"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
	"workbench/sim/load"
	"workbench/sim/population"
)

var update = flag.Bool("update", false, "write the golden files anew")

func find(t testing.TB, name string) scenario.Spec {
	t.Helper()
	s, err := scenario.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t testing.TB, yaml string) scenario.Spec {
	t.Helper()
	s, err := scenario.Parse("test", []byte("name: test\n"+yaml))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t testing.TB, s scenario.Spec, o virtual.Options) scenario.Report {
	t.Helper()
	rep, err := virtual.Run(t.Context(), s, o)
	if err != nil {
		t.Fatalf("Run(%s): %v", s.Name, err)
	}
	return rep
}

// with returns changes: the pattern in this state with these knobs.
func with(pattern string, state lab.State, knobs map[string]any) []chain.Change {
	return []chain.Change{{Pattern: pattern, State: &state, Knobs: knobs}}
}

func encode(t testing.TB, r scenario.Report) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func ended(r scenario.Report) (n uint64) {
	for _, v := range r.Outcomes {
		n += v
	}
	return n
}

// Same scenario, seed and version: same events and same report, byte for byte,
// on however many processors.
func TestRunsAreDeterministic(t *testing.T) {
	for _, name := range []string{"metastable", "hot-key", "slow-dependency", "accepted-work"} {
		s := find(t, name)
		all := func() []chain.Change {
			var out []chain.Change
			for _, p := range catalog.Patterns() {
				out = append(out, with(p.Name, lab.On, nil)...)
			}
			return out
		}
		for _, changes := range [][]chain.Change{nil, all()} {
			o := virtual.Options{Seed: 3, Scale: 0.5, Version: "v", Patterns: changes}
			first := encode(t, run(t, s, o))
			procs := runtime.GOMAXPROCS(1)
			second := encode(t, run(t, s, o))
			runtime.GOMAXPROCS(procs)
			if first != second {
				t.Errorf("%s with %d changes: two runs of a seed differ", name, len(changes))
			}
			o.Seed = 4
			if other := run(t, s, o); strings.Contains(first, other.EventsHash) {
				t.Errorf("%s with %d changes: seeds 3 and 4 have the same events", name, len(changes))
			}
		}
	}
}

// The hashes are part of the contract: a change of one means that every number
// in the documents that came from virtual time is to be made anew.
func TestGoldenHashes(t *testing.T) {
	path := filepath.Join("testdata", "hashes.json")
	got := map[string]string{}
	for _, name := range []string{
		"metastable", "slow-dependency",
		"slow-instance", "two-choices", "cold-instances", "autoscale-ramp", "spike-and-cold-start", "sticky-death", "local-limit",
	} {
		got[name] = run(t, find(t, name), virtual.Options{Seed: 1}).EventsHash
	}
	if *update {
		b, err := json.MarshalIndent(got, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("event hashes %v, want %v: if the change is meant, run with -update and say so", got, want)
	}
}

// The same users come at the same instants as the generator would send them.
func TestArrivalsAreTheGenerators(t *testing.T) {
	s := find(t, "priority")
	rep := run(t, s, virtual.Options{Seed: 9, Scale: 0.3})
	plan := load.Plan{Seed: 9, Duration: s.Traffic.Duration(), Schedule: s.Traffic.Scale(0.3), Arrivals: s.Arrivals, Population: s.Population}
	for _, op := range []string{"read-profile", "update-profile", "report", "submit-job"} {
		plan.Ops = append(plan.Ops, load.Op{Name: op, Path: "/"})
	}
	seq, err := load.Draw(plan)
	if err != nil {
		t.Fatal(err)
	}
	seconds := make([]float64, len(rep.Series))
	for a := range seq {
		seconds[a.Due/time.Second]++
	}
	for i, p := range rep.Series {
		if p.Offered != seconds[i] {
			t.Errorf("second %d: %v users came, the generator draws %v", i+1, p.Offered, seconds[i])
		}
	}
}

// Everybody who comes ends in one way, with any pattern in any state, and a
// shadow changes nothing for anybody.
func TestConservation(t *testing.T) {
	s := find(t, "slow-dependency")
	s.Patterns = nil
	off := run(t, s, virtual.Options{Seed: 2, Scale: 0.3})
	if off.Offered != ended(off) || off.Offered == 0 {
		t.Errorf("bare: %d came and %d ended", off.Offered, ended(off))
	}
	for _, p := range catalog.Patterns() {
		for _, state := range []lab.State{lab.On, lab.Shadow} {
			if p.Side == lab.Client && state == lab.Shadow {
				continue
			}
			rep := run(t, s, virtual.Options{Seed: 2, Scale: 0.3, Patterns: with(p.Name, state, nil)})
			if rep.Offered != off.Offered || ended(rep) != rep.Offered {
				t.Errorf("%s %v: %d came and %d ended, want %d of each", p.Name, state, rep.Offered, ended(rep), off.Offered)
			}
			if state == lab.Shadow && (!maps.Equal(rep.Outcomes, off.Outcomes) || rep.LatencyMS != off.LatencyMS) {
				t.Errorf("%s in the shadow: outcomes %v in %v, want %v in %v as without", p.Name, rep.Outcomes, rep.LatencyMS, off.Outcomes, off.LatencyMS)
			}
		}
	}
}

// What a limiter in the shadow counts is what it would have done: nobody
// retries, so that its refusals change nothing about who comes.
// TestSumsFromTheEventOn holds the sums that begin with the event to the series,
// which has all of the run.
func TestSumsFromTheEventOn(t *testing.T) {
	spec := find(t, "metastable")
	whole, err := virtual.Run(t.Context(), spec, virtual.Options{Seed: 4, Scale: .1})
	if err != nil {
		t.Fatal(err)
	}
	at, ok := spec.EventAt()
	if !ok || at != 10*time.Second {
		t.Fatalf("EventAt = %v, %v, want 10s", at, ok)
	}
	event, err := virtual.Run(t.Context(), spec, virtual.Options{Seed: 4, Scale: .1, From: at})
	if err != nil {
		t.Fatal(err)
	}
	calm := 0.0
	for _, p := range whole.Series[:10] {
		calm += p.Offered
	}
	if got, want := event.Offered, whole.Offered-uint64(calm); got != want || event.EventsHash != whole.EventsHash {
		t.Errorf("%d users from the event on, want %d of %d", got, want, whole.Offered)
	}
	if len(event.Series) != len(whole.Series) || event.GoodputShare >= whole.GoodputShare {
		t.Errorf("goodput %.3f from the event on and %.3f in all, %d and %d points", event.GoodputShare, whole.GoodputShare, len(event.Series), len(whole.Series))
	}
}

func TestShadowCountsWhatItWouldHaveDone(t *testing.T) {
	s := parse(t, `
gate: {slots: 1000, service: 20ms, law: constant}
population: {users: 50}
traffic: [{for: 20s, rate: 500}]
clients: {timeout: 1s}
`)
	for name, knobs := range map[string]map[string]any{
		"ratelimit": {"rate": 5, "burst": 3}, "cache": {"ttl": "1s"}, "concurrency": {"algorithm": "fixed", "limit": 5, "wait": "10ms"}, "queue": {"workers": 5, "length": 3},
	} {
		on := run(t, s, virtual.Options{Seed: 1, Patterns: with(name, lab.On, knobs)}).Patterns[name].Counters
		shadow := run(t, s, virtual.Options{Seed: 1, Patterns: with(name, lab.Shadow, knobs)}).Patterns[name].Counters
		if !maps.Equal(on, shadow) {
			t.Errorf("%s counts %v in the shadow, want %v as when it is on", name, shadow, on)
		}
	}
}

func TestKilledInstance(t *testing.T) {
	s := parse(t, `
instances: 2
gate: {slots: 20, service: 50ms, law: constant}
traffic: [{for: 10s, rate: 200}]
clients: {timeout: 1s}
faults:
  - {name: kill, target: a, at: 3s, for: 2s}
`)
	bare := run(t, s, virtual.Options{Seed: 1})
	for _, name := range []string{"", "queue", "jobs", "cache", "singleflight", "retry", "concurrency", "stale"} {
		o := virtual.Options{Seed: 1}
		if name != "" {
			o.Patterns = with(name, lab.On, nil)
		}
		rep := run(t, s, o)
		failed := rep.Outcomes["failed"]
		if ended(rep) != rep.Offered || rep.Offered != bare.Offered {
			t.Errorf("%q: %d came and %d ended, want %d of each", name, rep.Offered, ended(rep), bare.Offered)
		}
		if failed == 0 || failed > 30 || rep.Outcomes["ok"]+failed != rep.Offered {
			t.Errorf("%q: outcomes %v; want the few who were inside failed and all others served", name, rep.Outcomes)
		}
		if len(rep.Changes) != 2 || rep.Changes[0].Text != "a kill" || rep.Changes[1].At != 5*time.Second {
			t.Errorf("%q: changes %+v, want the kill and its end", name, rep.Changes)
		}
	}
	s.Instances = 1
	rep := run(t, s, virtual.Options{Seed: 1})
	if lost := rep.Outcomes["shed"]; lost < 300 || lost > 500 || rep.Reasons["no_instance"] != lost {
		t.Errorf("with one instance, dead for two of ten seconds: %v for %v; want about 400 without an instance", rep.Outcomes, rep.Reasons)
	}
}

func TestCancelledRunReportsWhatThereIs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	rep, err := virtual.Run(ctx, find(t, "metastable"), virtual.Options{Seed: 1, Scale: 10, Progress: func(elapsed, total time.Duration, p scenario.Point) {
		if elapsed == 2*time.Second {
			cancel()
		}
		if total != 100*time.Second || p.Offered == 0 {
			t.Errorf("Progress(%v, %v, %+v), want a second of 1m40s", elapsed, total, p)
		}
	}})
	if !errors.Is(err, context.Canceled) || len(rep.Series) < 2 || len(rep.Series) > 10 || rep.Offered == 0 {
		t.Errorf("a run cancelled after 2 s has %d points and %d users, %v; want some, and context.Canceled", len(rep.Series), rep.Offered, err)
	}
}

func TestBadScenarios(t *testing.T) {
	good := `
gate: {slots: 5, service: 20ms}
traffic: [{for: 1s, rate: 10}]
`
	for _, c := range []struct {
		name  string
		spoil func(*scenario.Spec, *virtual.Options)
		want  string
	}{
		{"no traffic", func(s *scenario.Spec, _ *virtual.Options) { s.Traffic = nil }, "traffic lasts 0s"},
		{"too long", func(s *scenario.Spec, _ *virtual.Options) { s.Traffic[0].For = 25 * time.Hour }, "traffic lasts 25h0m0s"},
		{"no rate", func(s *scenario.Spec, _ *virtual.Options) { s.Traffic[0].Shape.Rate = 0 }, "no rate"},
		{"rate below nothing", func(s *scenario.Spec, _ *virtual.Options) { s.Traffic[0].Shape.Rate = -1 }, "rate"},
		{"too high a rate", func(s *scenario.Spec, o *virtual.Options) { s.Traffic[0].Shape.Rate, o.Scale = 1e6, 1000 }, "lower the scale"},
		{"scale", func(_ *scenario.Spec, o *virtual.Options) { o.Scale = -1 }, "scale is -1"},
		{"no slots", func(s *scenario.Spec, _ *virtual.Options) { s.Gate.Slots = 0 }, "slots"},
		{"fault", func(s *scenario.Spec, _ *virtual.Options) { s.Faults = []scenario.Fault{{Name: "gremlins"}} }, `fault "gremlins": unknown`},
		{"provider", func(s *scenario.Spec, _ *virtual.Options) {
			s.Faults = []scenario.Fault{{Name: "slow", Target: "provider"}}
		}, "no provider"},
		{"pattern", func(_ *scenario.Spec, o *virtual.Options) { o.Patterns = with("teleport", lab.On, nil) }, "teleport"},
		{"knob", func(_ *scenario.Spec, o *virtual.Options) {
			o.Patterns = with("queue", lab.On, map[string]any{"length": -1})
		}, "knob length"},
		{"yours", func(_ *scenario.Spec, o *virtual.Options) { o.Patterns = with("queue", lab.Yours, nil) }, "yours"},
		{"a client's shadow", func(_ *scenario.Spec, o *virtual.Options) { o.Patterns = with("client-budget", lab.Shadow, nil) }, "only off and on"},
		{"operation", func(s *scenario.Spec, _ *virtual.Options) {
			s.Population.Mix = []population.Weight{{Op: "fly", Weight: 1}}
		}, "fly"},
		{"instances", func(s *scenario.Spec, _ *virtual.Options) { s.Instances = 27 }, "instances is 27"},
	} {
		s, o := parse(t, good), virtual.Options{Scale: 1}
		c.spoil(&s, &o)
		rep, err := virtual.Run(t.Context(), s, o)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "scenario test") || rep.Offered != 0 {
			t.Errorf("%s: %v with %d users, want an error that names the scenario and says %q", c.name, err, rep.Offered, c.want)
		}
	}
}
