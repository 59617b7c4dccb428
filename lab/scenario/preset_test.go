package scenario_test

import (
	"errors"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/scenario"
	"workbench/sim/preset"
)

func TestEveryPresetCanBeOperated(t *testing.T) {
	for _, p := range preset.Presets() {
		s, err := scenario.Find("preset-" + p.Name)
		if err != nil {
			t.Errorf("Find(preset-%s) = %v", p.Name, err)
			continue
		}
		if err := s.Validate(everything()); err != nil {
			t.Errorf("preset-%s: %v", p.Name, err)
		}
		if top := s.Traffic.Max(); top > 1200.01 {
			t.Errorf("preset-%s asks for %.0f/s at scale 1, want at most 1200", p.Name, top)
		}
		if !strings.Contains(s.Lesson, p.Source) || p.Unverified != strings.Contains(s.Lesson, "Not verified") {
			t.Errorf("preset-%s says %q, want its source and whether it is verified", p.Name, s.Lesson)
		}
	}
	if _, err := scenario.Find("preset-nosuch"); !errors.Is(err, scenario.ErrUnknown) || !strings.Contains(err.Error(), "wiki-hot-key") {
		t.Errorf("Find(preset-nosuch) = %v, want ErrUnknown with the names", err)
	}
}

func TestPresetsHabitsAreSwitches(t *testing.T) {
	s, err := scenario.Find("preset-retry-storm-budget")
	if err != nil {
		t.Fatal(err)
	}
	if s.Patterns["client-budget"].State != lab.On || s.Clients.Budget != 0 || s.Clients.Retries == 0 || len(s.Faults) != 1 {
		t.Errorf("retry-storm-budget has patterns %v, clients %+v and faults %v; want the budget as a switch and an outage", s.Patterns, s.Clients, s.Faults)
	}
	s, err = scenario.Find("preset-ttl-herd")
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Patterns["cache"]; c.State != lab.On || c.Knobs["ttl"] != "30s" || c.Knobs["jitter"] != 0. {
		t.Errorf("ttl-herd has cache %+v, want on with 30s and no jitter", c)
	}
	s, err = scenario.Find("preset-azure-functions")
	if err != nil {
		t.Fatal(err)
	}
	jobs := 0.
	for _, w := range s.Population.Mix {
		if w.Op == "submit-job" {
			jobs = w.Weight
		}
	}
	if jobs <= 0 {
		t.Errorf("azure-functions has the mix %v, want what is queued as jobs", s.Population.Mix)
	}
}
