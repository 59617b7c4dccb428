package arrival_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"workbench/sim/arrival"
)

// rush is a warm-up, a ramp and an end at 300 requests a second.
func rush() arrival.Schedule {
	return arrival.Schedule{
		{Name: "calm", For: 10 * second, Shape: arrival.Shape{Rate: 100}},
		{Name: "rush", For: 10 * second, Shape: arrival.Shape{Kind: arrival.Ramp, Rate: 100, To: 500}},
		{Name: "after", For: 5 * second, Shape: arrival.Shape{Kind: arrival.Sawtooth, Rate: 100, Factor: 3, Period: 5 * second}},
	}
}

func TestSchedule(t *testing.T) {
	cases := []struct {
		at    time.Duration
		rate  float64
		phase int
		name  string
	}{
		{-second, 100, 0, "calm"},
		{0, 100, 0, "calm"},
		{10*second - 1, 100, 0, "calm"},
		{10 * second, 100, 1, "rush"},
		{15 * second, 300, 1, "rush"},
		{20 * second, 100, 2, "after"},
		{22500 * time.Millisecond, 200, 2, "after"},
		{25 * second, 300, 2, "after"}, // the final rate goes on
		{time.Hour, 300, 2, "after"},
	}
	s := rush()
	for _, c := range cases {
		if got := s.At(c.at); math.Abs(got-c.rate) > 1e-6 {
			t.Errorf("At(%v) = %v, want %v", c.at, got, c.rate)
		}
		if i, name := s.PhaseAt(c.at); i != c.phase || name != c.name {
			t.Errorf("PhaseAt(%v) = %d, %q, want %d, %q", c.at, i, name, c.phase, c.name)
		}
	}
	if got := s.Duration(); got != 25*second {
		t.Errorf("Duration = %v, want 25s", got)
	}
	if got := s.Max(); got != 500 {
		t.Errorf("Max = %v, want 500", got)
	}
	if got := s.Scale(0.5).At(15 * second); math.Abs(got-150) > 1e-6 {
		t.Errorf("Scale(0.5).At(15s) = %v, want 150", got)
	}
	if s.At(15*second) != 300 {
		t.Errorf("Scale changed its receiver")
	}
}

func TestEmptyScheduleIsSilence(t *testing.T) {
	var s arrival.Schedule
	if err := s.Validate(); err != nil {
		t.Errorf("Validate = %v, want nil", err)
	}
	if got := s.At(second); got != 0 {
		t.Errorf("At = %v, want 0", got)
	}
	if i, name := s.PhaseAt(second); i != -1 || name != "" {
		t.Errorf("PhaseAt = %d, %q, want -1 and no name", i, name)
	}
}

func TestScheduleValidate(t *testing.T) {
	if err := rush().Validate(); err != nil {
		t.Errorf("Validate = %v, want nil", err)
	}
	cases := []struct {
		name     string
		schedule arrival.Schedule
		want     []string
	}{
		{"no length", arrival.Schedule{{Name: "x", Shape: arrival.Shape{Rate: 1}}}, []string{"phase 1 (x): for is 0s"}},
		{
			"two faults", arrival.Schedule{{For: second, Shape: arrival.Shape{Rate: -1}}, {For: -1}},
			[]string{"phase 1: rate is -1", "phase 2: for is -1ns"},
		},
		{
			"too many days", arrival.Schedule{{For: 24 * time.Hour, Shape: arrival.Shape{Kind: arrival.Diurnal, Period: second}}},
			[]string{"phase 1: period is 1s, want at least a 10,000th of the phase"},
		},
		{
			"too long together", arrival.Schedule{{For: 8000 * time.Hour}, {For: 8000 * time.Hour}},
			[]string{"16000 hours together"},
		},
	}
	for _, c := range cases {
		err := c.schedule.Validate()
		if err == nil {
			t.Errorf("%s: Validate = nil, want an error", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Validate = %q, want it to hold %q", c.name, err, want)
			}
		}
	}
}
