package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/proof"
	"workbench/lab/scenario"
	"workbench/lab/system"
	"workbench/sim/load"
)

// fake is a working engine without time: everyone is served while the queue is
// on with at most 500 places, and nobody otherwise.
type fake struct {
	mu      sync.Mutex // guards ran
	name    string
	cannot  error
	fail    error
	verdict load.Verdict
	known   scenario.Known
	ran     *[]string // what was asked of it, in order
}

func (f *fake) Can(scenario.Spec) error { return f.cannot }

func (f *fake) Close(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	*f.ran = append(*f.ran, f.name+" closed")
	return nil
}

func (f *fake) Run(ctx context.Context, spec scenario.Spec, o runOptions, show watcher) (scenario.Report, error) {
	r := scenario.Report{
		Scenario: spec.Name, Engine: f.name, Seed: o.Seed, Scale: o.Scale, DurationS: spec.Traffic.Duration().Seconds(),
		Offered: 100, Sent: 150, Patterns: map[string]scenario.PatternRun{}, Outcomes: map[string]uint64{"late": 100}, Verdict: f.verdict,
	}
	asked := []string{f.name, spec.Name}
	for name, p := range f.known.Patterns {
		state := spec.Patterns[name].State
		if t := o.Patterns[name]; t.State != nil {
			state = *t.State
		}
		k, err := p.Settings(o.Patterns[name].Knobs)
		if err != nil {
			return scenario.Report{}, err
		}
		r.Patterns[name] = scenario.PatternRun{State: state, Knobs: knob.Values(k)}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Patterns)) {
		asked = append(asked, name+" "+r.Patterns[name].State.String())
	}
	f.mu.Lock()
	*f.ran = append(*f.ran, strings.Join(asked, " "))
	f.mu.Unlock()
	if length, err := strconv.Atoi(r.Patterns["queue"].Knobs["length"]); err == nil && length <= 500 && r.Patterns["queue"].State == lab.On {
		r.GoodputShare, r.Outcomes = 1, map[string]uint64{"ok": 100}
	}
	for t := 1.0; t <= r.DurationS; t++ {
		p := scenario.Point{T: t, Offered: 1, Good: r.GoodputShare}
		r.Series = append(r.Series, p)
		show(time.Duration(t*float64(time.Second)), spec.Traffic.Duration(), p)
	}
	r.Claims = scenario.Judge(spec, r)
	if f.fail != nil {
		return r, f.fail
	}
	return r, ctx.Err()
}

type fakeKnobs struct {
	Length int `knob:"length" min:"1" max:"1000" help:"places"`
}

// bench is a program made of fakes, and what it said.
type bench struct {
	program
	stdout, stderr bytes.Buffer
	ran            []string
	served         []config
	vars           map[string]string
	engine         *fake
}

func newBench() *bench {
	b := &bench{vars: map[string]string{"HOME": "/home/ada"}}
	pattern := func(name string) lab.Pattern {
		return lab.Define(lab.Pattern{Name: name, Title: name, Line: "what " + name + " does"}, func() fakeKnobs { return fakeKnobs{Length: 10} }, nil, nil)
	}
	b.parts = parts{
		patterns: []lab.Pattern{pattern("queue"), pattern("breaker")},
		systems:  []systemKind{{"profile", "Profiles", []system.Op{{Op: load.Op{Name: "read-profile", Method: "GET", Path: "/profiles/{key}", Priority: "normal"}, Title: "Read"}}}},
		serve: func(_ context.Context, _ *program, c config) error {
			b.served = append(b.served, c)
			return nil
		},
	}
	b.engine = &fake{name: "real", known: b.parts.known(), ran: &b.ran}
	quick := &fake{name: "quick", known: b.parts.known(), ran: &b.ran}
	kind := func(f *fake) engineKind {
		return engineKind{name: f.name, line: "a stand-in", open: func(context.Context, *program) (engine, error) { return f, nil }}
	}
	paper := kind(&fake{name: "paper", known: b.parts.known(), ran: &b.ran})
	paper.paper = true
	b.parts.engines = []engineKind{kind(b.engine), kind(quick), paper}
	b.program.name = "workbench"
	b.program.in, b.program.out, b.program.err = strings.NewReader(""), &b.stdout, &b.stderr
	b.program.env = func(name string) string { return b.vars[name] }
	return b
}

func (b *bench) call(ctx context.Context, args ...string) int { return b.main(ctx, args) }

const mine = `name: mine
title: My own
gate: {slots: 4, service: 20ms}
traffic: [{name: calm, for: 4s, rate: 100}, {name: spike, for: 6s, rate: 300}]
claims:
  - {text: everyone is served, metric: goodput_share, min: 0.9, when: {queue: on}}
  - {text: nobody is served, metric: goodput_share, max: 0.1, when: {queue: off}}
  - {text: half are served, metric: goodput_share, min: 0.5, when: {breaker: on}}
ablation: {metric: goodput_share, min: 0.9, without: [], with: [--on=queue]}
variants: {bare: [], cure: [--on=queue, --set=queue.length=5]}
`

