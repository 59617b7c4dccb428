package virtual_test

import (
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
)

func TestRunFlagsIsRunWithWhatTheySay(t *testing.T) {
	spec, err := scenario.Find("metastable")
	if err != nil {
		t.Fatal(err)
	}
	on := lab.On
	want, err := virtual.Run(t.Context(), spec, virtual.Options{Seed: 4, Scale: 0.5, Patterns: []chain.Change{
		{Pattern: "queue", State: &on, Knobs: map[string]any{"length": "30"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := virtual.RunFlags(t.Context(), spec, []string{"--seed=4", "--scale=0.5", "--on=queue", "--set=queue.length=30"}, virtual.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got.EventsHash != want.EventsHash || got.Seed != 4 || got.Scale != 0.5 || got.Patterns["queue"].Knobs["length"] != "30" {
		t.Errorf("RunFlags = hash %s, seed %d, scale %v, want %s, 4 and 0.5", got.EventsHash, got.Seed, got.Scale, want.EventsHash)
	}
	for name, flags := range map[string][]string{
		`pattern "cue": unknown`:          {"--on=cue"},
		"flag --sed: unknown":             {"--sed=1"},
		"knob length":                     {"--on=queue", "--set=queue.length=-3"},
		"flag --scale: got \"nothing\"":   {"--scale=nothing"},
		"flag --variant: got \"not one\"": {"--variant=not one"},
	} {
		if _, err := virtual.RunFlags(t.Context(), spec, flags, virtual.Options{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("RunFlags(%q) = %v, want an error with %q", flags, err, name)
		}
	}
}
