package journal_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/journal"
)

// TestLinesOfAnotherProcess reach the journal once each, with the instance's
// name, and what had no room is counted.
func TestLinesOfAnotherProcess(t *testing.T) {
	there, here := open(t, 100, journal.Settings{Mode: journal.Off}), open(t, 1000, journal.Settings{Mode: journal.Off})
	log, box := slog.New(there.Handler(nil)), journal.Outbox{Journal: there}
	carry := func() {
		lines, lost := box.Take()
		text, err := json.Marshal(lines)
		if err != nil {
			t.Fatal(err)
		}
		var came []journal.Line
		if err := json.Unmarshal(text, &came); err != nil {
			t.Fatal(err)
		}
		here.Carry("p1", time.Hour, came, lost)
	}
	log.Warn("redis does not answer", "instance", "a", "error", "dial redis://u:hunter2@h/", "trace", "t1")
	carry()
	carry()
	got := here.List(journal.Query{})
	if len(got) != 1 || got[0].Text != "redis does not answer" || got[0].Instance != "p1" || got[0].Trace != "t1" || got[0].Level != slog.LevelWarn {
		t.Fatalf("lines %+v, want one warning of p1 in trace t1", got)
	}
	if ahead := there.List(journal.Query{})[0].At.Sub(got[0].At); ahead != time.Hour {
		t.Errorf("the line is %v from the one there, want the hour that its clock is ahead", ahead)
	}
	for i := range 130 {
		log.Info(fmt.Sprint("line ", i))
	}
	carry()
	if c := here.Counts(); c.Written != 101 || c.Carried != 101 || c.Lost != 30 {
		t.Errorf("counts %+v, want 101 carried and the 30 lost that the ring pushed out", c)
	}
	if got := here.List(journal.Query{Limit: 1})[0].Text; got != "line 129" {
		t.Errorf("the last line is %q, want line 129", got)
	}
}

func TestCarriedLinesAreBounded(t *testing.T) {
	there := open(t, 2000, journal.Settings{Mode: journal.Off})
	log, box := slog.New(there.Handler(nil)), journal.Outbox{Journal: there}
	for range 1000 {
		log.Info(strings.Repeat("\x01", 5000), "a", strings.Repeat("<", 5000))
	}
	lines, lost := box.Take()
	text, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) == 0 || len(text) > journal.MaxCarriedBytes+len(lines)+2 || lost != uint64(1000-len(lines)) {
		t.Errorf("%d lines of %d bytes, %d lost; want at most %d bytes, and 1000 together", len(lines), len(text), lost, journal.MaxCarriedBytes)
	}
	for range 1000 {
		log.Info("short")
	}
	if lines, lost := box.Take(); len(lines) != journal.MaxCarried || lost != 1000-journal.MaxCarried {
		t.Errorf("%d lines, %d lost; want %d, and the rest lost", len(lines), lost, journal.MaxCarried)
	}
	here := open(t, 2000, journal.Settings{Mode: journal.Off})
	many := make([]journal.Line, journal.MaxCarried+3)
	many[0] = journal.Line{Text: "token=abcdefgh", User: strings.Repeat("ü", 900), Attrs: []journal.Attr{{Key: "password", Value: "hunter2"}}}
	here.Carry("p1", 0, many, 1)
	if c := here.Counts(); c.Carried != journal.MaxCarried || c.Lost != 4 {
		t.Errorf("counts %+v, want %d carried and 4 lost", c, journal.MaxCarried)
	}
	all := here.List(journal.Query{Limit: 2000})
	if first := fmt.Sprint(all[len(all)-1]); strings.Contains(first, "hunter2") || strings.Contains(first, "abcdefgh") || len(first) > 1200 {
		t.Errorf("the line is %s, want it short and without secrets", first)
	}
}

// TestAnswersOfAnotherProcess are lines with their trace, at the time of the
// answer.
func TestAnswersOfAnotherProcess(t *testing.T) {
	j := open(t, 10, journal.Settings{Mode: journal.All})
	away := journal.Away{Instance: "p1", Trace: "0123", Ago: time.Hour}
	j.Answered(away, []string{"read"}, &lab.Request{ID: 1, User: 9}, lab.Refuse(lab.Shed, "queue_full", 0), time.Second)
	j.Answered(journal.Away{Instance: "p1"}, []string{"read"}, &lab.Request{ID: 2, Op: 7}, lab.Response{}, time.Second)
	lines := j.List(journal.Query{})
	if len(lines) != 2 || lines[0].Op != "?" || lines[0].Trace != "" || lines[1].Trace != "0123" || lines[1].Reason != "queue_full" || lines[1].Instance != "p1" {
		t.Fatalf("lines %+v, want both", lines)
	}
	if ago := lines[0].At.Sub(lines[1].At); ago < time.Hour || ago > time.Hour+time.Minute {
		t.Errorf("the lines are %v apart, want the hour since the first answer", ago)
	}
	if err := j.Set(journal.Settings{Mode: journal.Off}); err != nil {
		t.Fatal(err)
	}
	j.Answered(away, nil, &lab.Request{}, lab.Response{}, 0)
	if c := j.Counts(); c.Written != 2 || c.Skipped != 0 {
		t.Errorf("counts %+v, want 2 written and none looked at when off", c)
	}
}
