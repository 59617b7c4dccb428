package interview_test

import (
	"strings"
	"testing"
)

// What is told the wrong way round is heard in each question that wants one of the
// concepts, unless it is only supposed, called a danger, or turned against.
func TestSharedTurns(t *testing.T) {
	c := load(t)
	for _, x := range []struct {
		name, question, text string
		charged              bool
	}{
		{"in one question", "never-recovers", "The clients should retry immediately and be stubborn about it.", true},
		{"in another", "graceful-deploys", "The clients should retry immediately and be stubborn about it.", true},
		{"where the concept is not wanted", "index-choice", "The clients should retry immediately and be stubborn about it.", false},
		{"only supposed", "never-recovers", "If the clients retry immediately they come back as more load.", false},
		{"called a danger", "never-recovers", "It is dangerous that the clients retry immediately.", false},
		{"turned against", "never-recovers", "The clients retry immediately, but they ought to back off.", false},
	} {
		got := false
		for _, name := range names(score(t, c, x.question, x.text).Faults) {
			got = got || strings.HasPrefix(name, "retry-amplification/turn-")
		}
		if got != x.charged {
			t.Errorf("%s: %q is charged: %v, want %v", x.name, x.text, got, x.charged)
		}
	}
}

// A short pattern that good answers to other questions may hold as well counts
// beside another mistake only.
func TestBeside(t *testing.T) {
	c := load(t)
	short, other := "Ten million phones are served when a single server sends them.", " Start again from the top of the list when it crashes, then restart."
	alone, beside := names(score(t, c, "ten-million-push", short).Faults), names(score(t, c, "ten-million-push", short+other).Faults)
	if len(alone) > 0 || len(beside) != 2 {
		t.Errorf("alone %v, beside another %v, want none and two", alone, beside)
	}
}
