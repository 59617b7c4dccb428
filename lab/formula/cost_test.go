package formula_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"workbench/lab/formula"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
)

// maxGoodput is how far theory's share of users served in time may be from that
// of virtual time, over a whole scenario.
const maxGoodput = 0.05

// TestTheoryAgreesWithVirtualTimeOrDeclines plays every scenario as it stands:
// where theory gives a figure it is one that virtual time bears out.
func TestTheoryAgreesWithVirtualTimeOrDeclines(t *testing.T) {
	all, err := scenario.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	figures := 0
	for _, spec := range all {
		t.Run(spec.Name, func(t *testing.T) {
			paper, err := formula.Run(t.Context(), spec, formula.Options{})
			if errors.Is(err, formula.ErrNone) {
				t.Log(err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			figures++
			played, err := virtual.Run(t.Context(), spec, virtual.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			if off := paper.GoodputShare - played.GoodputShare; math.Abs(off) > maxGoodput {
				t.Errorf("goodput share = %.4f on paper and %.4f played, want at most %g apart", paper.GoodputShare, played.GoodputShare, maxGoodput)
			}
		})
	}
	if figures < 5 {
		t.Errorf("theory has figures of %d scenarios, want 5 or more: it declines what it knows", figures)
	}
}

// TestOperationsOfSeveralCallsAreDeclined names what the formulas do not know.
func TestOperationsOfSeveralCallsAreDeclined(t *testing.T) {
	const gate = "gate: {slots: 20, service: 20ms}\ntraffic: [{name: calm, for: 1m, rate: 100}]\n"
	for name, c := range map[string]struct{ lines, want string }{
		"several amounts": {
			"system: login\npopulation: {mix: [{op: login, weight: 1}, {op: renew-token, weight: 9}]}",
			"operations that cost different amounts (calls of a dependency: login 11, renew-token 1)",
		},
		"one amount": {"system: login\npopulation: {mix: [{op: login, weight: 1}]}", "operations of several calls, or with a line of their own (calls of a dependency: login 11)"},
		"a line":     {"system: orders\npopulation: {mix: [{op: cancel-order, weight: 0}, {op: submit-order, weight: 1}]}", "operations of several calls, or with a line of their own"},
		"no call":    {"system: orders\npopulation: {mix: [{op: quote, weight: 1}]}", "operations of several calls"},
		"no mix":     {"system: notify", "operations of several calls, or with a line of their own (calls of a dependency: send-code 2)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := formula.Run(t.Context(), parse(t, gate+c.lines), formula.Options{})
			if !errors.Is(err, formula.ErrNone) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run = %v, want ErrNone with %q", err, c.want)
			}
		})
	}
	for name, lines := range map[string]string{
		"the plain service":       "",
		"an operation of another": "system: login\npopulation: {mix: [{op: renew-token, weight: 1}, {op: login, weight: 0}]}",
	} {
		if _, err := formula.Run(t.Context(), parse(t, gate+lines), formula.Options{}); err != nil {
			t.Errorf("%s: %v, want a figure", name, err)
		}
	}
}
