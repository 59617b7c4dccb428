package view

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"workbench/lab/journal"
	"workbench/lab/trace"
)

// Traces is the list of kept traces.
type Traces struct {
	Items    []TraceLine
	Tabs     []Tab
	Counts   []Fact
	On, Tail bool
	Share    string // percent
	SlowMS   string
	Filter   string // what else the list is limited to; empty: nothing
	Orders   bool   // some are about orders, or were looked for
	Order    string // the order with this number; empty: all
}

// Tab is one of several lists of a page.
type Tab struct {
	Title, Path string
	Here        bool
}

// Fact is a name and what stands for it.
type Fact struct{ Name, Value string }

// TraceLine is one trace in a list.
type TraceLine struct {
	ID, Path, Name, Outcome, Reason, Why, Took, Ago, Spans string
	User                                                   string // what the user got; empty: it is not known
	Level                                                  string // "ok", "warn" or "bad"
}

// TracesOf makes the list.
func TracesOf(all []trace.Trace, c trace.Counts, set trace.Settings, q trace.Query, show string, now time.Time) Traces {
	v := Traces{Order: q.About, Orders: q.About != "", On: set.On, Tail: set.Tail, Share: number(set.Share * 100), SlowMS: number(float64(set.Slow) / 1e6)}
	if show == "" {
		show = "latest"
	}
	keep := url.Values{}
	for name, value := range map[string]string{"op": q.Op, "instance": q.Where, "order": q.About} {
		if value != "" {
			keep.Set(name, value)
			v.Filter += name + " " + value + " "
		}
	}
	for _, t := range []string{"latest", "slowest", "failed"} {
		keep.Set("show", t)
		v.Tabs = append(v.Tabs, Tab{Title: t, Path: "/traces?" + keep.Encode(), Here: t == show})
	}
	for _, t := range all {
		v.Items = append(v.Items, traceLine(t, now))
		v.Orders = v.Orders || slices.ContainsFunc(t.Spans, func(s trace.Span) bool { return s.Attr(trace.KeyOrder) != "" })
	}
	for _, f := range []struct {
		name string
		n    uint64
	}{
		{"ended", c.Ended}, {"kept", c.Kept}, {"dropped by the rules", c.Dropped}, {"pushed out by newer", c.Pushed},
		{"spans cut", c.Cut}, {"spans of too many at once", c.Overflow},
		{"spans of other processes", c.Away}, {"spans lost there", c.Lost}, {"spans there of no kept trace", c.Stray}, {"parts that did not come", c.Missing}, {"held now", uint64(c.Held)},
	} {
		v.Counts = append(v.Counts, Fact{f.name, strconv.FormatUint(f.n, 10)})
	}
	return v
}

func traceLine(t trace.Trace, now time.Time) TraceLine {
	l := TraceLine{
		ID: t.ID.String(), Path: "/traces/" + t.ID.String(), Name: t.Name, Outcome: t.Outcome, User: t.User, Reason: t.Reason, Why: string(t.Why),
		Took: millis(t.Took), Ago: ago(now.Sub(t.Start)), Spans: strconv.Itoa(len(t.Spans)), Level: "ok",
	}
	switch t.Why {
	case trace.Failed:
		l.Level = "bad"
	case trace.Slow:
		l.Level = "warn"
	}
	return l
}

// SlowestOf makes the short list for the lab.
func SlowestOf(all []trace.Trace, now time.Time) []TraceLine {
	var out []TraceLine
	for _, t := range all {
		out = append(out, traceLine(t, now))
	}
	return out
}

func millis(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	case d < 10*time.Second:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func ago(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.0f s ago", max(0, d.Seconds()))
	}
	return fmt.Sprintf("%.0f min ago", d.Minutes())
}

// Trace is one trace as a waterfall.
type Trace struct {
	Line    TraceLine
	At      string
	Rows    []Fall
	Ticks   []Tick
	Cut     string // how many spans are missing; empty: none
	Missing string // what other processes did not send; empty: nothing
	Widest  string // where most of the time went, in a sentence
	Linked  []string
	Lines   []LogLine
	Logs    string // address of its lines
}

