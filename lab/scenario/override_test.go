package scenario_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"workbench/lab/scenario"
	"workbench/sim/population"
)

// show writes an override's patterns in one line.
func show(o scenario.Override) string {
	var out []string
	for _, name := range []string{"breaker", "client-budget", "queue"} {
		t, ok := o.Patterns[name]
		if !ok {
			continue
		}
		state := "as it is"
		if t.State != nil {
			state = t.State.String()
		}
		out = append(out, fmt.Sprintf("%s %s %v", name, state, t.Knobs))
	}
	return strings.Join(out, "; ")
}

func TestParseFlags(t *testing.T) {
	tests := []struct {
		name string
		args string
		want string // the patterns, or the error's lines
		bad  bool
	}{
		{"none", "", "", false},
		{"both spellings", "--on=queue --off breaker --shadow=client-budget", "breaker off map[]; client-budget shadow map[]; queue on map[]", false},
		{"several at once", "--on=queue,breaker", "breaker on map[]; queue on map[]", false},
		{"knobs", "--set=queue.length=5 --set queue.order=lifo --on=queue", "queue on map[length:5 order:lifo]", false},
		{"knobs alone keep the state", "--set=queue.length=5", "queue as it is map[length:5]", false},
		{
			"two states", "--on=queue --off=cache --off=queue,breaker --on queue", `flag --off: got "queue" after --on queue, want one of the two`, true,
		},
		{
			"every fault", "--onn=queue --seed=-1 --duration=fast --scale=0 --set=queue --on= --variant= --off",
			"flag --onn: unknown, want --on, or another of --duration, --fault, --instances, --off, --on, --scale, --seed, --set, --shadow, --traffic, --users, --variant\n" +
				`flag --seed: got "-1", want a whole number of at least 0` + "\n" +
				`flag --duration: got "fast", want a duration from 1s to 10m0s` + "\n" +
				`flag --scale: got "0", want a number from 0.01 to 1e+06` + "\n" +
				`flag --set: got "queue", want PATTERN.KNOB=VALUE, such as queue.length=20` + "\n" +
				`flag --on: got "", want a pattern's name` + "\n" +
				`flag --variant: got "", want the name of one of the scenario's variants` + "\n" +
				"flag --off: got nothing after it, want a value", true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := scenario.ParseFlags(strings.Fields(tt.args))
			got := show(o)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || (err != nil) != tt.bad {
				t.Errorf("ParseFlags(%q) =\n%s\nwant\n%s", tt.args, got, tt.want)
			}
		})
	}
}

func TestApply(t *testing.T) {
	base := spiked(t, "variants: {cure: [--on=queue, --set=queue.length=5, --scale=2]}\nfaults: [{name: slow, at: 12s, for: 1s, factor: 2}]\npatterns: {queue: {state: off, knobs: {order: lifo}}}\n")
	tests := []struct {
		name, args string
		patterns   string
		duration   time.Duration
		faults     int
		wrong      string
	}{
		{"nothing", "", "", 30 * time.Second, 1, ""},
		{"a variant", "--variant=cure", "queue on map[length:5]", 30 * time.Second, 1, ""},
		{"flags over a variant", "--variant=cure --set=queue.length=9 --off=queue", "queue off map[length:9]", 30 * time.Second, 1, ""},
		{"shorter, before the fault", "--duration=12s", "", 12 * time.Second, 0, ""},
		{"longer", "--duration=1m", "", time.Minute, 1, ""},
		{"unknown variant", "--variant=kure", "", 0, 0, `flag --variant: got "kure", want cure, or another of cure`},
		{"unknown pattern", "--on=q", "", 0, 0, `pattern "q": unknown`},
		{"wrong knob", "--set=queue.length=0", "", 0, 0, "knob length"},
		{"client in shadow", "--shadow=client-budget", "", 0, 0, "no shadow"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := scenario.ParseFlags(strings.Fields(tt.args))
			if err != nil {
				t.Fatal(err)
			}
			spec, rest, err := scenario.Apply(base, o, known())
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Errorf("Apply = %v, want an error with %q", err, tt.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if show(rest) != tt.patterns || spec.Traffic.Duration() != tt.duration || len(spec.Faults) != tt.faults {
				t.Errorf("Apply = %q, %v, %d faults, want %q, %v, %d", show(rest), spec.Traffic.Duration(), len(spec.Faults), tt.patterns, tt.duration, tt.faults)
			}
		})
	}
	if base.Traffic.Duration() != 30*time.Second || len(base.Faults) != 1 {
		t.Errorf("Apply changed its argument: %v, %d faults", base.Traffic.Duration(), len(base.Faults))
	}
}

