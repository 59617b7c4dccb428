package clientbackoff_test

import (
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/clientbackoff"
	"workbench/sim/load"
)

func TestApply(t *testing.T) {
	c := load.Client{Timeout: time.Second, Retries: 3, Budget: 0.2, Backoff: time.Hour, BackoffCap: time.Hour}
	clientbackoff.Knobs{Base: 50 * time.Millisecond, Cap: time.Second, Jitter: true}.Apply(&c)
	want := load.Client{
		Timeout: time.Second, Retries: 3, Budget: 0.2,
		Backoff: 50 * time.Millisecond, BackoffCap: time.Second, Jitter: true,
	}
	if c != want {
		t.Errorf("Apply = %+v, want %+v", c, want)
	}
}

func TestPattern(t *testing.T) {
	p := clientbackoff.Pattern()
	if p.Name != "client-backoff" || p.Side != lab.Client || p.New != nil || p.NewStage != nil || len(p.Line) > 80 {
		t.Errorf("Pattern = %+v, want client-backoff on the client's side without a handler", p)
	}
}

func TestSettings(t *testing.T) {
	tests := []struct {
		name    string
		changes map[string]any
		wrong   string // the knob that the error names; empty: accepted
	}{
		{"defaults", nil, ""},
		{"all", map[string]any{"base": "20ms", "cap": "5s", "jitter": false, "retry_after": "false"}, ""},
		{"base over cap", map[string]any{"base": "3s"}, "knob base"},
		{"no wait", map[string]any{"base": "0s"}, "knob base"},
		{"not a duration", map[string]any{"cap": 7}, "knob cap"},
		{"not a switch", map[string]any{"jitter": "sometimes"}, "knob jitter"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := clientbackoff.Pattern().Settings(tt.changes)
			if (err != nil) != (tt.wrong != "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("Settings(%v) = %v, want an error that names %q", tt.changes, err, tt.wrong)
			}
		})
	}
}