// Fall is one row of a waterfall. X and Width are thousandths of the whole.
type Fall struct {
	Name, Where, Kind, Start, Took, Did string
	Indent                              string // a class
	X, Width                            string
	Failed                              bool
	Links                               []string // ids of the traces that caused it
}

// Tick is one mark of the waterfall's time.
type Tick struct{ X, Text string }

// maxIndent is how many steps of indentation there are.
const maxIndent = 8

// TraceOf draws a trace.
func TraceOf(t trace.Trace, linked []trace.ID, lines []journal.Line) Trace {
	v := Trace{Line: traceLine(t, t.Start), At: t.Start.Format("15:04:05.000"), Logs: "/logs?trace=" + t.ID.String()}
	whole := max(t.Took, time.Microsecond)
	rows := t.Rows()
	for _, r := range rows {
		f := Fall{
			Name: r.Name, Where: r.Where, Kind: r.Kind, Start: "+" + millis(r.Start.Sub(t.Start)), Took: millis(r.Took()),
			Did: didOf(r.Span), Indent: "d" + strconv.Itoa(min(r.Depth, maxIndent)), Failed: r.Failed,
			X:     fmt.Sprintf("%.1f", 1000*float64(r.Start.Sub(t.Start))/float64(whole)),
			Width: fmt.Sprintf("%.1f", max(3, 1000*float64(r.Took())/float64(whole))),
		}
		for _, l := range r.Links {
			f.Links = append(f.Links, l.Trace.String())
		}
		v.Rows = append(v.Rows, f)
	}
	for i := range 5 {
		v.Ticks = append(v.Ticks, Tick{strconv.Itoa(i * 250), millis(whole * time.Duration(i) / 4)})
	}
	if t.Cut > 0 {
		v.Cut = fmt.Sprintf("%d further spans were not kept: there were too many.", t.Cut)
	}
	if t.Missing > 0 {
		v.Missing = fmt.Sprintf("Parts that did not come: %d. An instance in a process of its own measured them, and ended before its report or had more spans than room.", t.Missing)
	}
	v.Widest = widest(rows, whole)
	for _, id := range linked {
		v.Linked = append(v.Linked, id.String())
	}
	for _, l := range lines {
		v.Lines = append(v.Lines, LineOf(l))
	}
	return v
}

// widest names the span that took the most time of its own: what it took less
// what stands below it.
func widest(rows []trace.Row, whole time.Duration) string {
	best, own := -1, time.Duration(0)
	for i, r := range rows {
		left := r.Took()
		for _, below := range rows[i+1:] {
			if below.Depth <= r.Depth {
				break
			}
			if below.Depth == r.Depth+1 {
				left -= below.Took()
			}
		}
		if left > own {
			best, own = i, left
		}
	}
	if best < 0 {
		return ""
	}
	r := rows[best]
	return fmt.Sprintf("Most of the time of its own went to “%s” (%s): %s of %s.", r.Name, r.Where, millis(own), millis(whole))
}

// didOf says what a span tells of itself.
func didOf(s trace.Span) string {
	text := ""
	add := func(word string) {
		if word == "" {
			return
		}
		if text != "" {
			text += ", "
		}
		text += word
	}
	add(s.Attr("did"))
	add(s.Attr("outcome"))
	add(s.Attr("reason"))
	if n := s.Attr("calls"); n != "" && n != "0" && n != "1" {
		add(n + " tries")
	}
	if n := s.Attr("try"); n != "" {
		add("try " + n)
	}
	if i := s.Attr("instance"); i != "" {
		add("to " + i)
	}
	if o := s.Attr(trace.KeyOrder); o != "" {
		add("order " + o)
	}
	if u := s.Attr("user"); u != "" {
		add("user " + u)
	}
	if u := s.Attr("outcome_for_user"); u != "" {
		add(u + " for the user")
	}
	if p := s.Attr("process"); p != "" && p != s.Where {
		add("from " + p)
	}
	add(s.Attr("clock"))
	add(s.Attr("error"))
	add(s.Attr("statement"))
	return text
}