// file writes a scenario file and returns its path.
func file(t *testing.T, src string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCalls(t *testing.T) {
	path := file(t, mine)
	broken := file(t, strings.Replace(mine, "slots: 4", "slts: 4", 1))
	tests := []struct {
		name           string
		args           []string
		code           int
		stdout, stderr []string // in order
		ran            []string
	}{
		{"help", []string{"--help"}, 0, []string{"workbench serve", "workbench run", "workbench doctor"}, nil, nil},
		{"unknown subcommand", []string{"begin"}, 2, nil, []string{`unknown subcommand "begin", want one of serve, instance, list, run, compare, sweep, ablation, orders, strip, agree, classics, trial, checklist, start, check, edge, doctor, version`}, nil},
		{"a subcommand's help", []string{"run", "--help"}, 0, []string{"workbench run SCENARIO|FILE", "--engine NAME", "real (a stand-in), quick (a stand-in), paper (a stand-in)", "--set PATTERN.KNOB=VALUE"}, nil, nil},
		{"version", []string{"version"}, 0, []string{"workbench "}, nil, nil},
		{"version with more", []string{"version", "x"}, 2, nil, []string{"want no arguments"}, nil},
		{"run", []string{"run", path, "--seed", "7"}, 0, []string{"mine: My own", "engine real, seed 7", "goodput  0.0 % of 100 users, 150 requests sent", "late 100.0 %", "✓ nobody is served: 0 (≤ 0.1)"}, nil, []string{"real mine", "real closed"}},
		{"run with a variant", []string{"run", "--variant=cure", path}, 0, []string{"with queue", "✓ everyone is served: 1 (≥ 0.9)"}, nil, []string{"real mine queue on", "real closed"}},
		{"run on another engine", []string{"run", path, "--engine=quick", "--on", "queue", "--shadow", "breaker"}, 0, []string{"engine quick", "with breaker (shadow), queue"}, nil, []string{"quick mine breaker shadow queue on", "quick closed"}},
		{"run on paper", []string{"run", path, "--engine=paper"}, 0, []string{"engine paper"}, nil, []string{"paper mine", "paper closed"}},
		{"a claim fails", []string{"run", path, "--on=breaker"}, 1, []string{"✗ half are served: 0 (≥ 0.5)"}, []string{"workbench run: a claim failed: 1 of 2"}, nil},
		{"no scenario, and wrong flags", []string{"run", "--scale=x", "--seed=y"}, 2, nil, []string{"got 0 scenarios, want one", "flag --scale", "flag --seed"}, nil},
		{"unknown scenario", []string{"run", "metastabel"}, 2, nil, []string{`unknown scenario "metastabel": want metastable`}, nil},
		{"no such file", []string{"run", "./none.yaml"}, 2, nil, []string{"none.yaml"}, nil},
		{"broken file", []string{"run", broken}, 2, nil, []string{"mine.yaml:3: gate.slts: got an unknown field, want slots"}, nil},
		{"unknown pattern", []string{"run", path, "--on=cue"}, 2, nil, []string{`pattern "cue": unknown`}, nil},
		{"unknown knob", []string{"run", path, "--set=queue.size=5"}, 2, nil, []string{"knob size: got an unknown name, want one of length"}, nil},
		{"unknown engine", []string{"run", path, "--engine=theory"}, 2, nil, []string{`flag --engine: got "theory", want one of real, quick`}, nil},
		{"unknown flag", []string{"run", path, "--sed=1"}, 2, nil, []string{"flag --sed: unknown, want one of --duration"}, nil},
		{"compare", []string{"compare", path, "--a", "bare", "--b", "--on=queue"}, 0, []string{"a: bare", "b: --on=queue", "goodput, % of users  0", "100", "+100", "late, users", "-100", "patterns on", "none", "queue"}, nil, []string{"real mine", "real closed", "real mine queue on", "real closed"}},
		{"compare of the same", []string{"compare", path, "--a", "", "--b", ""}, 2, nil, []string{"got the same twice"}, nil},
		{"compare with another seed", []string{"compare", path, "--a", "--seed=1", "--b", "--bad"}, 2, nil, []string{"flag --a: got --seed", "flag --b: flag --bad: unknown"}, nil},
		{"ablation takes the quickest engine", []string{"ablation", path, "--seeds=2"}, 0, []string{"SCENARIO", "mine", "quick", "1", "lost at 0", "won at 1", "✓", "mine"}, nil, []string{"quick mine", "quick mine queue on", "quick mine", "quick mine queue on", "quick closed"}},
		{"ablation on a chosen engine", []string{"ablation", path, "--seeds=1", "--engine=real"}, 0, []string{"real"}, nil, []string{"real mine", "real mine queue on", "real closed"}},
		{"ablation on no engine", []string{"ablation", path, "--engine=theory"}, 2, nil, []string{"want one of auto, real, quick, paper"}, nil},
		{"ablation of nothing", []string{"ablation", "--seeds=0"}, 2, nil, []string{"flag --seeds: got 0, want 1 to 1000"}, nil},
		{"ablation of a scenario that has none", []string{"ablation", file(t, strings.Replace(mine, "ablation:", "# ", 1))}, 2, nil, []string{"got no ablation, want one in its file"}, nil},
		{"a scenario that is not won", []string{"ablation", file(t, strings.Replace(mine, "with: [--on=queue]", "with: [--on=breaker]", 1)), "--seeds=1"}, 1, []string{"lost at 0  lost at 0  ✗"}, []string{"not every scenario is lost without its pattern"}, nil},
		{"list", []string{"list", "scenarios"}, 0, []string{"SCENARIO", "metastable", "client-budget", "The spike that never ends"}, nil, nil},
		{"list patterns", []string{"list", "patterns"}, 0, []string{"queue", "what queue does", "length=10", "breaker"}, nil, nil},
		{"list presets", []string{"list", "presets"}, 0, []string{"preset-steady", "preset-wiki-hot-key", "unverified", "preset-ycsb-a"}, nil, nil},
		{"list systems", []string{"list", "systems"}, 0, []string{"profile", "read-profile", "GET /profiles/{key}", "normal"}, nil, nil},
		{"list of what does not exist", []string{"list", "teapots"}, 2, nil, []string{`got "teapots", want scenarios, presets, patterns, systems, brokers, trials, exercises or questions`}, nil},
		{"brokers", []string{"list", "brokers"}, 0, []string{"memory", "sqlite", "rabbitmq", "kafka", "zeromq"}, nil, nil},
		{"questions", []string{"list", "questions"}, 0, []string{"retries-worse", "60s"}, nil, nil},
		{"list of nothing", []string{"list"}, 2, nil, []string{"got 0 things to list"}, nil},
		{"doctor", []string{"doctor"}, 0, []string{"go", "redis-server", "chromium", "promtool", "wrk", "cores", "open files", "port"}, nil, nil},
		{"doctor with more", []string{"doctor", "me"}, 2, nil, []string{"want no arguments"}, nil},
		{"traffic with arguments", []string{"traffic", "x"}, 2, nil, []string{"the plan comes on stdin"}, nil},
		{"traffic without a plan", []string{"traffic"}, 1, []string{"error"}, []string{"workbench traffic: plan"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			if code := b.call(t.Context(), tt.args...); code != tt.code {
				t.Errorf("exit code = %d, want %d; stderr:\n%s", code, tt.code, b.stderr.String())
			}
			inOrder(t, "stdout", b.stdout.String(), tt.stdout)
			inOrder(t, "stderr", b.stderr.String(), tt.stderr)
			if tt.ran != nil && !slices.Equal(b.ran, tt.ran) {
				t.Errorf("engines ran %q, want %q", b.ran, tt.ran)
			}
			if tt.code == exitUsage && (len(b.ran) > 0 || b.stdout.Len() > 0) {
				t.Errorf("bad usage ran %q and printed %q, want nothing done", b.ran, b.stdout.String())
			}
		})
	}
}

func inOrder(t *testing.T, name, text string, want []string) {
	t.Helper()
	rest := text
	for _, w := range want {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Errorf("%s lacks %q in its place:\n%s", name, w, text)
			return
		}
		rest = after
	}
}

