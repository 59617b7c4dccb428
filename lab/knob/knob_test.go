package knob_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/lab/knob"
)

type settings struct {
	Rate  float64       `knob:"rate" unit:"req/s" min:"0.1" max:"1000" scale:"yes" help:"requests a second"`
	Slots int           `knob:"slots" min:"0" max:"100" scale:"yes" help:"places"`
	Wait  time.Duration `knob:"wait" min:"0s" max:"10s" help:"longest wait"`
	Order string        `knob:"order" options:"fifo,lifo" help:"who is next"`
	Drop  bool          `knob:"drop" help:"drop what is late"`
	inner int
}

func (s *settings) Validate() error {
	if s.Order == "lifo" && s.Wait == 0 {
		return errors.New("knob order: lifo needs a wait above 0s")
	}
	return nil
}

func defaults() *settings {
	return &settings{Rate: 100, Slots: 20, Wait: time.Second, Order: "fifo", inner: 7}
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes map[string]any
		want    settings
	}{
		{"nothing", nil, *defaults()},
		{"text", map[string]any{"rate": "12.5", "slots": "3", "wait": "50ms", "order": "lifo", "drop": "true"}, settings{12.5, 3, 50 * time.Millisecond, "lifo", true, 7}},
		{"JSON numbers", map[string]any{"rate": 7.0, "slots": 9.0, "drop": true}, settings{7, 9, time.Second, "fifo", true, 7}},
		{"YAML values", map[string]any{"rate": 7, "slots": 9, "wait": "0s"}, settings{7, 9, 0, "fifo", false, 7}},
		{"the limits themselves", map[string]any{"rate": 1000, "slots": 0, "wait": "10s"}, settings{1000, 0, 10 * time.Second, "fifo", false, 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := defaults()
			if err := knob.Apply(got, c.changes); err != nil {
				t.Fatalf("Apply(%v) = %v, want nil", c.changes, err)
			}
			if *got != c.want {
				t.Errorf("Apply(%v) gives %+v, want %+v", c.changes, *got, c.want)
			}
		})
	}
}

func TestApplyRefusesWholeAndNamesEachFault(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes map[string]any
		want    []string
	}{
		{"unknown name", map[string]any{"rat": 1}, []string{"knob rat", "rate, slots, wait, order, drop"}},
		{"too small", map[string]any{"rate": 0}, []string{"knob rate", `"0"`, "from 0.1 to 1000"}},
		{"not a number", map[string]any{"rate": "NaN"}, []string{"knob rate", "a number"}},
		{"a fraction for a whole", map[string]any{"slots": 1.5}, []string{"knob slots", "a whole number"}},
		{"a bare number for a duration", map[string]any{"wait": 50}, []string{"knob wait", "50ms"}},
		{"too long", map[string]any{"wait": "11s"}, []string{"knob wait", "10s"}},
		{"no such option", map[string]any{"order": "random"}, []string{"knob order", "fifo, lifo"}},
		{"not a switch", map[string]any{"drop": "perhaps"}, []string{"knob drop", "true or false"}},
		{"nothing", map[string]any{"slots": nil}, []string{"knob slots"}},
		{"two at once", map[string]any{"rate": -1, "slots": "x", "drop": true}, []string{"knob rate", "knob slots"}},
		{"the whole does not fit", map[string]any{"order": "lifo", "wait": "0s"}, []string{"lifo needs a wait"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := defaults()
			err := knob.Apply(got, c.changes)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Apply(%v) = %v, want an error with %q", c.changes, err, want)
				}
			}
			if *got != *defaults() {
				t.Errorf("the refused Apply(%v) left %+v, want nothing changed", c.changes, *got)
			}
		})
	}
}

func TestDescribeAndScale(t *testing.T) {
	k := defaults()
	rows := knob.Describe(k)
	want := []knob.Info{
		{Name: "rate", Kind: knob.Number, Value: "100", Unit: "req/s", Min: "0.1", Max: "1000", Help: "requests a second", Scales: true},
		{Name: "slots", Kind: knob.Integer, Value: "20", Min: "0", Max: "100", Help: "places", Scales: true},
		{Name: "wait", Kind: knob.Duration, Value: "1s", Min: "0s", Max: "10s", Help: "longest wait"},
		{Name: "order", Kind: knob.Choice, Value: "fifo", Options: []string{"fifo", "lifo"}, Help: "who is next"},
		{Name: "drop", Kind: knob.Switch, Value: "false", Help: "drop what is late"},
	}
	if !slices.EqualFunc(rows, want, func(a, b knob.Info) bool { return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b) }) {
		t.Errorf("Describe = %+v, want %+v", rows, want)
	}
	for _, c := range []struct {
		factor float64
		rate   float64
		slots  int
	}{{0.2, 20, 4}, {0.001, 0.1, 1}, {100, 1000, 100}} {
		k := defaults()
		knob.Scale(k, c.factor)
		if math.Abs(k.Rate-c.rate) > 1e-9 || k.Slots != c.slots || k.Wait != time.Second {
			t.Errorf("Scale(%v) gives %+v, want rate %v, slots %d and the wait as it was", c.factor, *k, c.rate, c.slots)
		}
	}
	none := &settings{Rate: 1}
	if knob.Scale(none, 5); none.Slots != 0 {
		t.Errorf("Scale made %d slots of 0, want 0: it means none", none.Slots)
	}
}

func FuzzApply(f *testing.F) {
	for _, s := range []string{"1", "1e9", "-0", "NaN", "5h", "fifo", "true", "9999999999999999999", "0x10", ""} {
		f.Add("rate", s)
		f.Add("slots", s)
		f.Add("wait", s)
		f.Add("order", s)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		k := defaults()
		if err := knob.Apply(k, map[string]any{name: value}); err != nil {
			if *k != *defaults() {
				t.Errorf("refused %s=%q left %+v", name, value, *k)
			}
			return
		}
		if !(k.Rate >= 0.1 && k.Rate <= 1000) || k.Slots < 0 || k.Slots > 100 || k.Wait < 0 || k.Wait > 10*time.Second || k.Order != "fifo" && k.Order != "lifo" {
			t.Errorf("%s=%q was accepted and gives %+v, outside the limits", name, value, *k)
		}
		again := defaults()
		all := map[string]any{}
		for n, v := range knob.Values(k) {
			all[n] = v
		}
		if err := knob.Apply(again, all); err != nil || *again != *k {
			t.Errorf("Values do not round-trip: %+v gives %+v, %v", *k, *again, err)
		}
	})
}
