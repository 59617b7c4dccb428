package scenario_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"workbench/lab/scenario"
)

// cutTo returns a scenario and its report as --duration leaves them.
func cutTo(t *testing.T, spec scenario.Spec, d time.Duration, r scenario.Report) (scenario.Spec, scenario.Report) {
	t.Helper()
	spec, _, err := scenario.Apply(spec, scenario.Override{Duration: d}, known())
	if err != nil {
		t.Fatal(err)
	}
	r.DurationS, r.Series = d.Seconds(), r.Series[:min(len(r.Series), int(d.Seconds()))]
	return spec, r
}

// TestACutRunDoesNotJudgeWhatItDoesNotReach: the claim about the last seconds of
// a scenario was held to the last seconds of whatever was played.
func TestACutRunDoesNotJudgeWhatItDoesNotReach(t *testing.T) {
	spec := spiked(t, `claims:
  - {text: early, metric: goodput_share, max: 0.9, to: 4s}
  - {text: spike, metric: goodput_share, max: 0.9, from: 10s, to: 15s}
  - {text: from, metric: goodput_share, max: 0.9, from: 2s}
  - {text: last, metric: goodput_share, max: 0.9, last: 5s}
  - {text: whole, metric: recovered_after_s, max: 90}
`)
	for _, c := range []struct {
		name string
		d    time.Duration
		want string
	}{
		{"before the spike", 5 * time.Second, "✓ early\n– spike\n– from\n– last\n– whole"},
		{"in the spike", 12 * time.Second, "✓ early\n– spike\n– from\n– last\n– whole"},
		{"at the spike's end", 15 * time.Second, "✓ early\n✓ spike\n– from\n– last\n– whole"},
		{"whole", 30 * time.Second, "✓ early\n✓ spike\n✓ from\n✓ last\n✓ whole"},
		{"longer", 40 * time.Second, "✓ early\n✓ spike\n✓ from\n✓ last\n✓ whole"},
	} {
		spec, r := cutTo(t, spec, c.d, run(func(int) float64 { return 80 }))
		if r.DurationS > 30 {
			r.Series = append(r.Series, scenario.Point{T: 40, Offered: 100, Good: 80})
		}
		r.Claims = scenario.Judge(spec, r)
		var got []string
		for _, v := range r.Claims {
			got = append(got, v.Mark()+" "+v.Text)
			if (v.NotJudged != "") != (v.Mark() == "–") || v.NotJudged != "" && (v.OK || !strings.Contains(v.NotJudged, "the run ends at ")) {
				t.Errorf("%s: %+v, want a reason with – alone", c.name, v)
			}
		}
		if got := strings.Join(got, "\n"); got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, c.want)
		}
		if err := r.Failed(); err != nil {
			t.Errorf("%s: Failed() = %v, want nil: what is not judged has not failed", c.name, err)
		}
	}
}

// TestTheoryIsNotJudgedByWhatItLacks: its points know no operations and no
// outcomes, which is no share of 0.
func TestTheoryIsNotJudgedByWhatItLacks(t *testing.T) {
	spec := spiked(t, `claims:
  - {text: served, metric: goodput_share, max: 0.9}
  - {text: reports, metric: "op_good_share:report", min: 0.95}
  - {text: refused, metric: shed_share, min: 0.5}
`)
	r := run(func(int) float64 { return 80 })
	r.Engine = "theory"
	for i := range r.Series {
		r.Series[i].ByOp, r.Series[i].Outcomes = nil, nil
	}
	r.Claims = scenario.Judge(spec, r)
	if judged, held := r.Judged(); judged != 1 || held != 1 || r.Failed() != nil {
		t.Errorf("%d judged, %d held, %v; want one, which holds", judged, held, r.Failed())
	}
	out, err := json.Marshal(r.Claims)
	const want = `[{"text":"served","ok":true,"value":0.8,"want":"≤ 0.9"},` +
		`{"text":"reports","ok":false,"value":0,"want":"≥ 0.95","not_judged":"engine theory has no such figure"},` +
		`{"text":"refused","ok":false,"value":0,"want":"≥ 0.5","not_judged":"engine theory has no such figure"}]`
	if err != nil || string(out) != want {
		t.Errorf("claims as JSON:\n%s\nwant:\n%s", out, want)
	}
}