func TestJSONIsOneObjectWithTheStableKeys(t *testing.T) {
	b := newBench()
	out := filepath.Join(t.TempDir(), "report.json")
	if code := b.call(t.Context(), "run", file(t, mine), "--json", "--out", out, "--on=queue", "--scale=0.5"); code != exitOK {
		t.Fatalf("exit code = %d; stderr:\n%s", code, b.stderr.String())
	}
	var got map[string]any
	if err := json.Unmarshal(b.stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields("scenario engine seed scale duration_s version offered sent late_share goodput_share outcomes latency_ms series patterns claims") {
		if _, ok := got[key]; !ok {
			t.Errorf("key %s is missing", key)
		}
	}
	if got["scale"] != 0.5 || got["goodput_share"] != 1.0 {
		t.Errorf("scale %v, goodput %v, want 0.5 and 1", got["scale"], got["goodput_share"])
	}
	written, err := os.ReadFile(out)
	if err != nil || !bytes.Equal(written, b.stdout.Bytes()) {
		t.Errorf("--out wrote %d bytes (%v), want the %d that were printed", len(written), err, b.stdout.Len())
	}
}

func TestOtherJSON(t *testing.T) {
	path := file(t, mine)
	tests := []struct {
		name string
		args []string
		into any
		ok   func(any) bool
	}{
		{"compare", []string{"compare", path, "--a", "bare", "--b", "cure", "--json"}, &map[string]scenario.Report{}, func(v any) bool {
			r := *v.(*map[string]scenario.Report)
			return r["a"].GoodputShare == 0 && r["b"].GoodputShare == 1 && r["b"].Patterns["queue"].Knobs["length"] == "5"
		}},
		{"ablation", []string{"ablation", path, "--seeds=3", "--json"}, &proof.Table{}, func(v any) bool {
			r := v.(*proof.Table)
			return r.OK && len(r.Trials) == 3 && r.Trials[2].Seed == 3 && r.Trials[2].OK && r.Trials[2].With.Value == 1
		}},
		{"patterns", []string{"list", "patterns", "--json"}, &[]listedPattern{}, func(v any) bool {
			p := *v.(*[]listedPattern)
			return len(p) == 2 && p[0].Name == "queue" && p[0].Knobs[0].Value == "10"
		}},
		{"doctor", []string{"doctor", "--json"}, &[]finding{}, func(v any) bool {
			return len(*v.(*[]finding)) == len(tools())+4
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			if code := b.call(t.Context(), tt.args...); code != exitOK {
				t.Fatalf("exit code = %d; stderr:\n%s", code, b.stderr.String())
			}
			if err := json.Unmarshal(b.stdout.Bytes(), tt.into); err != nil || !tt.ok(tt.into) {
				t.Errorf("%v, %+v: not what it should say", err, tt.into)
			}
		})
	}
}

func TestWhenAnEngineDoesNotDeliver(t *testing.T) {
	path := file(t, mine)
	tests := []struct {
		name   string
		set    func(*bench)
		args   []string
		code   int
		stderr string
		stdout string // what is still printed
	}{
		{"it cannot", func(b *bench) { b.engine.cannot = errors.New("no such fault here") }, []string{"run", path}, exitUsage, "no such fault here", ""},
		{"it breaks", func(b *bench) { b.engine.fail = errors.New("the wire broke") }, []string{"run", path}, exitFailed, "the wire broke", "goodput"},
		{"the generator was too slow", func(b *bench) { b.engine.verdict = load.GeneratorLimited }, []string{"run", path}, exitFailed, "not to be trusted", "goodput"},
		{"the generator was too slow to compare", func(b *bench) { b.engine.verdict = load.GeneratorLimited }, []string{"compare", path, "--b=cure"}, exitFailed, "not to be trusted", "goodput"},
		{"the generator was too slow for an ablation", func(b *bench) { b.engine.verdict = load.GeneratorLimited }, []string{"ablation", path, "--engine=real"}, exitFailed, "not to be trusted", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			tt.set(b)
			if code := b.call(t.Context(), tt.args...); code != tt.code || !strings.Contains(b.stderr.String(), tt.stderr) {
				t.Errorf("exit code = %d, stderr %q, want %d and %q", code, b.stderr.String(), tt.code, tt.stderr)
			}
			if !strings.Contains(b.stdout.String(), tt.stdout) {
				t.Errorf("stdout = %q, want %q in it", b.stdout.String(), tt.stdout)
			}
			if len(b.ran) == 0 || b.ran[len(b.ran)-1] != "real closed" {
				t.Errorf("engines ran %q, want the engine closed", b.ran)
			}
		})
	}
}

