package interview_test

import (
	"os"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"

	"workbench/exercises/interview"
)

// pair is a sentence that says a known mistake, and a true one in nearly the same
// words.
type pair struct {
	Mistake string `yaml:"mistake"`
	Wrong   string `yaml:"wrong"`
	Right   string `yaml:"right"`
}

// A mistake is heard where it is said, and not in a true sentence that speaks of
// the same thing.
func TestMistakesAreTold(t *testing.T) {
	src, err := os.ReadFile("testdata/mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var pairs []pair
	if err := yaml.Unmarshal(src, &pairs); err != nil {
		t.Fatal(err)
	}
	if len(pairs) < 150 {
		t.Errorf("%d mistakes have a pair of sentences, want at least 150", len(pairs))
	}
	c := load(t)
	for _, p := range pairs {
		t.Run(p.Mistake, func(t *testing.T) {
			found := score(t, c, "retries-worse", p.Wrong).Faults
			if !slices.ContainsFunc(found, func(f interview.Fault) bool { return f.ID == p.Mistake }) {
				t.Errorf("%q is taken for %s, want %s", p.Wrong, names(found), p.Mistake)
			}
			if found := score(t, c, "retries-worse", p.Right).Faults; len(found) > 0 {
				t.Errorf("%q is true and taken for %s", p.Right, names(found))
			}
		})
	}
}

// names lists the mistakes that were found.
func names(found []interview.Fault) []string {
	var out []string
	for _, f := range found {
		out = append(out, f.ID)
	}
	return out
}

// What a calm speaker gets wrong is mostly heard in whatever words, and what is
// right is left alone.
func TestClaimsInOtherWords(t *testing.T) {
	src, err := os.ReadFile("testdata/claims.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Wrong []string `yaml:"wrong"`
		Right []string `yaml:"right"`
	}
	if err := yaml.Unmarshal(src, &claims); err != nil {
		t.Fatal(err)
	}
	c := load(t)
	told := 0
	for _, s := range claims.Wrong {
		if len(score(t, c, "whole-review", s).Faults) > 0 {
			told++
		} else {
			t.Logf("not told: %q", s)
		}
	}
	if all := len(claims.Wrong); told*10 < all*9 {
		t.Errorf("%d of %d wrong claims are told, want nine of ten", told, all)
	}
	for _, s := range claims.Right {
		if found := score(t, c, "whole-review", s).Faults; len(found) > 0 {
			t.Errorf("%q is true and taken for %s", s, names(found))
		}
	}
}
