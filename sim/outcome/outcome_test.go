package outcome_test

import (
	"encoding/json"
	"strings"
	"testing"

	"workbench/sim/outcome"
)

func TestWords(t *testing.T) {
	cases := []struct {
		outcome outcome.Outcome
		word    string
		good    bool
	}{
		{outcome.OK, "ok", true},
		{outcome.Stale, "stale", true},
		{outcome.Limited, "limited", false},
		{outcome.Shed, "shed", false},
		{outcome.Open, "open", false},
		{outcome.Late, "late", false},
		{outcome.Failed, "failed", false},
	}
	if len(cases) != outcome.Count {
		t.Fatalf("Count = %d, want %d", outcome.Count, len(cases))
	}
	for i, c := range cases {
		if int(c.outcome) != i || c.outcome.String() != c.word || c.outcome.Good() != c.good {
			t.Errorf("outcome %d: %d, %q, good %v, want %q, %v", i, c.outcome, c.outcome, c.outcome.Good(), c.word, c.good)
		}
		if got := outcome.Names()[i]; got != c.word {
			t.Errorf("Names()[%d] = %q, want %q", i, got, c.word)
		}
		if got, err := outcome.Parse(c.word); got != c.outcome || err != nil {
			t.Errorf("Parse(%q) = %v, %v, want %v", c.word, got, err, c.outcome)
		}
	}
	if got := outcome.Outcome(9).String(); got != "outcome(9)" {
		t.Errorf("String of an unknown outcome = %q, want outcome(9)", got)
	}
	if outcome.Outcome(9).Good() {
		t.Error("an unknown outcome is good")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, word := range []string{"", "OK", "ok ", "lost"} {
		_, err := outcome.Parse(word)
		if err == nil || !strings.Contains(err.Error(), "stale") {
			t.Errorf("Parse(%q): %v, want an error that lists the words", word, err)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := outcome.Parse("failed"); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("Parse allocates %v times, want 0", n)
	}
}

func TestJSON(t *testing.T) {
	data, err := json.Marshal(map[outcome.Outcome]outcome.Outcome{outcome.Shed: outcome.Late})
	if err != nil || string(data) != `{"shed":"late"}` {
		t.Errorf("Marshal = %s, %v, want {\"shed\":\"late\"}", data, err)
	}
	var back map[outcome.Outcome]outcome.Outcome
	if err := json.Unmarshal(data, &back); err != nil || back[outcome.Shed] != outcome.Late {
		t.Errorf("Unmarshal = %v, %v, want shed: late", back, err)
	}
	kept := outcome.Open
	if err := kept.UnmarshalText([]byte("gone")); err == nil || kept != outcome.Open {
		t.Errorf("UnmarshalText(gone): %v, outcome %v, want an error and open unchanged", err, kept)
	}
}
