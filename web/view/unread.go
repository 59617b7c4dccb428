package view

import (
	"strings"

	"workbench/exercises/progress"
)

// Unread is what of the learner's file cannot be read.
type Unread struct {
	Text string   // "1 run cannot be read"; empty: all can be
	Are  string   // "is" or "are"
	Rows []string // where each lies, and what is wrong
}

// UnreadOf counts rows by what they are.
func UnreadOf(rows []progress.RowError) Unread {
	var v Unread
	names := map[string]string{"incident": "rehearsal", "trial": "result of a trial"}
	counted := map[string]int{}
	var order []string
	for _, r := range rows {
		v.Rows = append(v.Rows, r.Error())
		name := r.Table
		if other, ok := names[name]; ok {
			name = other
		}
		if counted[name] == 0 {
			order = append(order, name)
		}
		counted[name]++
	}
	var parts []string
	for _, name := range order {
		words := times(counted[name], name)
		if name == names["trial"] {
			words = strings.Replace(words, "result of a trials", "results of trials", 1)
		}
		parts = append(parts, words)
	}
	if v.Are = "are"; len(rows) == 1 {
		v.Are = "is"
	}
	if len(parts) > 0 {
		v.Text = strings.Join(parts, ", ") + " cannot be read"
	}
	return v
}
