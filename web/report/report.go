// Package report writes a run as one HTML file that needs nothing else: no
// script, no network, its charts as SVG and its figures as JSON inside.
package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"workbench/lab"
	"workbench/lab/scenario"
	"workbench/web/view"
)

//go:embed report.css
var style string

//go:embed report.html
var source string

// Policy returns the content policy under which the file is shown in full: its
// one style sheet, by digest, and nothing else.
func Policy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// file is what the template shows.
type file struct {
	ID, Policy     string
	Style          template.CSS
	R              scenario.Report
	Good, P50, P99 string
	Level          string
	Charts         []chart
	Outcomes       []figure
	Reasons        []figure
	Patterns       []pattern
	Claims         []claim
	Changes        []figure
	Points         []point
	Data           string
}

type figure struct{ Name, Value, Share string }
type pattern struct{ Name, State, Knobs, Counters string }
type claim struct{ Mark, Text, Value, Want string }
type point struct{ T, Offered, Good, P50, P99, Queue, Busy string }

// Write writes run id's report.
func Write(w io.Writer, id uint64, r scenario.Report) error {
	page, err := template.New("report").Parse(source)
	if err != nil {
		return fmt.Errorf("parse the report's template: %w", err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	f := file{
		ID: strconv.FormatUint(id, 10), Policy: Policy(), Style: template.CSS(style), R: r, Data: string(data), // #nosec: the style is ours
		Good: view.Percent(r.GoodputShare), Level: view.Level(r.GoodputShare), P50: view.Millis(r.LatencyMS.P50), P99: view.Millis(r.LatencyMS.P99),
		Charts: charts(r), Outcomes: counts(r.Outcomes, r.Offered), Reasons: counts(r.Reasons, r.Offered),
	}
	for _, name := range slices.Sorted(maps.Keys(r.Patterns)) {
		p := r.Patterns[name]
		if p.State == lab.Off {
			continue
		}
		f.Patterns = append(f.Patterns, pattern{name, p.State.String(), pairs(p.Knobs), pairs(p.Counters)})
	}
	for _, c := range r.Claims {
		f.Claims = append(f.Claims, claimOf(c))
	}
	for i, c := range r.Changes {
		f.Changes = append(f.Changes, figure{strconv.Itoa(i + 1), c.Text, view.Clock(c.At)})
	}
	for _, p := range r.Series {
		f.Points = append(f.Points, point{
			strconv.FormatFloat(p.T, 'f', 0, 64), view.Rate(p.Offered), view.Rate(p.Good), view.Millis(p.P50MS), view.Millis(p.P99MS), view.Rate(p.Queue), view.Percent(p.Saturation),
		})
	}
	return page.Execute(w, f)
}

// claimOf shows a verdict. One that was not judged has no value.
func claimOf(v scenario.Verdict) claim {
	switch {
	case v.NotJudged != "":
		return claim{v.Mark() + " not judged", v.Text + " (" + v.NotJudged + ")", "–", v.Want}
	case v.OK:
		return claim{v.Mark() + " holds", v.Text, strconv.FormatFloat(v.Value, 'g', 4, 64), v.Want}
	}
	return claim{v.Mark() + " not met", v.Text, strconv.FormatFloat(v.Value, 'g', 4, 64), v.Want}
}

// counts lists counts with their share of all, the most frequent first.
func counts(of map[string]uint64, all uint64) []figure {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		if of[a] != of[b] {
			return int(min(max(int64(of[b])-int64(of[a]), -1), 1)) // counts are far below 2^63
		}
		return strings.Compare(a, b)
	})
	var out []figure
	for _, name := range names {
		share := "–"
		if all > 0 {
			share = view.Percent(float64(of[name]) / float64(all))
		}
		out = append(out, figure{view.Words(name), strconv.FormatUint(of[name], 10), share})
	}
	return out
}

func pairs[V any](of map[string]V) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s %v", view.Words(name), of[name]))
	}
	return strings.Join(parts, ", ")
}
