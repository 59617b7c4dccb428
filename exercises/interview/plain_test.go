package interview_test

import (
	"strings"
	"testing"

	"workbench/exercises/interview"
)

// An answer that is put absolutely is held low, whatever its terms; one that
// speaks of the same absolutes as mistakes, or names a cost beside them, is not.
func TestAbsolutes(t *testing.T) {
	c := load(t)
	for _, one := range []struct {
		name, text string
		low        bool
	}{
		{"sure of everything", "Retries are always safe and cost nothing, so I retry immediately with backoff and jitter until it works. A retry budget is automatically kept by the library, so overload is impossible.", true},
		{"against absolutes", "It is a mistake to think that retries are always safe and cost nothing. With three tries an overloaded service gets four times the load, so I keep a budget of ten percent and back off with jitter.", false},
		{"one manner of speaking", "Of course a budget of ten percent caps retries. Back off with jitter, but that only spreads the load. Retry at one layer, otherwise three layers make twenty-seven calls.", false},
	} {
		r := score(t, c, "retries-worse", one.text)
		held := false
		for _, top := range r.Ceilings {
			held = held || strings.Contains(top.Reason, "put absolutely")
		}
		if held != one.low || one.low && r.Total > 40 {
			t.Errorf("%s: total %d, held low %v, want %v", one.name, r.Total, held, one.low)
		}
	}
}

// Sentences that no concept has heard count when they explain something of the
// question, and show which they are; the same number of idle ones does not.
func TestPlainWords(t *testing.T) {
	c := load(t)
	own := func(text string) (points float64, spans int) {
		for _, p := range score(t, c, "own-write-missing", text).Parts {
			for _, it := range p.Items {
				if strings.HasPrefix(it.Says, "Explains in words of its own") {
					points += it.Points
					if p.Dimension == interview.Depth {
						spans = len(it.Spans)
					}
				}
			}
		}
		return points, spans
	}
	points, spans := own("It was saved on the main database but the page came from somewhere that did not have it yet. After a few seconds it is right because the change has arrived there by then. " +
		"If everybody went to the main database it would be right at once, but then the others are there for nothing. For ten seconds after he saves the profile I would show this user what the main one says. " +
		"Otherwise the name that he typed could be shown from the answer of the save, so the page need not ask. When the others are more than five seconds late they should not be asked for a profile.")
	if points < 3 || spans < 3 {
		t.Errorf("plain words get %.1f points for %d sentences, want at least 3 for 3", points, spans)
	}
	for name, text := range map[string]string{
		"another subject": strings.Repeat("I like to work with people, because it is fun when a team of five gets along. ", 1) + "If somebody is ill the others help, so nothing is late. We meet at nine, but on Fridays at ten, since many travel. A good coffee costs three euros, though it is worth it.",
		"a row of terms":  "Replica lag, read your writes, primary, sticky sessions, LSN, quorum, synchronous replication, consistency, causal tokens, cache invalidation, monotonic reads.",
	} {
		if points, _ := own(text); points > 0 {
			t.Errorf("%s gets %.1f points for words of its own, want none", name, points)
		}
	}
}
