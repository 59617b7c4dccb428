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
// the right ones is charged with a mistake. The turns by concept were written by
// somebody who had read last-60s; eighth-all and ninth-60s are younger than all
// turns, and ninth-60s made the short claims of 7-claims count beside others only.
func TestTurnedRoundUntuned(t *testing.T) {
	for set, least := range map[string]float64{"last-60s": 1, "eighth-all": 0.95, "ninth-60s": 1} {
		t.Run(set, func(t *testing.T) { told(t, set, 50, 1, least) })
	}
}

// Answers to questions of all modes in other voices: nearly all of the wrong ones
// are told, no right one is charged, and most of those keep their points.
func TestTurnedRoundOfAllModes(t *testing.T) {
	for _, set := range []string{"sixth-all", "seventh-all"} {
		t.Run(set, func(t *testing.T) { told(t, set, 60, 0.75, 1) })
	}
}

// told checks that of a set's wrong answers at least a share stays low, that no right
// one is charged, and that a share of those gets at least some points.
func told(t *testing.T, set string, points int, kept, low float64) {
	t.Helper()
	c := load(t)
	n, all := map[string]float64{}, map[string]float64{}
	for _, a := range readSet(t, set) {
		r := score(t, c, a.Question, a.Text)
		t.Logf("%-7s %3d %s %v", a.Kind, r.Total, a.Question, names(r.Faults))
		all[a.Kind]++
		if a.Kind == "wrong" && r.Total <= ceiling(a.Kind) || a.Kind != "wrong" && r.Total >= points {
			n[a.Kind]++
		}
		if a.Kind != "wrong" && len(r.Faults) > 0 {
			t.Errorf("right answer to %s is charged with %v", a.Question, names(r.Faults))
		}
	}
	for kind, want := range map[string]float64{"wrong": low, "strong": kept} {
		t.Logf("%.0f of %.0f %s", n[kind], all[kind], kind)
		if n[kind] < want*all[kind] {
			t.Errorf("%.0f of %.0f %s answers are told, want %.0f %%", n[kind], all[kind], kind, 100*want)
		}
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
