package system_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/system"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

func open(t *testing.T, name string) *gate.Gate {
	t.Helper()
	g, err := gate.New(gate.Spec{Slots: 2}, clock.NewWall(), dist.New(1, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// kind makes three calls of the gate and two of the provider for operation 0,
// and none for operation 1.
var kind = system.Kind{Visits: func(r *lab.Request, out []system.Visit) []system.Visit {
	if r.Op == 1 {
		return out
	}
	return append(out, system.Visit{Door: system.Gate, Times: 3}, system.Visit{Door: system.Provider, Times: 2})
}}

func TestWalk(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name           string
		op             uint8
		provider       bool
		failAt         int // negative: nowhere
		want           []int
		gate, provided uint64
	}{
		{"in order", 0, true, -1, []int{0, 1, 2, 3, 4}, 3, 2},
		{"without a provider all go to the gate", 0, false, -1, []int{0, 1, 2, 3, 4}, 5, 0},
		{"the first error ends it", 0, true, 1, []int{0, 1}, 1, 0},
		{"no calls", 1, true, -1, []int{0}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := system.Gates{Gate: open(t, "gate")}
			if c.provider {
				g.Provider = open(t, "provider")
			}
			var got []int
			body, err := g.Walk(t.Context(), kind, &lab.Request{Op: c.op}, func(_ context.Context, n int) ([]byte, error) {
				got = append(got, n)
				if n == c.failAt {
					return nil, broken
				}
				return []byte{byte(n)}, nil
			})
			if !slices.Equal(got, c.want) || (c.failAt >= 0) != errors.Is(err, broken) || err == nil && int(body[0]) != c.want[len(c.want)-1] {
				t.Errorf("calls %v, body %v, error %v; want calls %v and the last one's body", got, body, err, c.want)
			}
			if n := g.Gate.Stats().Served; n != c.gate {
				t.Errorf("the gate served %d, want %d", n, c.gate)
			}
			if c.provider && g.Provider.Stats().Served != c.provided {
				t.Errorf("the provider served %d, want %d", g.Provider.Stats().Served, c.provided)
			}
		})
	}
	if n := kind.Calls(&lab.Request{}); n != 5 {
		t.Errorf("Calls() = %d, want 5", n)
	}
}

func TestPathWithoutVisits(t *testing.T) {
	k := system.Kind{Ops: []system.Op{{}, {Provider: true}}}
	for op, want := range []system.Door{system.Gate, system.Provider, system.Gate} {
		if got := k.Path(&lab.Request{Op: uint8(op)}, nil); len(got) != 1 || got[0] != (system.Visit{Door: want, Times: 1}) {
			t.Errorf("operation %d visits %+v, want door %v once", op, got, want)
		}
	}
}
