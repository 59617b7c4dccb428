package report_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/scenario"
	"workbench/web/report"
)

func write(t *testing.T, r scenario.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, 7, r); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	return b.String()
}

func TestReportHoldsEverythingItself(t *testing.T) {
	r := scenario.Report{
		Scenario: "metastable", Engine: "live", Seed: 3, Scale: .2, DurationS: 2, GoodputShare: .9997, Offered: 320, Sent: 400,
		Outcomes: map[string]uint64{"ok": 300, "shed": 20}, Reasons: map[string]uint64{"queue_full": 20}, LatencyMS: scenario.Latency{P50: 22, P99: 1500},
		Series:   []scenario.Point{{T: 1, Offered: 160, Good: 160, P50MS: 20, P99MS: 60}, {T: 2, Offered: 160, Good: 140, P50MS: 22, P99MS: 1500}},
		Patterns: map[string]scenario.PatternRun{"queue": {State: lab.On, Knobs: map[string]string{"length": "60"}}, "cache": {}},
		Claims:   []scenario.Verdict{{Text: "goodput stays", OK: true, Value: .9997, Want: "≥ 0.95"}, {Text: "p99 stays", Value: 1500, Want: "≤ 500"}, {Text: "reports stay", Want: "≥ 0.5", NotJudged: "nobody asked for report"}},
		Changes:  []scenario.Change{{At: time.Second, Text: "queue on"}},
	}
	got := write(t, r)
	for _, want := range []string{"metastable, run 7", "99.9 %", "1.5 s", "✓ holds", "✗ not met", "<td>reports stay (nobody asked for report)</td><td>– not judged</td><td class=\"n\">–</td>", "queue full", "length 60", "queue on", `points="382.0,`, "0:01"} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if strings.Contains(got, "<td>cache</td>") {
		t.Error("a pattern that is off is listed as in the path")
	}
	if found := regexp.MustCompile(`(?i)https?:|<script|<link|src=|url\(|@import`).FindString(got); found != "" {
		t.Errorf("the report refers to something outside: %s", found)
	}
}

func TestReportOfHostileTextIsText(t *testing.T) {
	got := write(t, scenario.Report{Scenario: `<img src=x onerror=alert(1)>`, Changes: []scenario.Change{{Text: "</pre><script>alert(1)</script>"}}})
	if strings.Contains(got, "<img") || strings.Contains(got, "<script") {
		t.Error("text of a run is taken for HTML")
	}
}

func TestEmptyRunHasAReport(t *testing.T) {
	if got := write(t, scenario.Report{}); strings.Contains(got, "NaN") || !strings.Contains(got, "the service was naked") {
		t.Error("the report of an empty run is broken")
	}
}
