package scenario_test

import (
	"math"
	"strings"
	"testing"

	"workbench/lab/scenario"
)

// TestStoriesTellTheirNumbers holds what a story says of its traffic to the
// schedule: metastable said "half as much again" of a spike from 800 to 1,500.
func TestStoriesTellTheirNumbers(t *testing.T) {
	rate := func(s scenario.Spec, phase int) float64 { return float64(s.Traffic[phase].Shape.Rate) }
	rises := func(s scenario.Spec) float64 { return rate(s, 1) / rate(s, 0) }
	capacity := func(s scenario.Spec) float64 { return float64(s.Gate.Slots) / s.Gate.Service.Seconds() }
	const pageCalls = 8 // of a whole home page
	for _, c := range []struct {
		name, says string
		measure    func(scenario.Spec) float64
		low, high  float64
	}{
		{"metastable", "at 80 % of what its database can do", func(s scenario.Spec) float64 { return rate(s, 0) / capacity(s) }, .8, .8},
		{"metastable", "brings nearly twice as many users", rises, 1.8, 2},
		{"fail-fast-that-is-not", "Twice as many users come as the database can serve", func(s scenario.Spec) float64 { return rate(s, 1) / capacity(s) }, 2, 2},
		{"priority", "Twice as much comes as the database can do", func(s scenario.Spec) float64 { return rate(s, 1) / capacity(s) }, 2, 2},
		{"hot-key", "three fifths of what it can do", func(s scenario.Spec) float64 { return rate(s, 0) / capacity(s) }, .6, .6},
		{"hot-key", "three times its capacity arrives", func(s scenario.Spec) float64 { return rate(s, 1) / capacity(s) }, 3, 3},
		{"edge-outage", "six times what the service can do", func(s scenario.Spec) float64 { return rate(s, 1) / capacity(s) }, 6, 6},
		{"slow-by-chance", "at four tenths of its capacity", func(s scenario.Spec) float64 { return rate(s, 0) / capacity(s) }, .4, .4},
		{"slow-by-chance", "more than twice as many people come", rises, 2, 2.5},
		{"costly-refusals", "More than ten times as many people come as in the calm", rises, 10, 11},
		{"optional-work", "Nearly half as many people again come as it has whole pages for", func(s scenario.Spec) float64 { return pageCalls * rate(s, 1) / capacity(s) }, 1.4, 1.5},
		{"autoscale-ramp", "Traffic grows fivefold over forty seconds", func(s scenario.Spec) float64 { return rate(s, 2) / rate(s, 0) }, 5, 5},
		{"autoscale-ramp", "over forty seconds", func(s scenario.Spec) float64 { return s.Traffic[1].For.Seconds() }, 40, 40},
		{"spike-and-cold-start", "three times as many ask", rises, 3, 3},
		{"login-hashing", "busy for a tenth of a second", func(s scenario.Spec) float64 { return 10 * s.Gate.Service.Seconds() }, .1, .1},
		{"login-hashing", "need a tenth of that to go on", func(s scenario.Spec) float64 { return s.Gate.Service.Seconds() / .1 }, .1, .1},
		{"feed-fanout", "more than twice as many people look and write", rises, 2, 3},
	} {
		spec, err := scenario.Find(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if story := strings.Join(strings.Fields(spec.Story), " "); !strings.Contains(story, c.says) {
			t.Errorf("%s: the story does not say %q: %s", c.name, c.says, story)
		}
		if got := c.measure(spec); !(got >= c.low-1e-9 && got <= c.high+1e-9) || math.IsNaN(got) {
			t.Errorf("%s: the story says %q, and it is %.3g, want %g to %g", c.name, c.says, got, c.low, c.high)
		}
	}
}
