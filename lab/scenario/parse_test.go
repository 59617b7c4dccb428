package scenario_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"workbench/lab/scenario"
)

// small is a scenario with nothing that can be left out.
const small = `name: small
gate: {slots: 4, service: 20ms}
traffic:
  - {name: calm, for: 10s, rate: 100}
  - {name: spike, for: 5s, kind: ramp, rate: 100, to: 300}
`

func TestParseSetsTheDefaults(t *testing.T) {
	s, err := scenario.Parse("small.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if s.System != "profile" || s.Title != "small" || s.Instances != 1 || s.LiveScale != 0.2 {
		t.Errorf("Parse = system %q, title %q, %d instances, live scale %v, want profile, small, 1, 0.2", s.System, s.Title, s.Instances, s.LiveScale)
	}
	if got := s.Traffic.At(12500 * time.Millisecond); got != 200 {
		t.Errorf("rate in the middle of the ramp = %v, want 200: the shape's fields stand beside the phase's", got)
	}
}

func TestParseNamesEveryFault(t *testing.T) {
	tests := []struct {
		name, src string
		want      []string // the whole error, line by line
	}{
		{"nothing", "", []string{"x.yaml:1: file: got nothing, want a scenario (see docs/reference/scenario.md)"}},
		{"not YAML", "name: [", []string{"x.yaml:1: syntax: got did not find expected node content, want YAML"}},
		{"not a mapping", "- a", []string{"x.yaml:1: file: got a list, want a mapping of fields"}},
		{"two documents", small + "---\nname: other\n", []string{"x.yaml:6: file: got more than one document, want one scenario in a file"}},
		{
			"unknown field with a near one", strings.Replace(small, "slots: 4", "slot: 4", 1),
			[]string{"x.yaml:2: gate.slot: got an unknown field, want slots, or another of backlog, law, rtt, scv, service, slots"},
		},
		{
			"unknown field with no near one", small + "faults: [{zzzzzz: 1}]\n",
			[]string{"x.yaml:6: faults[0].zzzzzz: got an unknown field, want one of at, by, factor, for, name, share, target"},
		},
		{"field twice", small + "name: again\n", []string{"x.yaml:6: name: got the field a second time, want it once (it is on line 1 already)"}},
		{"alias", small + "story: &a hello\nlesson: *a\n", []string{"x.yaml:7: lesson: got an alias (*a), want the value itself"}},
		{
			"all wrong values at once", "name: small\ngate: {slots: many, service: 20}\ntraffic: 5\nlive_scale: .nan\nclients: {timeout: soon, no_keep_alive: maybe}\npatterns: {queue: {state: hot}}\npopulation: {users: -1}\n",
			[]string{
				`x.yaml:2: gate.slots: got "many", want a whole number`,
				`x.yaml:2: gate.service: got "20", want a duration such as 500ms or 10s`,
				`x.yaml:3: traffic: got "5", want a list`,
				`x.yaml:4: live_scale: got ".nan", want a number`,
				`x.yaml:5: clients.timeout: got "soon", want a duration such as 500ms or 10s`,
				`x.yaml:5: clients.no_keep_alive: got "maybe", want true or false`,
				`x.yaml:6: patterns.queue.state: got "hot", want a state: off, shadow, on or yours`,
				`x.yaml:7: population.users: got "-1", want a whole number of at least 0`,
			},
		},
		{
			"left out", "name: small\n",
			[]string{
				"x.yaml:1: gate.slots: got 0, want 1 to 1048576",
				"x.yaml:1: gate.service: got 0s, want 1µs to 1m0s",
				"x.yaml:1: traffic: got no phase, want at least one, such as {for: 60s, kind: steady, rate: 500}",
			},
		},
		{"bad name", strings.Replace(small, "name: small", "name: Small One", 1), []string{`x.yaml:1: name: got "Small One", want a name of small letters, digits and dashes, such as slow-dependency`}},
		{"a shape's own fault", strings.Replace(small, "to: 300", "to: -1", 1), []string{"x.yaml:5: traffic[1].to: got -1, want 0 to 1e9 requests a second"}},
		{"too long", strings.Replace(small, "for: 10s", "for: 10m", 1), []string{"x.yaml:4: traffic: got 10m5s in all, want at most 10m0s"}},
		{"law", strings.Replace(small, "service: 20ms", "service: 20ms, law: paretto", 1), []string{`x.yaml:2: gate.law: got "paretto", want pareto, or another of constant, exponential, lognormal, gamma, pareto, hyperexponential`}},
		{"a law's variation", strings.Replace(small, "service: 20ms", "service: 20ms, law: hyperexponential, scv: 0.5", 1), []string{"x.yaml:2: gate.scv: got 0.5, want a squared coefficient of variation that the law can have: law hyperexponential: scv is 0.5, want 1 or more (use gamma for less)"}},
		{"a habit that a pattern sets", small + "clients: {budget: 0.1}\n", []string{"x.yaml:6: clients.budget: got 0.1, want it under patterns: client-budget: {state: on, knobs: {share: …}}"}},
		{
			"faults", small + "faults:\n  - {name: slowly, at: 1s, for: 1s}\n  - {name: slow, at: 20s, for: 1s}\n  - {name: error, at: 1s, for: 1s, share: 0.5, factor: 2, target: provider}\n",
			[]string{
				`x.yaml:7: faults[0].name: got "slowly", want slow, or another of slow, error, hang, kill, cache-down, cache-flush, delay, instance-slow, instance-error`,
				"x.yaml:8: faults[1].at: got 20s, want an instant of the run, which lasts 15s",
				"x.yaml:8: faults[1].factor: got 0, want 1 to 1000",
				"x.yaml:9: faults[2].factor: got 2, want nothing: fault error has none",
				`x.yaml:9: faults[2].target: got "provider", want one of gate`,
			},
		},
		{
			"claims", small + "claims:\n  - {text: a, metric: p99, min: 1}\n  - {text: b, metric: p99_ms}\n  - {text: c, metric: p99_ms, min: 2, max: 1, last: 1m}\n  - {text: d, metric: p99_ms, min: 2, last: 1s, from: 2s}\n",
			[]string{
				`x.yaml:7: claims[0].metric: got "p99", want p99_ms, or another of ` + names(),
				"x.yaml:8: claims[1]: got no bound, want min, max or both",
				"x.yaml:9: claims[2].last: got 1m0s, want at most the run, which lasts 15s",
				"x.yaml:9: claims[2].min: got 2, want at most max (1)",
				"x.yaml:10: claims[3].last: got a window given twice, want last alone, or from and to",
			},
		},
		{
			"recovery from nothing", strings.Replace(small, "name: spike", "name: peak", 1) + "claims: [{text: a, metric: recovered_after_s, max: 1}]\n",
			[]string{"x.yaml:6: claims[0].metric: got recovered_after_s, want a phase named spike or a fault in the scenario to recover from"},
		},
		{
			"prediction", small + "predict: {question: q, metric: p99_ms, unit: s, options: [{text: a, min: 1}]}\n",
			[]string{`x.yaml:6: predict.unit: got "s", want ms, which is p99_ms's`, "x.yaml:6: predict.options: got 1, want 2 to 6 options"},
		},
		{
			"a prediction in no unit of the card", small + "predict: {question: q, metric: tries_ratio, unit: calls/user, options: [{text: a, max: 1}, {text: b, min: 1}]}\n",
			[]string{"x.yaml:6: predict.metric: got tries_ratio, want a metric in one of the card's units: [share ms s req/s requests pages]"},
		},
		{"an ablation that removes nothing", small + "ablation: {metric: p99_ms, max: 1, with: [--on=queue], without: [--on=queue]}\n", []string{"x.yaml:6: ablation.with: got the flags of without, want flags that win where without loses"}},
		{"too large", small + "# " + strings.Repeat("x", scenario.MaxSize), []string{fmt.Sprintf("x.yaml: file: got %d bytes, want at most 65536", len(small)+2+scenario.MaxSize)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec, err := scenario.Parse("x.yaml", []byte(tt.src))
			if want := strings.Join(tt.want, "\n"); err == nil || err.Error() != want {
				t.Errorf("Parse error:\n%v\nwant:\n%s", err, want)
			}
			if spec.Name != "" || spec.Traffic != nil {
				t.Errorf("Parse = %q with an error, want the zero Spec", spec.Name)
			}
		})
	}
}

func names() string {
	var out []string
	for _, m := range scenario.Metrics() {
		out = append(out, m.Name)
	}
	return strings.Join(out, ", ")
}

// FuzzParse checks that nothing makes Parse panic or take more than its input
// deserves, and that what it accepts can be scaled, judged and measured.
func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add("a: &a [*a, *a]\nb: *a\n")
	f.Add("name: x\ngate: {slots: 1e99, service: 1e9h}\ntraffic: [{for: 1s, kind: trace, bins: [1, 2], bin: 1ms}]\n")
	f.Add("? [a]\n: b\n")
	f.Add(strings.Repeat("[", 5000))
	f.Fuzz(func(t *testing.T, src string) {
		s, err := scenario.Parse("f", []byte(src))
		if err != nil {
			if len(err.Error()) > 100+200*len(src)+(1<<14) {
				t.Errorf("the error has %d bytes for %d of input", len(err.Error()), len(src))
			}
			return
		}
		s = s.Scaled(0.5)
		_ = s.Validate(known())
		for _, v := range scenario.Judge(s, scenario.Report{DurationS: 1, Series: []scenario.Point{{T: 1, Offered: 1}}}) {
			if v.Text == "" {
				t.Errorf("claim without a text: %+v", v)
			}
		}
	})
}
