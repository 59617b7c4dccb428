package scenario_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/scenario"
	"workbench/lab/system/kind"
)

// everything is what scenarios may really name.
func everything() scenario.Known {
	k := scenario.Known{Patterns: map[string]lab.Pattern{}, Systems: map[string][]string{}}
	for _, p := range kind.AllPatterns() {
		k.Patterns[p.Name] = p
	}
	for _, s := range kind.All() {
		for _, op := range s.Ops {
			k.Systems[s.Name] = append(k.Systems[s.Name], op.Name)
		}
	}
	return k
}

func TestEmbeddedScenariosAreWhole(t *testing.T) {
	specs, err := scenario.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if len(specs) < 10 {
		t.Errorf("Embedded() has %d scenarios, want at least 10", len(specs))
	}
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
		t.Run(s.Name, func(t *testing.T) { whole(t, s) })
	}
	if got := scenario.Names(); !slices.Equal(got, names) {
		t.Errorf("Names() = %v, want %v as Embedded has them", got, names)
	}
}

// whole checks what a learner needs of a scenario.
func whole(t *testing.T, s scenario.Spec) {
	if err := s.Validate(everything()); err != nil {
		t.Error(err)
	}
	for field, text := range map[string]string{
		"title": s.Title, "story": s.Story, "lesson": s.Lesson, "teaches": s.Teaches,
		"predict.question": s.Predict.Question, "ablation.metric": s.Ablation.Metric,
	} {
		if text == "" {
			t.Errorf("%s is empty", field)
		}
	}
	if len(s.Traffic) < 2 {
		t.Error("traffic has one phase, want a calm one and an event")
	}
	if len(s.Claims) < 2 || len(s.Ablation.With) == 0 {
		t.Errorf("%d claims and %d flags that win, want both kinds of run described", len(s.Claims), len(s.Ablation.With))
	}
	if _, ok := s.Variants["bare"]; !ok {
		t.Error("no variant named bare")
	}
	for _, f := range s.Faults {
		if f.Name == "delay" {
			t.Error("fault delay: the live lab has no switch for it")
		}
	}
}

func TestFind(t *testing.T) {
	if s, err := scenario.Find("metastable"); err != nil || s.Name != "metastable" {
		t.Errorf("Find(metastable) = %q, %v", s.Name, err)
	}
	_, err := scenario.Find("metastabel")
	if !errors.Is(err, scenario.ErrUnknown) || !strings.Contains(err.Error(), "want metastable, or another of ") {
		t.Errorf("Find(metastabel) = %v, want ErrUnknown that offers metastable", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	good, large := filepath.Join(dir, "mine.yaml"), filepath.Join(dir, "large.yaml")
	for path, src := range map[string]string{good: small, large: small + "# " + strings.Repeat("x", 2*scenario.MaxSize)} {
		if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := scenario.Load("stampede"); err != nil || s.Name != "stampede" {
		t.Errorf("Load(stampede) = %q, %v", s.Name, err)
	}
	if s, err := scenario.Load(good); err != nil || s.Name != "small" {
		t.Errorf("Load(mine.yaml) = %q, %v", s.Name, err)
	}
	if _, err := scenario.Load(large); err == nil || !strings.Contains(err.Error(), "want at most 65536") {
		t.Errorf("Load(large.yaml) = %v, want an error about its size", err)
	}
	if _, err := scenario.Load(filepath.Join(dir, "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load(none.yaml) = %v, want os.ErrNotExist", err)
	}
}