func TestFigures(t *testing.T) {
	for v, want := range map[float64]string{86777: "+86777", -216500: "-216500", 0: "+0", -0.016: "-0.016", 94.474: "+94.47"} {
		if got := signed(v); got != want {
			t.Errorf("signed(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestAblationTakesTheNextEngineWhenOneCannot(t *testing.T) {
	b := newBench()
	b.parts.engines = append(b.parts.engines, engineKind{name: "none", open: func(context.Context, *program) (engine, error) {
		return &fake{name: "none", cannot: errors.New("not that one"), ran: &b.ran}, nil
	}})
	if code := b.call(t.Context(), "ablation", file(t, mine), "--seeds=1"); code != exitOK {
		t.Fatalf("exit code = %d; stderr:\n%s", code, b.stderr.String())
	}
	if want := []string{"quick mine", "quick mine queue on", "quick closed", "none closed"}; !slices.Equal(b.ran, want) {
		t.Errorf("engines ran %q, want %q", b.ran, want)
	}
}

func TestAnInterruptedRunSaysSo(t *testing.T) {
	b := newBench()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := b.call(ctx, "run", file(t, mine)); code != exitFailed || !strings.Contains(b.stderr.String(), "interrupted after 10 s") {
		t.Errorf("exit code = %d, stderr %q, want 1 and how far it came", code, b.stderr.String())
	}
}
