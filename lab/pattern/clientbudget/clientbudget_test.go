package clientbudget_test

import (
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/clientbudget"
	"workbench/sim/load"
)

func TestApply(t *testing.T) {
	c := load.Client{Timeout: time.Second, Retries: 3, Backoff: time.Second, Jitter: true}
	want := c
	want.Budget = 0.25
	clientbudget.Knobs{Share: 0.25}.Apply(&c)
	if c != want {
		t.Errorf("Apply = %+v, want %+v", c, want)
	}
}

func TestPattern(t *testing.T) {
	p := clientbudget.Pattern()
	if p.Name != "client-budget" || p.Side != lab.Client || p.New != nil || p.NewStage != nil || len(p.Line) > 80 {
		t.Errorf("Pattern = %+v, want client-budget on the client's side without a handler", p)
	}
}

func TestSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		share any
		ok    bool
	}{
		"a tenth":      {0.1, true},
		"text":         {"0.5", true},
		"none":         {0, false},
		"below none":   {-1, false},
		"not a number": {"NaN", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := clientbudget.Pattern().Settings(map[string]any{"share": tt.share})
			if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "knob share") {
				t.Errorf("Settings(share=%v) = %v, want accepted %v, else an error that names knob share", tt.share, err, tt.ok)
			}
		})
	}
}
