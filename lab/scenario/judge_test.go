package scenario_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/scenario"
)

// spiked is small with its spike from 10 s to 15 s and 15 s after it.
func spiked(t *testing.T, more string) scenario.Spec {
	t.Helper()
	s, err := scenario.Parse("x.yaml", []byte(small+"  - {name: after, for: 15s, rate: 100}\n"+more))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run is 30 s in which 100 users come each second and good(second) of them are
// served; seconds count from 1.
func run(good func(second int) float64) scenario.Report {
	r := scenario.Report{DurationS: 30, Patterns: map[string]scenario.PatternRun{}, LatencyMS: scenario.Latency{P50: 7, P99: 77}}
	for s := 1; s <= 30; s++ {
		g := good(s)
		p := scenario.Point{
			T: float64(s), Offered: 100, Tries: 300, Good: g, Calls: 50, Queue: float64(s), HitShare: 0.5, VictimGood: g / 80,
			Instances: float64(1 + s/10), Busiest: float64(2 * s), Sessions: 2,
			Outcomes: map[string]uint64{"ok": uint64(g), "shed": 10, "limited": 20, "open": 30, "late": 5, "failed": 4, "stale": 3},
			ByOp:     map[string]float64{"report": g / 100},
		}
		if g > 0 {
			p.P50MS, p.P99MS = float64(s), float64(10*s)
		}
		r.Series = append(r.Series, p)
	}
	return r
}

func TestMetrics(t *testing.T) {
	all := run(func(int) float64 { return 80 })
	none := run(func(int) float64 { return 0 })
	late := run(func(s int) float64 { return map[bool]float64{true: 100, false: 20}[s <= 10 || s > 21] })
	tests := []struct {
		name, metric string
		window       scenario.Window
		report       scenario.Report
		want         float64
	}{
		{"goodput", "goodput_share", scenario.Window{}, all, 0.8},
		{"goodput is at most all", "goodput_share", scenario.Window{}, run(func(int) float64 { return 120 }), 1},
		{"goodput of the last seconds", "goodput_share", scenario.Window{Last: 5 * time.Second}, late, 1},
		{"goodput between instants", "goodput_share", scenario.Window{From: 10 * time.Second, To: 15 * time.Second}, late, 0.2},
		{"goodput to the end", "goodput_share", scenario.Window{From: 20 * time.Second}, late, 0.92},
		{"offered", "offered_rate", scenario.Window{}, all, 100},
		{"good", "good_rate", scenario.Window{}, all, 80},
		{"median of the run", "p50_ms", scenario.Window{}, all, 7},
		{"tail of the run", "p99_ms", scenario.Window{}, all, 77},
		{"median of a window", "p50_ms", scenario.Window{Last: 3 * time.Second}, all, 29},
		{"tail of a window", "p99_ms", scenario.Window{Last: 3 * time.Second}, all, 290},
		{"tail when nobody is served", "p99_ms", scenario.Window{Last: 3 * time.Second}, none, 3000},
		{"worst second", "max_p99_ms", scenario.Window{To: 12 * time.Second}, all, 120},
		{"worst second when nobody is served", "max_p99_ms", scenario.Window{}, none, 30000},
		{"shed", "shed_share", scenario.Window{}, all, 0.1},
		{"limited", "limited_share", scenario.Window{}, all, 0.2},
		{"open", "open_share", scenario.Window{}, all, 0.3},
		{"late", "late_share", scenario.Window{}, all, 0.05},
		{"failed", "failed_share", scenario.Window{}, all, 0.04},
		{"stale", "stale_share", scenario.Window{}, all, 0.03},
		{"hits", "hit_share", scenario.Window{}, all, 0.5},
		{"hits without answers", "hit_share", scenario.Window{}, none, 0},
		{"calls a second", "calls_rate", scenario.Window{}, all, 50},
		{"calls a user", "calls_share", scenario.Window{}, all, 0.5},
		{"tries a user", "tries_ratio", scenario.Window{}, all, 3},
		{"victims", "victim_good_share", scenario.Window{}, run(func(int) float64 { return 40 }), 0.5},
		{"queue", "queue_max", scenario.Window{To: 20 * time.Second}, all, 20},
		{"fullest instance", "busiest_max", scenario.Window{To: 20 * time.Second}, all, 40},
		{"fullest instance, mean", "busiest_mean", scenario.Window{}, all, 31},
		{"most instances", "instances_max", scenario.Window{}, all, 4},
		{"instances", "instances_mean", scenario.Window{To: 20 * time.Second}, all, (9 + 20 + 3) / 20.},
		{"sessions lost", "sessions_lost_share", scenario.Window{}, all, 0.02},
		{"operation", "op_good_share:report", scenario.Window{}, all, 0.8},
		{"an event", "event_share:cache.hit", scenario.Window{}, counting(all), 0.25},
		{"an event that never happened", "event_share:cache.miss", scenario.Window{}, counting(all), 0},
		{"never unwell", "recovered_after_s", scenario.Window{}, run(func(int) float64 { return 99 }), 0},
		{"well after 6 s", "recovered_after_s", scenario.Window{}, late, 6},
		{"well, then not, then well", "recovered_after_s", scenario.Window{}, run(func(s int) float64 { return map[bool]float64{true: 50, false: 100}[s == 16 || s == 23] }), 8},
		{"never well", "recovered_after_s", scenario.Window{}, run(func(s int) float64 { return 50 }), 30},
		{"not well at the end", "recovered_after_s", scenario.Window{}, run(func(s int) float64 { return map[bool]float64{true: 50, false: 100}[s == 30] }), 30},
	}
	seen := map[string]bool{"wrong_pages": true, "detected_after_s": true} // TestAlertMetrics has them
	for _, tt := range tests {
		name, _, _ := strings.Cut(tt.metric, ":")
		seen[name] = true
		t.Run(tt.name, func(t *testing.T) {
			got, err := scenario.MeasureIn(tt.window, tt.metric, spiked(t, ""), tt.report)
			if err != nil || math.Abs(got-tt.want) > 1e-9 {
				t.Errorf("MeasureIn(%+v, %s) = %v, %v, want %v", tt.window, tt.metric, got, err, tt.want)
			}
		})
	}
	for _, m := range scenario.Metrics() {
		if !seen[m.Name] {
			t.Errorf("metric %s has no case", m.Name)
		}
	}
}

// counting returns a report with a pattern that has hit once for four users.
func counting(r scenario.Report) scenario.Report {
	r.Offered = 80
	r.Patterns = map[string]scenario.PatternRun{"cache": {Counters: map[string]uint64{"hit": 20}}, "paper": {}}
	return r
}

func TestMeasureSaysWhyNot(t *testing.T) {
	spec := spiked(t, "")
	full, empty := run(func(int) float64 { return 80 }), run(func(int) float64 { return 0 })
	for i := range empty.Series {
		empty.Series[i].Offered = 0
		empty.Series[i].ByOp = nil
	}
	calm := spec
	calm.Traffic = calm.Traffic[:1]
	tests := []struct {
		name, metric string
		window       scenario.Window
		spec         scenario.Spec
		report       scenario.Report
		noData       bool
		want         string
	}{
		{"unknown", "p99", scenario.Window{}, spec, full, false, `metric "p99": unknown, want p99_ms`},
		{"operation left out", "op_good_share", scenario.Window{}, spec, full, false, "unknown"},
		{"operation where none is taken", "p99_ms:report", scenario.Window{}, spec, full, false, "unknown"},
		{"empty report", "p99_ms", scenario.Window{}, spec, scenario.Report{}, true, "between 0s and 0s"},
		{"nobody came", "goodput_share", scenario.Window{}, spec, empty, true, "nobody came"},
		{"nobody asked for it", "op_good_share:report", scenario.Window{}, spec, empty, true, "nobody asked for report"},
		{"an event of a pattern that is not there", "event_share:shed.shed", scenario.Window{}, spec, full, true, "no pattern shed"},
		{"an event that nobody counts", "event_share:paper.hit", scenario.Window{}, spec, counting(full), true, "does not count what pattern paper does"},
		{"nothing to recover from", "recovered_after_s", scenario.Window{}, calm, full, true, "neither a phase named spike nor a fault"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := scenario.MeasureIn(tt.window, tt.metric, tt.spec, tt.report)
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, scenario.ErrNoData) != tt.noData {
				t.Errorf("MeasureIn(%s) error = %v, want one with %q, ErrNoData: %v", tt.metric, err, tt.want, tt.noData)
			}
		})
	}
}

