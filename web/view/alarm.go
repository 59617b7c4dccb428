package view

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"workbench/exercises/progress"
	"workbench/lab/incident"
	"workbench/lab/live"
	"workbench/lab/series"
	"workbench/sim/stat"
)

// Alarm is both alerts as they stand, and whom they woke.
type Alarm struct {
	Threshold, Burn  Lamp
	Spent            Cell
	Objective, Share string // percent
	Rules            []Fact
	Pages            []PageLine
	Shape            string
}

// Lamp is one alert's.
type Lamp struct {
	ID, Title string
	State     string // "on" or "off"
	Text      string
}

// PageLine is one time that somebody was woken.
type PageLine struct{ Kind, Rule, From, For string }

// AlarmOf makes the page.
func AlarmOf(a live.Alarm) Alarm {
	v := Alarm{Objective: number(a.Config.Objective * 100), Share: number(a.Config.Share * 100)}
	t, b := a.State.Threshold, a.State.Burn
	v.Threshold = lamp("lt", "Threshold", t.On, fmt.Sprintf("%s of the last %v failed; it rings from %s on", stat.Percent(t.Value, 1), a.Config.Over, stat.Percent(t.Bound, 1)))
	v.Burn = lamp("lb", "Burn rate", b.On, fmt.Sprintf("rule “%s”: the budget burns %.1f times as fast as it may; it rings from %.1f on", b.Rule, b.Value, b.Bound))
	v.Spent = Cell{"spent", "of the errors that the objective allows so far", fmt.Sprintf("%.0f %%", 100*a.State.Spent)}
	for _, r := range a.Config.Rules {
		v.Rules = append(v.Rules, Fact{r.Name, fmt.Sprintf("over %v and over %v, each at least %v times", r.Long, r.Short, r.Burn)})
	}
	for _, p := range slices.Backward(a.Pages) {
		l := PageLine{Kind: string(p.Kind), Rule: p.Rule, From: ago(a.Now - p.From), For: "still rings"}
		if p.To > 0 {
			l.For = "for " + (p.To - p.From).Round(time.Second).String()
		}
		v.Pages = append(v.Pages, l)
	}
	v.Shape = strconv.Itoa(len(a.Pages))
	return v
}

func lamp(id, title string, on bool, text string) Lamp {
	l := Lamp{ID: id, Title: title, State: "off", Text: text}
	if on {
		l.State = "on"
	}
	return l
}

// Figures returns what changes on the page, by name.
func (v Alarm) Figures() map[string]string {
	out := map[string]string{v.Spent.ID: v.Spent.Text}
	for _, l := range []Lamp{v.Threshold, v.Burn} {
		out[l.ID+"@data-lamp"] = l.State
		out[l.ID+"w"] = l.State
		out[l.ID+"t"] = l.Text
	}
	return out
}

// Bomb is the page of the metric with too many values.
type Bomb struct {
	On, Guard bool
	Limit     string
	Facts     []Cell
	Line      string // points of a polyline
	HeapLine  string
	Most      string // of the curve, in words
}

// BombOf makes the page.
func BombOf(set series.Settings, points []series.Point) Bomb {
	v := Bomb{On: set.On, Guard: set.Guard, Limit: strconv.Itoa(set.Limit)}
	var last series.Point
	most, heap := 1, uint64(1)
	for _, p := range points {
		most, heap = max(most, p.Series), max(heap, p.Heap)
	}
	if n := len(points); n > 0 {
		last = points[n-1]
		for i, p := range points {
			x := 600 * float64(i) / max(1, float64(n-1))
			v.Line += fmt.Sprintf("%.0f,%.1f ", x, 100-95*float64(p.Series)/float64(most))
			v.HeapLine += fmt.Sprintf("%.0f,%.1f ", x, 100-95*float64(p.Heap)/float64(heap))
		}
		v.Most = fmt.Sprintf("%d s; at the top %d series and %.1f MB of heap", n, most, float64(heap)/1e6)
	}
	v.Facts = []Cell{
		{"n", "series", strconv.Itoa(last.Series)}, {"b", "bytes of one scrape", thousands(last.Bytes)}, {"t", "to make it", millis(last.Took)},
		{"h", "heap of the whole process", fmt.Sprintf("%.1f MB", float64(last.Heap)/1e6)}, {"o", "requests under other", strconv.FormatUint(last.Other, 10)},
	}
	if len(points) == 0 { // nothing is measured while it is off
		for i := range v.Facts {
			v.Facts[i].Text = "–"
		}
		v.Most = "nothing is measured while it is off"
	}
	return v
}

