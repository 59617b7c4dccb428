package trial_test

import (
	"testing"
	"time"

	"workbench/lab/trial"
)

func TestNumbersAreWrittenShort(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{trial.Number(1755.4, "×"), "1,755 ×"},
		{trial.Number(0.0123, "s"), "0.0123 s"},
		{trial.Number(12.345, "%"), "12.3 %"},
		{trial.Number(0, ""), "0"},
		{trial.Number(-1234567, ""), "-1,234,567"},
		{trial.Number(99.99, ""), "100.0"},
		{trial.Count(1000), "1,000"},
		{trial.Took(13_200), "13.2 µs"},
		{trial.Took(23 * time.Millisecond), "23 ms"},
		{trial.Took(1500 * time.Millisecond), "1.50 s"},
		{trial.Took(7), "7 ns"},
		{trial.Share(1, 4), "25 %"},
		{trial.Share(1, 0), "0 %"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestClaims(t *testing.T) {
	for _, c := range []struct {
		name string
		got  trial.Claim
		want trial.Claim
	}{
		{"enough", trial.AtLeast("times faster", 500, 500, "×"), trial.Claim{Text: "times faster: at least 500 ×", OK: true, Got: "500 ×"}},
		{"too few", trial.AtLeast("times faster", 499, 500, "×"), trial.Claim{Text: "times faster: at least 500 ×", Got: "499 ×"}},
		{"few enough", trial.AtMost("queries", 2, 2, ""), trial.Claim{Text: "queries: at most 2", OK: true, Got: "2"}},
		{"too many", trial.AtMost("queries", 51, 2, ""), trial.Claim{Text: "queries: at most 2", Got: "51"}},
		{"as many", trial.Exactly("lost", 0, 0), trial.Claim{Text: "lost: 0", OK: true, Got: "0"}},
		{"timed", trial.OnThisMachine(trial.Exactly("lost", 1, 0)), trial.Claim{Text: "lost: 0", Got: "1", Timed: true}},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, c.got, c.want)
		}
	}
}
