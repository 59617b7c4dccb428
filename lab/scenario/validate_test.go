package scenario_test

import (
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/scenario"
)

// knobs are those of the stand-ins for the catalog's patterns, which are rooms
// of their own and tested there.
type knobs struct {
	Length int           `knob:"length" min:"1" max:"1000" scale:"yes" help:"places"`
	Order  string        `knob:"order" options:"fifo,lifo" help:"who is next"`
	Wait   time.Duration `knob:"wait" min:"0s" max:"10s" help:"longest wait"`
}

func known() scenario.Known {
	k := scenario.Known{Patterns: map[string]lab.Pattern{}, Systems: map[string][]string{"profile": {"read-profile", "report"}}}
	for name, side := range map[string]lab.Side{"queue": lab.Server, "breaker": lab.Server, "client-budget": lab.Client} {
		k.Patterns[name] = lab.Define(lab.Pattern{Name: name, Side: side, Events: []string{"full"}}, func() knobs { return knobs{Length: 10, Order: "fifo"} }, nil, nil)
	}
	k.Patterns["fanout"] = lab.Define(lab.Pattern{Name: "fanout", System: "feed"}, func() knobs { return knobs{Length: 10, Order: "fifo"} }, nil, nil)
	return k
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name, more string // more is added to small from line 6 on
		want       []string
	}{
		{"nothing more", "", nil},
		{"right", "teaches: queue\npatterns: {queue: {state: on, knobs: {length: 20, wait: 1s}}}\nclaims: [{text: a, metric: \"op_good_share:report\", min: 1, when: {queue: on}, knobs: {queue.wait: 1s}}]\nvariants: {bare: [], lifo: [--on=queue, --set=queue.order=lifo]}\n", nil},
		{"system", "system: feed\n", []string{`x.yaml:6: system: got "feed", want one of profile`}},
		{"an event", "claims: [{text: a, metric: \"event_share:queue.full\", min: 1}]\n", nil},
		{"no such event", "claims: [{text: a, metric: \"event_share:queue.fuul\", min: 1}]\n", []string{`x.yaml:6: claims[0].metric: got "fuul", want full, or another of full`}},
		{"a choice of another system", "patterns: {fanout: {state: on}}\n", []string{"x.yaml:6: patterns.fanout: got a choice of system feed, want a pattern that system profile has"}},
		{
			"population", "population: {fresh: 2, mix: [{op: reed-profile, weight: 1}]}\n",
			[]string{
				"x.yaml:6: population.fresh: got 2, want a share of 0 to 1",
				"x.yaml:6: population: got hot.share and fresh are 2 together, want at most 1, want a value that fits",
				`x.yaml:6: population.mix[0].op: got "reed-profile", want one of [read-profile report]`,
			},
		},
		{
			"patterns", "teaches: quue\npatterns:\n  queu: {state: on}\n  queue: {state: on, knobs: {lenght: 5, order: random}}\n  client-budget: {state: shadow}\n",
			[]string{
				"x.yaml:6: teaches: got an unknown pattern, want queue, or another of breaker, client-budget, fanout, queue",
				"x.yaml:10: patterns.client-budget.state: got shadow, want off or on: the simulated clients have no shadow",
				"x.yaml:8: patterns.queu: got an unknown pattern, want queue, or another of breaker, client-budget, fanout, queue",
				"x.yaml:9: patterns.queue.knobs.lenght: got an unknown name, want one of length, order, wait",
				`x.yaml:9: patterns.queue.knobs.order: got "random", want one of fifo, lifo`,
			},
		},
		{
			"claims", "claims:\n  - {text: a, metric: \"op_good_share:reprot\", min: 1, when: {shed: on}, knobs: {queue.wait: 1000ms, queue.length: \"5\"}}\n",
			[]string{
				`x.yaml:7: claims[0].metric: got "reprot", want report, or another of read-profile, report`,
				"x.yaml:7: claims[0].when.shed: got an unknown pattern, want one of breaker, client-budget, fanout, queue",
				"x.yaml:7: claims[0].knobs.queue.length: got length, want a knob that does not grow with the scale",
				`x.yaml:7: claims[0].knobs.queue.wait: got "1000ms", want "1s"`,
			},
		},
		{
			"flags", "ablation: {metric: goodput_share, min: 1, with: [--on=quue]}\nvariants: {a: [--set=queue.length=0], b: [--variant=a], c: [on]}\n",
			[]string{
				`x.yaml:6: ablation.with: got pattern "quue": unknown, want queue, or another of breaker, client-budget, fanout, queue, want flags that fit the scenario`,
				`x.yaml:7: variants.a: got pattern queue: knob length: got "0", want a whole number from 1 to 1000, want flags that fit the scenario`,
				"x.yaml:7: variants.b: got flag --variant: got a variant in a variant, want its flags written out, want flags that fit the scenario",
				"x.yaml:7: variants.c: got flag on: unknown, want --on, or another of --duration, --fault, --instances, --off, --on, --scale, --seed, --set, --shadow, --traffic, --users, --variant, want flags that fit the scenario",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := scenario.Parse("x.yaml", []byte(small+tt.more))
			if err != nil {
				t.Fatal(err)
			}
			err = s.Validate(known())
			got := ""
			if err != nil {
				got = err.Error()
			}
			if want := strings.Join(tt.want, "\n"); got != want {
				t.Errorf("Validate error:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestValidateChecksASpecMadeInCode(t *testing.T) {
	err := scenario.Spec{Name: "x"}.Validate(known())
	if err == nil || !strings.Contains(err.Error(), "gate.slots: got 0") || strings.Contains(err.Error(), "yaml") {
		t.Errorf("Validate of an empty spec = %v, want an error that names gate.slots and no file", err)
	}
}