func TestRecoveryCountsFromTheLastDisturbance(t *testing.T) {
	spec := spiked(t, "faults: [{name: slow, at: 14s, for: 4s, factor: 2}]\n")
	got, err := scenario.Measure("recovered_after_s", spec, run(func(s int) float64 { return map[bool]float64{true: 0, false: 100}[s <= 20] }))
	if err != nil || got != 2 {
		t.Errorf("recovered_after_s = %v, %v, want 2: the fault ends at 18 s and the service is well from 20 s on", got, err)
	}
}

func TestJudge(t *testing.T) {
	spec := spiked(t, `claims:
  - {text: always, metric: goodput_share, min: 0.5, max: 0.9}
  - {text: fails, metric: goodput_share, max: 0.5}
  - {text: queue on, metric: goodput_share, min: 0.5, when: {queue: on}}
  - {text: queue off, metric: goodput_share, min: 0.5, when: {queue: off}}
  - {text: lifo, metric: goodput_share, min: 0.5, knobs: {queue.order: lifo}}
  - {text: nobody asks, metric: "op_good_share:other", min: 0.5}
  - {text: late window, metric: goodput_share, min: 0.5, from: 29s}
`)
	verdicts := func(r scenario.Report) string {
		var out []string
		for _, v := range scenario.Judge(spec, r) {
			mark := map[string]string{"✓": "ok ", "✗": "no ", "–": "– "}[v.Mark()]
			if v.NotJudged != "" {
				mark += v.NotJudged + ": "
			}
			out = append(out, mark+v.Text)
		}
		return strings.Join(out, "\n")
	}
	const unasked = "– nobody asked for other: nobody asks"
	const cut = "– the run ends at 20 s, before the scenario's own end at 30 s, to which the claim looks: "
	r := run(func(int) float64 { return 80 })
	set := func(s lab.State, order string) scenario.Report {
		r := r
		r.Patterns = map[string]scenario.PatternRun{"queue": {State: s, Knobs: map[string]string{"order": order}}}
		return r
	}
	short := r
	short.DurationS, short.Series = 20, r.Series[:20]
	tests := []struct {
		name   string
		report scenario.Report
		want   []string
	}{
		{"nothing on", r, []string{"ok always", "no fails", "ok queue off", unasked, "ok late window"}},
		{"queue on", set(lab.On, "fifo"), []string{"ok always", "no fails", "ok queue on", unasked, "ok late window"}},
		{"a learner's queue counts as on", set(lab.Yours, "fifo"), []string{"ok always", "no fails", "ok queue on", unasked, "ok late window"}},
		{"a shadow counts as off", set(lab.Shadow, "lifo"), []string{"ok always", "no fails", "ok queue off", "ok lifo", unasked, "ok late window"}},
		{"ended before the window", short, []string{cut + "always", cut + "fails", cut + "queue off", cut + "nobody asks", cut + "late window"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, want := verdicts(tt.report), strings.Join(tt.want, "\n"); got != want {
				t.Errorf("Judge:\n%s\nwant:\n%s", got, want)
			}
		})
	}
	got := scenario.Judge(spec, r)
	if got[0].Value != 0.8 || got[0].Want != "0.5 to 0.9" || got[1].Want != "≤ 0.5" || got[2].Want != "≥ 0.5" {
		t.Errorf("Judge = %+v, want value 0.8 against 0.5 to 0.9, then ≤ 0.5 and ≥ 0.5", got)
	}
	r.Claims = got
	if err := r.Failed(); !errors.Is(err, scenario.ErrClaims) || err.Error() != "a claim failed: 1 of 4" {
		t.Errorf("Failed() = %v, want 1 of 4", err)
	}
	r.Claims = got[:1]
	if err := r.Failed(); err != nil {
		t.Errorf("Failed() = %v with every claim held, want nil", err)
	}
}

