package formula_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/formula"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
)

func parse(t *testing.T, lines string) scenario.Spec {
	t.Helper()
	spec, err := scenario.Parse("test.yaml", []byte("name: test\ntitle: Test\n"+lines))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// TestSteadyStateIsThatOfVirtualTime holds both to each other: two minutes at
// the reference scale ×10, seed 1, within 3 % (the run's own noise).
func TestSteadyStateIsThatOfVirtualTime(t *testing.T) {
	for name, lines := range map[string]string{
		"half busy":            "gate: {slots: 20, service: 20ms}\ntraffic: [{name: calm, for: 2m, rate: 500}]\nclients: {timeout: 2s}",
		"four fifths busy":     "gate: {slots: 20, service: 20ms}\ntraffic: [{name: calm, for: 2m, rate: 800}]\nclients: {timeout: 2s}",
		"one server":           "gate: {slots: 1, service: 20ms}\ntraffic: [{name: calm, for: 2m, rate: 35}]\nclients: {timeout: 2s}",
		"far away":             "gate: {slots: 20, service: 20ms, rtt: 30ms}\ntraffic: [{name: calm, for: 2m, rate: 700}]\nclients: {timeout: 2s}",
		"constant service":     "gate: {slots: 20, service: 20ms, law: constant}\ntraffic: [{name: calm, for: 2m, rate: 800}]\nclients: {timeout: 2s}",
		"two rates":            "gate: {slots: 20, service: 20ms}\ntraffic: [{name: a, for: 1m, rate: 300}, {name: b, for: 1m, rate: 850}]\nclients: {timeout: 2s}",
		"impatient":            "gate: {slots: 20, service: 20ms}\ntraffic: [{name: calm, for: 2m, rate: 600}]\nclients: {timeout: 40ms}",
		"overload, no retry":   "gate: {slots: 20, service: 20ms, backlog: 200}\ntraffic: [{name: calm, for: 2m, rate: 1500}]\nclients: {timeout: 2s}",
		"overload and retry":   "gate: {slots: 20, service: 20ms, backlog: 200}\ntraffic: [{name: calm, for: 2m, rate: 1500}]\nclients: {timeout: 2s, retries: 2}",
		"more than in time":    "gate: {slots: 20, service: 20ms, backlog: 4000}\ntraffic: [{name: calm, for: 2m, rate: 1500}]\nclients: {timeout: 500ms}",
		"retries up to budget": "gate: {slots: 20, service: 20ms, backlog: 200}\ntraffic: [{name: calm, for: 2m, rate: 1500}]\nclients: {timeout: 2s, retries: 2}\npatterns: {client-budget: {state: on, knobs: {share: 0.2}}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := parse(t, lines)
			const scale = 10
			paper, err := formula.Run(t.Context(), spec, formula.Options{Scale: scale})
			if err != nil {
				t.Fatal(err)
			}
			played, err := virtual.Run(t.Context(), spec, virtual.Options{Scale: scale, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			near := func(what string, got, want, share, least float64) {
				if off := math.Abs(got - want); off > math.Max(share*math.Abs(want), least) {
					t.Errorf("%s = %.5g on paper and %.5g played", what, got, want)
				}
			}
			near("goodput share", paper.GoodputShare, played.GoodputShare, 0, .02)
			near("p50", paper.LatencyMS.P50, played.LatencyMS.P50, .05, 1)
			near("p99", paper.LatencyMS.P99, played.LatencyMS.P99, .06, 1)
			near("sent", float64(paper.Sent), float64(played.Sent), .03, 0)
			near("shed", float64(paper.Outcomes["shed"]), float64(played.Outcomes["shed"]), .03, .02*float64(played.Offered))
			near("late", float64(paper.Outcomes["late"]), float64(played.Outcomes["late"]), .05, .02*float64(played.Offered))
			if len(paper.Series) != 120 {
				t.Errorf("%d seconds, want 120", len(paper.Series))
			}
		})
	}
}

func on(name string, knobs map[string]any) []chain.Change {
	state := lab.On
	return []chain.Change{{Pattern: name, State: &state, Knobs: knobs}}
}

// TestMetastableFailureOnPaper: who retries without a budget keeps an overload
// alive; a budget, or a queue shorter than patience, ends it.
func TestMetastableFailureOnPaper(t *testing.T) {
	spec, err := scenario.Find("metastable")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		patterns []chain.Change
		good     bool
		changed  bool // knobs are not those that the claims are about
	}{
		"bare":                       {nil, false, false},
		"backoff":                    {on("client-backoff", nil), false, false},
		"budget":                     {on("client-budget", nil), true, false},
		"a budget that is too large": {on("client-budget", map[string]any{"share": "0.24"}), false, true},
		"a short queue":              {on("queue", map[string]any{"length": "100"}), true, false},
		"a long queue":               {on("queue", map[string]any{"length": "1000"}), false, true},
	} {
		rep, err := formula.Run(t.Context(), spec, formula.Options{Patterns: c.patterns})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		good, offered := 0.0, 0.0
		for _, p := range rep.Series[80:] {
			good, offered = good+p.Good, offered+p.Offered
		}
		if share := good / offered; c.good && share < .95 || !c.good && share > .05 {
			t.Errorf("%s: %.3f of the last 20 s are served, want %v", name, share, c.good)
		}
		for _, claim := range rep.Claims {
			if !claim.OK && !c.changed {
				t.Errorf("%s: the claim %q fails with %v", name, claim.Text, claim.Value)
			}
		}
	}
}

