package interview_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"workbench/exercises/interview"
	"workbench/lab/scenario"
)

func TestCatalogue(t *testing.T) {
	c := load(t)
	all := c.List(interview.Filter{})
	if len(all) < 120 {
		t.Errorf("%d questions, want at least 120", len(all))
	}
	for chapter := 1; chapter <= 9; chapter++ {
		if n := len(c.List(interview.Filter{Chapter: chapter})); n < 8 {
			t.Errorf("chapter %d has %d questions, want at least 8", chapter, n)
		}
	}
	for _, system := range []string{"login", "feed", "orders", "notify"} {
		if n := len(c.List(interview.Filter{System: system})); n < 10 {
			t.Errorf("%s has %d questions, want at least 10", system, n)
		}
	}
	if n := len(c.List(interview.Filter{Mode: interview.Round})); n < 6 {
		t.Errorf("%d questions of 45 minutes, want at least 6", n)
	}
	if got := c.List(interview.Filter{System: "feed", Mode: interview.Round}); len(got) != 1 || got[0].ID != "feed-round" {
		t.Errorf("List of the feed's rounds = %v, want feed-round alone", got)
	}
	if got := c.List(interview.Filter{Concept: "retry-budget"}); len(got) < 3 {
		t.Errorf("%d questions want retry-budget, want some", len(got))
	}
	scenarios := scenario.Names()
	for _, q := range all {
		if !slices.Contains(scenarios, q.Links.Scenario) {
			t.Errorf("question %s: links.scenario %q is none of %v", q.ID, q.Links.Scenario, scenarios)
		}
		if q.Links.Exercise == "" || q.Links.Chapter == "" {
			t.Errorf("question %s: links want a chapter and an exercise: %+v", q.ID, q.Links)
		}
	}
}

func TestGet(t *testing.T) {
	c := load(t)
	if _, err := c.Get("nothing"); !errors.Is(err, interview.ErrUnknown) {
		t.Errorf("Get(nothing) = %v, want ErrUnknown", err)
	}
	if _, err := c.Score("nothing", interview.Answer{}); !errors.Is(err, interview.ErrUnknown) {
		t.Errorf("Score of nothing = %v, want ErrUnknown", err)
	}
	if says, ok := c.Explain("retry-budget"); !ok || says == "" {
		t.Errorf("Explain(retry-budget) = %q, %v", says, ok)
	}
}

func TestPhases(t *testing.T) {
	q, err := load(t).Get("scale-checkout")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at      time.Duration
		phase   int
		left    time.Duration
		changed bool
	}{
		{-time.Second, 0, 7 * time.Minute, false},
		{0, 0, 7 * time.Minute, false},
		{7 * time.Minute, 1, 8 * time.Minute, false},
		{21*time.Minute + 30*time.Second, 2, 5*time.Minute + 30*time.Second, false},
		{22 * time.Minute, 2, 5 * time.Minute, true},
		{44 * time.Minute, 4, time.Minute, true},
		{45 * time.Minute, 5, 0, true},
	} {
		phase, left := q.PhaseAt(c.at)
		if phase != c.phase || left != c.left || q.Changed(c.at) != c.changed {
			t.Errorf("at %v: phase %d with %v left, changed %v; want %d, %v, %v", c.at, phase, left, q.Changed(c.at), c.phase, c.left, c.changed)
		}
	}
}

// What a question wants can be said: each wanted concept is heard in a model
// answer of some question that wants it.
func TestConceptsAreReachable(t *testing.T) {
	c := load(t)
	reached, wanted := map[string]bool{}, map[string]string{}
	for _, q := range c.List(interview.Filter{}) {
		for _, n := range q.Needs {
			wanted[n.Concept] = q.ID
		}
		for _, text := range []string{q.Model.Sentence, q.Model.Minute, q.Model.Full} {
			for _, p := range score(t, c, q.ID, text).Parts {
				for _, it := range p.Items {
					if it.Grade != interview.Missing && it.Grade != interview.Denied {
						reached[it.Concept] = true
					}
				}
			}
		}
	}
	for concept, q := range wanted {
		if !reached[concept] {
			t.Errorf("concept %s, wanted by %s, is heard in no model answer", concept, q)
		}
	}
}
