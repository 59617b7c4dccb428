package view

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"workbench/lab/journal"
	"workbench/lab/trace"
	"workbench/sim/outcome"
)

// Logs is the log with its filters.
type Logs struct {
	Lines    []LogLine
	Trace    string
	Orders   bool   // some lines are about orders, or were looked for
	Order    string // the order with this number; empty: all
	Levels   []Option
	Outcomes []Option
	Places   []Option
	Modes    []Option
	Share    string
	Counts   []Fact
	Stream   string // address of the live tail
}

// LogLine is one line as text. Its JSON is what the live tail sends.
type LogLine struct {
	Time     string `json:"time"`
	Level    string `json:"level"`
	Text     string `json:"text"`
	Trace    string `json:"trace"`
	Instance string `json:"instance"`
	What     string `json:"what"`
	Took     string `json:"took"`
}

// LineOf makes one line.
func LineOf(l journal.Line) LogLine {
	v := LogLine{Time: l.At.Format("15:04:05.000"), Level: strings.ToLower(l.Level.String()), Text: l.Text, Trace: l.Trace, Instance: l.Instance}
	var words []string
	for _, w := range []string{l.Op, l.Outcome, l.Reason} {
		if w != "" {
			words = append(words, w)
		}
	}
	if l.User != "" {
		words = append(words, "user "+l.User)
	}
	for _, a := range l.Attrs {
		if a.Key == "try" && a.Value == "0" {
			continue
		}
		words = append(words, a.Key+"="+a.Value)
	}
	v.What = strings.Join(words, " · ")
	if l.Took > 0 {
		v.Took = millis(l.Took)
	}
	return v
}

// Got adds what the user got, where that is not what the service said.
func (l *LogLine) Got(outcome, user string) {
	if user != "" && user != outcome {
		l.What += " · the user got: " + user
	}
}

// LogsOf makes the page. level is the filter's word.
func LogsOf(lines []journal.Line, c journal.Counts, set journal.Settings, q journal.Query, level string, instances []string) Logs {
	v := Logs{Trace: q.Trace, Order: q.Order, Orders: q.Order != "", Share: number(set.Share * 100)}
	for _, l := range lines {
		v.Orders = v.Orders || slices.ContainsFunc(l.Attrs, func(a journal.Attr) bool { return a.Key == trace.KeyOrder })
		v.Lines = append(v.Lines, LineOf(l))
	}
	v.Levels = choices(level, "", "info", "warn", "error")
	names := outcome.Names()
	v.Outcomes = choices(q.Outcome, append([]string{""}, names[:]...)...)
	v.Places = choices(q.Instance, append([]string{""}, instances...)...)
	titles := map[journal.Mode]string{journal.All: "every request", journal.Sampled: "a share of them", journal.Errors: "only those not served", journal.Off: "none"}
	for _, m := range journal.Modes() {
		v.Modes = append(v.Modes, Option{Value: string(m), Text: titles[m], Chosen: m == set.Mode})
	}
	v.Counts = []Fact{
		{"written", strconv.FormatUint(c.Written, 10)}, {"left out by the setting", strconv.FormatUint(c.Skipped, 10)},
		{"pushed out by newer", strconv.FormatUint(c.Pushed, 10)}, {"missed by slow readers", strconv.FormatUint(c.Missed, 10)},
		{"of other processes", strconv.FormatUint(c.Carried, 10)}, {"lost there", strconv.FormatUint(c.Lost, 10)},
		{"held", strconv.Itoa(c.Held) + " of " + strconv.Itoa(c.Size)},
	}
	v.Stream = "/api/logs/stream?" + logParams(q, level)
	return v
}

func logParams(q journal.Query, level string) string {
	var out []string
	for _, p := range [][2]string{{"trace", q.Trace}, {"instance", q.Instance}, {"outcome", q.Outcome}, {"order", q.Order}, {"level", level}} {
		if p[1] != "" {
			out = append(out, p[0]+"="+url.QueryEscape(p[1]))
		}
	}
	return strings.Join(out, "&")
}

func choices(chosen string, all ...string) []Option {
	var out []Option
	for _, one := range all {
		text := one
		if one == "" {
			text = "any"
		}
		out = append(out, Option{Value: one, Text: text, Chosen: one == chosen})
	}
	return out
}
