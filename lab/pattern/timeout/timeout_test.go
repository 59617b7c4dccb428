package timeout_test

import (
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/timeout"
)

func TestDeadline(t *testing.T) {
	tests := []struct {
		name      string
		propagate bool
		r         lab.Request
		want      time.Duration
	}{
		{"the limit", true, lab.Request{}, 110},
		{"an impatient caller", true, lab.Request{Patience: 50}, 50},
		{"a patient caller", true, lab.Request{Patience: 500}, 110},
		{"a caller that has left", true, lab.Request{Patience: 5}, 5},
		{"not asked about callers", false, lab.Request{Patience: 50}, 110},
		{"an earlier deadline stays", true, lab.Request{Deadline: 40, Patience: 50}, 40},
		{"an earlier deadline stays without callers", false, lab.Request{Deadline: 40}, 40},
		{"a later deadline is lowered", true, lab.Request{Deadline: 400}, 110},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			core, err := timeout.New(timeout.Knobs{Limit: 100, Propagate: tt.propagate})
			if err != nil {
				t.Fatal(err)
			}
			if got := core.Deadline(10, &tt.r); got != tt.want {
				t.Errorf("Deadline(10, %+v) = %v, want %v", tt.r, got, tt.want)
			}
		})
	}
}

func FuzzDeadline(f *testing.F) {
	f.Add(int64(10), int64(100), int64(50), int64(0), true)
	f.Add(int64(0), int64(1), int64(0), int64(7), false)
	f.Fuzz(func(t *testing.T, now, limit, patience, deadline int64, propagate bool) {
		const most = int64(time.Hour)
		if now < 0 || now > most || limit < 1 || limit > most || patience < 0 || deadline < 0 {
			t.Skip()
		}
		core, err := timeout.New(timeout.Knobs{Limit: time.Duration(limit), Propagate: propagate})
		if err != nil {
			t.Fatal(err)
		}
		r := lab.Request{Patience: time.Duration(patience), Deadline: time.Duration(deadline)}
		got := core.Deadline(time.Duration(now), &r)
		switch {
		case got > time.Duration(now+limit):
			t.Errorf("Deadline(%d, %+v) = %d, want at most %d", now, r, got, now+limit)
		case deadline > 0 && got > r.Deadline:
			t.Errorf("Deadline(%d, %+v) = %d, want no later than before", now, r, got)
		case propagate && patience > 0 && got > r.Patience:
			t.Errorf("Deadline(%d, %+v) = %d, want no later than the caller's", now, r, got)
		case !propagate && deadline == 0 && got != time.Duration(now+limit):
			t.Errorf("Deadline(%d, %+v) = %d, want %d", now, r, got, now+limit)
		}
	})
}

func TestKnobsAreChecked(t *testing.T) {
	if _, err := timeout.New(timeout.Knobs{}); err == nil || !strings.Contains(err.Error(), "knob limit") {
		t.Errorf("New(limit 0s) = %v, want an error that names knob limit", err)
	}
}

func callers(seed uint64) []patterntest.Arrival {
	trace := patterntest.Poisson(seed, 600, 500, 60*time.Millisecond)
	for i := range trace {
		switch i % 4 {
		case 1:
			trace[i].Request.Patience = trace[i].At + 30*time.Millisecond
		case 2:
			trace[i].Request.Patience = max(1, trace[i].At-time.Millisecond)
		}
	}
	return trace
}

func TestConformance(t *testing.T) { patterntest.Run(t, timeout.Pattern(), callers(3)) }

func TestTwin(t *testing.T) {
	trace := callers(5)
	late := 0
	for i, r := range patterntest.Twin(t, timeout.Pattern(), map[string]any{"limit": "100ms"}, trace) {
		due := trace[i].At + 100*time.Millisecond
		if p := trace[i].Request.Patience; p > 0 {
			due = min(due, max(p, trace[i].At))
		}
		if r.At > due {
			t.Errorf("request %d answered at %v, want by %v", i+1, r.At, due)
		}
		if r.Response.Reason == timeout.ReasonTimeout {
			late++
		}
	}
	if late < 100 || late > 500 {
		t.Errorf("%d of %d timed out, want between 100 and 500", late, len(trace))
	}
}
