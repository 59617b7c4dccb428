package scenario_test

import (
	"errors"
	"strings"
	"testing"

	"workbench/lab/scenario"
)

// alerted is a scenario with one incident, from 100 s to 160 s, and a blip at 40 s.
func alerted(t *testing.T, kind string) scenario.Spec {
	t.Helper()
	s, err := scenario.Parse("x.yaml", []byte(small+`  - {name: after, for: 200s, rate: 100}
alert: {kind: `+kind+`}
faults:
  - {name: error, at: 40s, for: 2s, share: 0.5}
  - {name: error, at: 100s, for: 60s, share: 0.4}
`))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// failing is 200 s in which 100 users come each second, and bad(second) of them
// get an error.
func failing(bad func(second int) uint64) scenario.Report {
	r := scenario.Report{DurationS: 200}
	for s := 1; s <= 200; s++ {
		r.Series = append(r.Series, scenario.Point{T: float64(s), Offered: 100, Good: float64(100 - bad(s)), Outcomes: map[string]uint64{"ok": 90 - bad(s), "stale": 10, "failed": bad(s)}})
	}
	return r
}

// The threshold wakes somebody for the blip and finds the incident at once; the
// burn rate sleeps through the one and takes longer for the other.
func TestAlertMetrics(t *testing.T) {
	both := failing(func(s int) uint64 {
		switch {
		case s > 40 && s <= 42:
			return 50
		case s > 100 && s <= 160:
			return 40
		}
		return 0
	})
	quiet := failing(func(int) uint64 { return 0 })
	blip := failing(func(s int) uint64 { return map[bool]uint64{true: 50}[s > 40 && s <= 42] })
	for _, c := range []struct {
		name, kind, metric string
		report             scenario.Report
		want               float64
	}{
		{"a page for the blip", "threshold", "wrong_pages", both, 1},
		{"none for it", "burn-rate", "wrong_pages", both, 0},
		{"found at once", "threshold", "detected_after_s", both, 2},
		{"found when it matters", "burn-rate", "detected_after_s", both, 15},
		{"missed", "threshold", "wrong_pages", quiet, 1},
		{"missed, and a page for the blip", "threshold", "wrong_pages", blip, 2},
		{"missed by the burn rate", "burn-rate", "wrong_pages", blip, 1},
		{"never found", "burn-rate", "detected_after_s", quiet, 200},
	} {
		if got, err := scenario.Measure(c.metric, alerted(t, c.kind), c.report); err != nil || got != c.want {
			t.Errorf("%s: %s = %v, %v; want %v", c.name, c.metric, got, err, c.want)
		}
	}
	// What the report says of the alert goes before the scenario.
	both.Alert = alerted(t, "burn-rate").Alert.Values()
	if got, err := scenario.Measure("wrong_pages", alerted(t, "threshold"), both); err != nil || got != 0 {
		t.Errorf("wrong_pages of a report with another alert = %v, %v; want 0", got, err)
	}
	if _, err := scenario.Measure("wrong_pages", spiked(t, ""), quiet); !errors.Is(err, scenario.ErrNoData) {
		t.Errorf("wrong_pages without an alert = %v, want ErrNoData", err)
	}
}

func TestAlertIsSetByFlags(t *testing.T) {
	change := func(spec scenario.Spec, flags ...string) (scenario.Spec, error) {
		o, err := scenario.ParseFlags(flags)
		if err != nil {
			t.Fatal(err)
		}
		spec, _, err = scenario.Apply(spec, o, everything())
		return spec, err
	}
	got, err := change(alerted(t, "threshold"), "--set=alert.kind=burn-rate", "--set=alert.objective=0.95")
	if err != nil || got.Alert.Kind != "burn-rate" || got.Alert.Objective != .95 {
		t.Errorf("alert %+v, %v; want it set", got.Alert, err)
	}
	for _, c := range []struct {
		spec scenario.Spec
		flag string
		want string
	}{
		{alerted(t, "threshold"), "--set=alert.kind=telepathy", "alert: knob kind"},
		{alerted(t, "threshold"), "--set=alert.volume=11", "volume"},
		{alerted(t, "threshold"), "--on=alert", "want its settings"},
		{spiked(t, ""), "--set=alert.kind=burn-rate", "has none to set"},
	} {
		if _, err := change(c.spec, c.flag); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", c.flag, err, c.want)
		}
	}
}

func TestAlertFaults(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{"an unknown kind", "alert: {kind: telepathy}", "alert.kind"},
		{"an objective of all", "alert: {objective: 1}", "alert.objective"},
		{"a metric without an alert", "claims:\n  - {text: x, metric: wrong_pages, max: 0}", "an alert in the scenario"},
		{"nothing to find", "alert: {kind: threshold}\nclaims:\n  - {text: x, metric: detected_after_s, max: 0}", "something to find"},
	} {
		s, err := scenario.Parse("x.yaml", []byte(small+c.yaml+"\n"))
		if err == nil {
			err = s.Validate(everything())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", c.name, err, c.want)
		}
	}
}

// A claim about one kind of alert is not judged under the other.
func TestClaimsDependOnTheAlert(t *testing.T) {
	spec := alerted(t, "burn-rate")
	zero := 0.
	for kind := range map[string]bool{"threshold": true, "burn-rate": true} {
		spec.Claims = append(spec.Claims, scenario.Claim{Text: kind, Metric: "wrong_pages", Min: &zero, Knobs: map[string]string{"alert.kind": kind}})
	}
	if got := scenario.Judge(spec, failing(func(int) uint64 { return 0 })); len(got) != 1 || got[0].Text != "burn-rate" {
		t.Errorf("judged %+v, want the claim about the burn rate alone", got)
	}
}
