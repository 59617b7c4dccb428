package view_test

import (
	"errors"
	"testing"

	"workbench/exercises/progress"
	"workbench/web/view"
)

func TestUnreadOf(t *testing.T) {
	row := func(table string) progress.RowError {
		return progress.RowError{Table: table, Row: "7", Column: "c", Why: errors.New("torn")}
	}
	for _, c := range []struct {
		tables    []string
		text, are string
	}{
		{nil, "", "are"},
		{[]string{"run"}, "1 run cannot be read", "is"},
		{[]string{"incident", "run", "run"}, "1 rehearsal, 2 runs cannot be read", "are"},
		{[]string{"trial", "trial"}, "2 results of trials cannot be read", "are"},
	} {
		var rows []progress.RowError
		for _, table := range c.tables {
			rows = append(rows, row(table))
		}
		v := view.UnreadOf(rows)
		if v.Text != c.text || v.Are != c.are || len(v.Rows) != len(rows) {
			t.Errorf("UnreadOf(%v) = %+v, want %q, %s", c.tables, v, c.text, c.are)
		}
		if len(v.Rows) > 0 && v.Rows[0] != "table "+c.tables[0]+", row 7, column c: torn" {
			t.Errorf("the row reads %q", v.Rows[0])
		}
	}
}
