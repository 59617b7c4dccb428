package interview_test

import (
	"testing"

	"workbench/exercises/interview"
)

// No model answer says anything that is taken for a mistake.
func TestModelAnswersAreRight(t *testing.T) {
	c := load(t)
	for _, q := range c.List(interview.Filter{}) {
		for _, text := range []string{q.Model.Sentence, q.Model.Minute, q.Model.Full} {
			r := score(t, c, q.ID, text)
			for _, f := range r.Faults {
				t.Errorf("%s: %s (%q) is found in %q", q.ID, f.ID, text[f.Span.Start:f.Span.End], r.Sentences[f.Span.Sentence])
			}
		}
	}
}
