package gate_test

import (
	"testing"

	"workbench/lab/gate"
)

func TestFaultsAreNamed(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(m *gate.Model) error
		want  string
	}{
		{"none", func(*gate.Model) error { return nil }, ""},
		{"slow", func(m *gate.Model) error { return m.Slow(2.5) }, "service time × 2.5"},
		{"error", func(m *gate.Model) error { return m.Error(0.2) }, "20 % errors"},
		{"delay", func(m *gate.Model) error { return m.Delay(30 * ms) }, "30ms further away"},
		{"hang", func(m *gate.Model) error { m.Hang(0, true, nil); return m.Slow(3) }, "hung, service time × 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := model(t, constant())
			must(t, c.fault(m))
			if got := m.Stats(0).Fault; got != c.want {
				t.Errorf("Stats().Fault = %q, want %q", got, c.want)
			}
		})
	}
}