func TestScaled(t *testing.T) {
	spec := spiked(t, `provider: {slots: 1, service: 1s}
patterns: {queue: {state: on, knobs: {length: 100}}}
claims:
  - {text: grows, metric: good_rate, min: 100, max: 200}
  - {text: stays, metric: goodput_share, min: 0.5}
predict: {question: q, metric: good_rate, unit: req/s, options: [{text: a, min: 10}, {text: b, max: 10}]}
ablation: {metric: queue_max, max: 40, with: [--on=queue]}
`)
	s := spec.Scaled(0.5)
	if got := s.Traffic.At(0); got != 50 {
		t.Errorf("rate = %v, want 50", got)
	}
	if s.Gate.Slots != 2 || s.Provider.Slots != 1 {
		t.Errorf("slots = %d and %d, want 2, and 1: there is always one", s.Gate.Slots, s.Provider.Slots)
	}
	if *s.Claims[0].Min != 50 || *s.Claims[0].Max != 100 || *s.Claims[1].Min != 0.5 {
		t.Errorf("claims = %v to %v and %v, want 50 to 100, and 0.5: a share does not grow", *s.Claims[0].Min, *s.Claims[0].Max, *s.Claims[1].Min)
	}
	if *s.Predict.Options[0].Min != 5 || *s.Predict.Options[1].Max != 5 || *s.Ablation.Max != 20 {
		t.Errorf("predict from %v to %v, ablation %v, want 5, 5 and 20", *s.Predict.Options[0].Min, *s.Predict.Options[1].Max, *s.Ablation.Max)
	}
	if got := s.Patterns["queue"].Knobs["length"]; got != "100" {
		t.Errorf("queue.length = %v, want 100 as written: whoever builds the pattern scales it", got)
	}
	if *spec.Claims[0].Min != 100 || spec.Gate.Slots != 4 || spec.Traffic.At(0) != 100 || spec.Provider == (scenario.Gate{}) {
		t.Error("Scaled changed its receiver")
	}
	if none := (scenario.Spec{}).Scaled(2); none.Provider.Slots != 0 {
		t.Errorf("provider has %d slots, want 0: there is none", none.Provider.Slots)
	}
}

func TestOverChangesNeitherSide(t *testing.T) {
	parse := func(args string) scenario.Override {
		o, err := scenario.ParseFlags(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	base, over := parse("--on=queue --set=queue.length=5 --seed=3 --variant=a"), parse("--set=queue.order=lifo --scale=2 --duration=5s")
	out := over.Over(base)
	if got, want := show(out), "queue on map[length:5 order:lifo]"; got != want || *out.Seed != 3 || out.Scale != 2 || out.Duration != 5*time.Second || out.Variant != "a" {
		t.Errorf("Over = %q, %+v, want %q, seed 3, scale 2, 5s, variant a", got, out, want)
	}
	if show(base) != "queue on map[length:5]" || show(over) != "queue as it is map[order:lifo]" {
		t.Errorf("Over changed its sides to %q and %q", show(base), show(over))
	}
}

func TestUsersAreAScale(t *testing.T) {
	spec := scenario.Spec{Population: population.Spec{Users: 1_000_000}}
	for text, want := range map[string]float64{"1000000": 1, "5M": 5, "250k": 0.25, "2.5M": 2.5, "1G": 1000} {
		o, err := scenario.ParseFlags([]string{"--users=" + text})
		if err == nil {
			_, o, err = scenario.Apply(spec, o, scenario.Known{})
		}
		if err != nil || o.Scale != want || o.Users != 0 {
			t.Errorf("--users=%s: scale %v, users %d, %v, want a scale of %v", text, o.Scale, o.Users, err, want)
		}
	}
	for _, text := range []string{"0", "-5", "many", "1.5", "5m", "NaN", "1e400", "20G", "M"} {
		if o, err := scenario.ParseFlags([]string{"--users=" + text}); err == nil || !strings.Contains(err.Error(), "flag --users") {
			t.Errorf("--users=%s = %d, %v, want an error that names the flag", text, o.Users, err)
		}
	}
	for want, flags := range map[string][]string{
		"got both":          {"--users=5M", "--scale=2"},
		"want 10000 to":     {"--users=100"},
		"scenario has 1000": {"--users=9999"},
	} {
		o, err := scenario.ParseFlags(flags)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := scenario.Apply(spec, o, scenario.Known{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v = %v, want an error with %q", flags, err, want)
		}
	}
}
