package interview_test

import (
	"slices"
	"testing"

	"workbench/exercises/interview"
)

// Answers that are fluent, full of figures and wrong (two things swapped, a
// direction turned, a wrong cause) stay at 40 or below; right ones in plain words,
// with what others say quoted and denied, keep their points and are charged with
// nothing. The answers of unseen-60s were held back from tuning.
func TestTurnedRound(t *testing.T) {
	c := load(t)
	for _, set := range []string{"turned-60s", "unseen-60s", "blind-60s"} {
		t.Run(set, func(t *testing.T) {
			low, all := 0, 0
			for _, a := range readSet(t, set) {
				r := score(t, c, a.Question, a.Text)
				if a.Kind == "wrong" {
					all++
					if r.Total <= ceiling(a.Kind) {
						low++
						continue
					}
					t.Errorf("wrong to %s scores %d, want at most %d:%s", a.Question, r.Total, ceiling(a.Kind), explain(r))
					continue
				}
				if r.Total < 60 || len(r.Faults) > 0 {
					t.Errorf("right answer to %s scores %d with the mistakes %v, want at least 60 and none:%s", a.Question, r.Total, names(r.Faults), explain(r))
				}
			}
			t.Logf("%d of %d wrong answers at 40 or below", low, all)
		})
	}
}

// Of answers that were never tuned to, most of the wrong ones are told, and none of
// the right ones is charged with a mistake.
func TestTurnedRoundUntuned(t *testing.T) {
	c := load(t)
	low, all := 0, 0
	for _, a := range readSet(t, "last-60s") {
		r := score(t, c, a.Question, a.Text)
		t.Logf("%-7s %3d %s %v", a.Kind, r.Total, a.Question, names(r.Faults))
		if a.Kind != "wrong" {
			if len(r.Faults) > 0 || r.Total < 50 {
				t.Errorf("right answer to %s scores %d with the mistakes %v, want at least 50 and none", a.Question, r.Total, names(r.Faults))
			}
			continue
		}
		all++
		if r.Total <= ceiling(a.Kind) {
			low++
		}
	}
	t.Logf("%d of %d wrong answers at 40 or below", low, all)
	if 2*low < all {
		t.Errorf("%d of %d wrong answers stay at 40 or below, want at least half", low, all)
	}
}

// What a good answer says is no mistake: neither one of the kept answers of people
// nor a model answer is charged with one.
func TestGoodAnswersAreNotCharged(t *testing.T) {
	c := load(t)
	for _, set := range sets() {
		for _, a := range readSet(t, set) {
			if r := score(t, c, a.Question, a.Text); a.Kind == "strong" && len(r.Faults) > 0 {
				t.Errorf("%s: a strong answer to %s is charged with %v: %q", set, a.Question, names(r.Faults), r.Sentences[r.Faults[0].Span.Sentence])
			}
		}
	}
}

// Which of two things a property belongs to, and which way a thing goes, decides.
func TestTurns(t *testing.T) {
	c := load(t)
	for _, x := range []struct {
		name, question, text string
		turned               bool
	}{
		{"a pair", "status-for-refusal", "429 says that this client used up its quota, and 503 says that the server is overloaded.", false},
		{"a pair swapped", "status-for-refusal", "503 says that this client used up its quota, and 429 says that the server is overloaded.", true},
		{"the property first", "status-for-refusal", "When a client is over its quota it gets a 429.", false},
		{"compared with", "status-for-refusal", "Over the quota it is a 429 rather than a 503.", false},
		{"others say so", "status-for-refusal", "Some say that 503 is for the quota.", false},
		{"called wrong afterwards", "status-for-refusal", "503 is for a client over its quota. That's wrong, because it is about the server.", false},
		{"a direction", "backlog-math", "The backlog grows by 3 a second.", false},
		{"a direction turned", "backlog-math", "The backlog shrinks by 3 a second.", true},
		{"a direction denied", "backlog-math", "The backlog does not grow by 3 a second.", true},
		{"the turned one denied", "backlog-math", "The backlog does not shrink by 3 a second.", false},
		{"asked", "backlog-math", "Does the backlog shrink by 3 a second?", false},
		{"more often right", "backlog-math", "The backlog grows by 3 a second. The queue gets longer each hour. Later the backlog shrinks by 3 a second.", false},
	} {
		r := score(t, c, x.question, x.text)
		got := slices.ContainsFunc(r.Ceilings, func(top interview.Ceiling) bool {
			return top.Reason == "It has the heart of the question the wrong way round; an interviewer would hear little else."
		})
		if got != x.turned {
			t.Errorf("%s: %q is the wrong way round: %v, want %v (%v)", x.name, x.text, got, x.turned, names(r.Faults))
		}
	}
}