func TestSumsFromTheEventOn(t *testing.T) {
	spec, err := scenario.Find("metastable")
	if err != nil {
		t.Fatal(err)
	}
	rep, err := formula.Run(t.Context(), spec, formula.Options{From: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	// 10 s of 1,500 and 80 s of 800; the calm before had 8,000 of its own.
	if rep.Offered != 79_000 || len(rep.Series) != 100 {
		t.Errorf("%d users and %d points from the event on, want 79000 and 100", rep.Offered, len(rep.Series))
	}
}

func TestWhatHasNoClosedFormIsNamed(t *testing.T) {
	const gate = "gate: {slots: 20, service: 20ms}\n"
	const calm = "traffic: [{name: calm, for: 1m, rate: 500}]\n"
	for want, c := range map[string]struct {
		lines    string
		patterns []chain.Change
	}{
		"phase calm is 100 % busy": {gate + "traffic: [{name: calm, for: 1m, rate: 1000}]", nil},
		"gate.law lognormal":       {"gate: {slots: 20, service: 20ms, law: lognormal}\n" + calm, nil},
		"arrivals mmpp":            {gate + calm + "arrivals: mmpp", nil},
		"the fault slow":           {gate + calm + "faults: [{name: slow, at: 1s, for: 2s, factor: 2}]", nil},
		"a provider of its own":    {gate + calm + "provider: {slots: 2, service: 20ms}", nil},
		"pattern breaker":          {gate + calm, on("breaker", nil)},
		"another order than fifo":  {gate + calm, on("queue", map[string]any{"order": "lifo"})},
	} {
		_, err := formula.Run(t.Context(), parse(t, c.lines), formula.Options{Patterns: c.patterns})
		if !errors.Is(err, formula.ErrNone) || !strings.Contains(err.Error(), want) {
			t.Errorf("Run = %v, want ErrNone with %q", err, want)
		}
	}
	for want, o := range map[string]formula.Options{"scale": {Scale: 1e9}, "cue": {Patterns: on("cue", nil)}} {
		if _, err := formula.Run(t.Context(), parse(t, gate+calm), o); err == nil || errors.Is(err, formula.ErrNone) || !strings.Contains(err.Error(), want) {
			t.Errorf("Run = %v, want an error with %q", err, want)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	spec := parse(t, "gate: {slots: 20, service: 20ms}\ntraffic: [{name: calm, for: 1m, rate: 500}]")
	if rep, err := formula.Run(ctx, spec, formula.Options{}); !errors.Is(err, context.Canceled) || rep.Scenario != "test" {
		t.Errorf("Run of what was stopped = %q, %v, want its report and the context's error", rep.Scenario, err)
	}
}

// Queues of several instances are one queue where nobody waits for what idles
// elsewhere: there paper and virtual time agree within a tenth. Elsewhere paper
// has no word.
func TestQueuesOfSeveralInstances(t *testing.T) {
	const load = "gate: {slots: 8, service: 20ms, law: LAW}\ntraffic: [{name: calm, for: 4m, rate: 320}]\nclients: {timeout: 2s}\npopulation: {users: 100000, keys: 10000}\n"
	for name, c := range map[string]struct {
		lines string
		none  bool
	}{
		"one instance":                     {"instances: 1\npatterns: {queue: {state: on, knobs: {workers: 8, length: 100}}}", false},
		"four with room for all":           {"instances: 4\npatterns: {queue: {state: on, knobs: {workers: 4, length: 100}}}", false},
		"eight of one worker, random jobs": {"instances: 8\npatterns: {queue: {state: on, knobs: {workers: 1, length: 100}}}", true},
		"the same by least connections":    {"instances: 8\nbalancer: {picker: least-connections}\npatterns: {queue: {state: on, knobs: {workers: 1, length: 100}}}", true},
		"equal jobs in turn":               {"LAW=constant\ninstances: 8\npatterns: {queue: {state: on, knobs: {workers: 1, length: 100}}}", false},
		"equal jobs by two choices":        {"LAW=constant\ninstances: 8\nbalancer: {picker: two-choices}\npatterns: {queue: {state: on, knobs: {workers: 1, length: 100}}}", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			law := "exponential"
			lines, constant := strings.CutPrefix(c.lines, "LAW=constant\n")
			if constant {
				law = "constant"
			}
			spec := parse(t, strings.Replace(load, "LAW", law, 1)+lines)
			paper, err := formula.Run(t.Context(), spec, formula.Options{})
			if c.none {
				if !errors.Is(err, formula.ErrNone) || !strings.Contains(err.Error(), "8 instances") {
					t.Errorf("Run() = %v, want no closed form for 8 instances", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			played, err := virtual.Run(t.Context(), spec, virtual.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			for what, v := range map[string][2]float64{"p50": {paper.LatencyMS.P50, played.LatencyMS.P50}, "p99": {paper.LatencyMS.P99, played.LatencyMS.P99}} {
				if off := v[0]/v[1] - 1; math.Abs(off) > .1 {
					t.Errorf("%s is %.4g ms on paper and %.4g played", what, v[0], v[1])
				}
			}
		})
	}
}

// Under overload those whom workers hold wait too: at the dependency.
func TestWorkersBeyondTheSlotsHoldRequests(t *testing.T) {
	spec := parse(t, "gate: {slots: 20, service: 20ms, law: constant}\ntraffic: [{name: over, for: 1m, rate: 1500}]\nclients: {timeout: 2s}\ninstances: 8\npatterns: {queue: {state: on, knobs: {workers: 10, length: 50}}}")
	paper, err := formula.Run(t.Context(), spec, formula.Options{})
	if err != nil {
		t.Fatal(err)
	}
	played, err := virtual.Run(t.Context(), spec, virtual.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paper.LatencyMS.P99, played.LatencyMS.P99; math.Abs(got/want-1) > .03 {
		t.Errorf("p99 is %.4g ms on paper and %.4g played, want them within 3 %%", got, want)
	}
}
