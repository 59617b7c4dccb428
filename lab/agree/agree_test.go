package agree_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"workbench/lab/agree"
	"workbench/lab/formula"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
)

func TestLoadsAreHalfBusyBusyAndOver(t *testing.T) {
	loads, err := agree.Loads()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{.5, .8, 1.2} {
		spec := loads[i]
		if got := spec.Traffic[0].Shape.Rate * spec.Gate.Service.Seconds() / float64(spec.Gate.Slots); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s keeps the dependency %.2f busy, want %.2f", spec.Name, got, want)
		}
		if err := spec.Validate(virtual.Known()); err != nil {
			t.Errorf("%s: %v", spec.Name, err)
		}
		if err := agree.Decided(spec); err != nil {
			t.Errorf("%s: %v", spec.Name, err)
		}
	}
}

func TestCalibrate(t *testing.T) {
	report := func(ok uint64, p50 float64) scenario.Report {
		return scenario.Report{Outcomes: map[string]uint64{"ok": ok}, LatencyMS: scenario.Latency{P50: p50}}
	}
	if got, err := agree.Calibrate(report(5000, 15.6), report(5000, 13.9)); err != nil || (got-1700*time.Microsecond).Abs() > time.Microsecond {
		t.Errorf("Calibrate = %v, %v, want 1.7ms", got, err)
	}
	if got, err := agree.Calibrate(report(5000, 13), report(5000, 13.9)); err != nil || got != 0 {
		t.Errorf("Calibrate of a quicker machine = %v, %v, want 0", got, err)
	}
	if _, err := agree.Calibrate(report(4999, 15), report(5000, 13)); !errors.Is(err, agree.ErrFew) {
		t.Errorf("Calibrate of 4,999 answers = %v, want ErrFew", err)
	}
}

// TestTheCostOfTheMachineIsARoundTrip plays a load twice: what Add puts in moves
// every quantile by as much and keeps nobody from a slot.
func TestTheCostOfTheMachineIsARoundTrip(t *testing.T) {
	loads, err := agree.Loads()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := virtual.Run(t.Context(), loads[1], virtual.Options{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	moved, err := virtual.Run(t.Context(), agree.Add(loads[1], 5*time.Millisecond), virtual.Options{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]float64{"p50": moved.LatencyMS.P50 - plain.LatencyMS.P50, "p99": moved.LatencyMS.P99 - plain.LatencyMS.P99} {
		if math.Abs(got-5) > 1.5 { // a histogram's cells are 3 % wide
			t.Errorf("%s moved by %.2f ms, want 5", name, got)
		}
	}
}

func TestAgreement(t *testing.T) {
	live := agree.Row{P50MS: 20, P99MS: 100, Refused: .16}
	for _, c := range []struct {
		name string
		row  agree.Row
		ok   bool
	}{
		{"the same", live, true},
		{"at the bounds", agree.Row{P50MS: 21.9, P99MS: 90.1, Refused: .179}, true},
		{"p50", agree.Row{P50MS: 22.1, P99MS: 100, Refused: .16}, false},
		{"p99", agree.Row{P50MS: 20, P99MS: 89.9, Refused: .16}, false},
		{"refusals", agree.Row{P50MS: 20, P99MS: 100, Refused: .139}, false},
	} {
		if off := c.row.From(live); off.OK() != c.ok {
			t.Errorf("%s: %+v, OK() = %v, want %v", c.name, off, off.OK(), c.ok)
		}
	}
}

func TestNoVerdictAtTheEdge(t *testing.T) {
	loads, err := agree.Loads()
	if err != nil {
		t.Fatal(err)
	}
	edge := loads[1]
	edge.Traffic = edge.Traffic.Scale(1.25)
	if err := agree.Decided(edge); !errors.Is(err, agree.ErrEdge) {
		t.Errorf("Decided at 100 %% = %v, want ErrEdge", err)
	}
}

// TestPaperAndVirtualTimeAgree holds theory to virtual time on the reference
// loads that are not refused.
func TestPaperAndVirtualTimeAgree(t *testing.T) {
	loads, err := agree.Loads()
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range loads[:2] {
		played, err := virtual.Run(t.Context(), spec, virtual.Options{Seed: 1, Scale: 10})
		if err != nil {
			t.Fatal(err)
		}
		paper, err := formula.Run(t.Context(), spec, formula.Options{Scale: 10})
		if err != nil {
			t.Fatal(err)
		}
		if off := agree.RowOf(paper, 0).From(agree.RowOf(played, 0)); !off.OK() {
			t.Errorf("%s: %+v", spec.Name, off)
		}
	}
}
