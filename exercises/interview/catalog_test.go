package interview_test

import (
	"sync"
	"testing"

	"workbench/exercises/interview"
)

// once loads the catalogue, which is read only, for all tests.
var once = sync.OnceValues(interview.Load)

func load(t testing.TB) *interview.Catalog {
	t.Helper()
	c, err := once()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func score(t testing.TB, c *interview.Catalog, id, text string) interview.Result {
	t.Helper()
	r, err := c.Score(id, interview.Answer{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The full model answer of each question is a very good one in its own mode,
// and the sentence alone is worth less.
func TestModelAnswers(t *testing.T) {
	c := load(t)
	for _, q := range c.List(interview.Filter{}) {
		full, minute, sentence := score(t, c, q.ID, q.Model.Full), score(t, c, q.ID, q.Model.Minute), score(t, c, q.ID, q.Model.Sentence)
		t.Logf("%-24s full %3d minute %3d sentence %3d", q.ID, full.Total, minute.Total, sentence.Total)
		if full.Total < 80 {
			t.Errorf("%s: the full model answer scores %d, want at least 80: %s", q.ID, full.Total, explain(full))
		}
		if sentence.Total >= full.Total {
			t.Errorf("%s: the sentence scores %d, the full answer %d", q.ID, sentence.Total, full.Total)
		}
	}
}

func explain(r interview.Result) string {
	out := ""
	for _, p := range r.Parts {
		out += "\n  " + string(p.Dimension)
		for _, it := range p.Items {
			if it.Grade == interview.Missing || it.Grade == interview.Denied {
				out += " " + string(it.Grade) + ":" + it.Concept
			}
		}
		out += " = " + ftoa(p.Points)
	}
	for _, f := range r.Faults {
		out += "\n  fault " + f.ID + ": " + r.Sentences[f.Span.Sentence]
	}
	for _, c := range r.Ceilings {
		out += "\n  ceiling " + c.Reason
	}
	return out
}