// Figures returns what changes on the page, by name.
func (v Bomb) Figures() map[string]string {
	out := map[string]string{"line@points": v.Line, "heap@points": v.HeapLine, "most": v.Most}
	for _, c := range v.Facts {
		out[c.ID] = c.Text
	}
	return out
}

func thousands(n int) string { return rounded(float64(n)) }

// Incident is the rehearsal.
type Incident struct {
	Started, Running, Seen bool
	Elapsed, Left          string
	Said                   string // about the last thing that was done
	Tries                  string
	Named, Mended          bool
	Causes, Fixes          []Option
	Result                 *IncidentResult
	Past                   []IncidentLine
	False, Wrong           int
}

// IncidentResult is how a rehearsal went.
type IncidentResult struct {
	Title, Fix, Clue, Verdict string // Fix and Clue are empty where nothing had gone wrong yet
	Times                     []Fact
}

// IncidentLine is one past rehearsal.
type IncidentLine struct{ At, Cause, Result, Detect, Diagnose, Mitigate string }

// IncidentOf makes the page. said is what the last form led to.
func IncidentOf(i incident.View, said string, past []progress.Incident) Incident {
	v := Incident{Started: i.Running || i.Result != nil, Running: i.Running, Seen: i.Seen, Named: i.Named, Mended: i.Mended, False: i.False, Wrong: i.Wrong,
		Elapsed: clock(i.Elapsed), Left: clock(i.Left), Said: said, Tries: strconv.Itoa(i.Tries)}
	for _, c := range incident.Causes() {
		v.Causes = append(v.Causes, Option{Value: c.Name, Text: c.Title})
	}
	for _, f := range incident.Fixes() {
		v.Fixes = append(v.Fixes, Option{Value: f.Name, Text: f.Title})
	}
	if r := i.Result; r != nil {
		v.Result = resultOf(*r)
	}
	for _, p := range past {
		l := IncidentLine{At: p.At.Format("2006-01-02 15:04"), Cause: p.Cause.Title, Result: "not solved", Detect: spent(p.Detect), Diagnose: spent(p.Diagnose), Mitigate: spent(p.Mitigate)}
		switch {
		case p.Solved:
			l.Result = "solved"
		case p.Early:
			l.Cause, l.Result = "nothing: it had not begun yet", "ended early"
		}
		v.Past = append(v.Past, l)
	}
	return v
}

func resultOf(r incident.Result) *IncidentResult {
	if r.Early {
		return &IncidentResult{Verdict: earlyVerdict(r), Title: "It had not begun yet", Times: []Fact{
			{"it ended", clock(r.Ended) + " after the start"}, {"false alarms", strconv.Itoa(r.False)}, {"wrong answers", strconv.Itoa(r.Wrong)},
		}}
	}
	out := &IncidentResult{Title: r.Cause.Title, Clue: r.Cause.Clue, Verdict: "Not solved."}
	switch {
	case r.Solved:
		out.Verdict = "Solved."
	case r.Abandoned:
		out.Verdict = "Given up."
	}
	for _, f := range incident.Fixes() {
		if f.Name == r.Cause.Fix {
			out.Fix = f.Title
		}
	}
	out.Times = []Fact{
		{"it began", clock(r.Strike) + " after the start"}, {"time to detect", spent(r.Detect)}, {"time to diagnose", spent(r.Diagnose)}, {"time to mitigate", spent(r.Mitigate)},
		{"false alarms", strconv.Itoa(r.False)}, {"wrong answers", strconv.Itoa(r.Wrong)},
	}
	return out
}

func earlyVerdict(r incident.Result) string {
	if r.Abandoned {
		return "Given up."
	}
	return "Out of answers."
}

func spent(d time.Duration) string {
	if d <= 0 {
		return "not reached"
	}
	return d.Round(time.Second).String()
}

func clock(d time.Duration) string {
	s := int(max(0, d).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