func TestWonAndAnswer(t *testing.T) {
	spec := spiked(t, `ablation: {metric: goodput_share, last: 5s, min: 0.95, with: [--on=queue]}
predict:
  question: how much?
  metric: goodput_share
  unit: share
  from: 10s
  to: 15s
  options: [{text: all, min: 0.9}, {text: half, min: 0.4, max: 0.6}]
`)
	back := run(func(s int) float64 { return map[bool]float64{true: 50, false: 100}[s <= 25] })
	if won, value, err := scenario.Won(spec, back); !won || value != 1 || err != nil {
		t.Errorf("Won = %v, %v, %v, want true, 1", won, value, err)
	}
	if won, value, err := scenario.Won(spec, run(func(int) float64 { return 50 })); won || value != 0.5 || err != nil {
		t.Errorf("Won = %v, %v, %v, want false, 0.5", won, value, err)
	}
	if _, _, err := scenario.Won(spec, scenario.Report{}); !errors.Is(err, scenario.ErrNoData) {
		t.Errorf("Won of an empty report = %v, want ErrNoData", err)
	}
	if choice, value, err := spec.Predict.Answer(spec, back); choice != 1 || value != 0.5 || err != nil {
		t.Errorf("Answer = %v, %v, %v, want option 1 by 0.5", choice, value, err)
	}
	if choice, _, err := spec.Predict.Answer(spec, run(func(int) float64 { return 70 })); choice != -1 || err != nil {
		t.Errorf("Answer = %v, %v, want -1: no option holds", choice, err)
	}
}
