package live_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/live"
)

const trading = `
name: trading
system: orders
instances: 1
gate: {slots: 8, service: 5ms, law: constant}
population: {users: 1000, keys: 50, mix: [{op: submit-order, weight: 1}]}
traffic:
  - {for: 60s, rate: 40}
clients: {timeout: 2s}
patterns:
  idempotency: {state: on}
  outbox: {state: on}
  sequencer: {state: on}
live_scale: 1
`

// The broker is a box of the diagram, may be changed and taken away, and a
// missing one is said.
func TestOrdersBehindABroker(t *testing.T) {
	r := open(t)
	r.load(trading)
	box := func() live.Node {
		s := r.State()
		return s.Nodes[max(0, slices.IndexFunc(s.Nodes, func(n live.Node) bool { return n.ID == "broker" }))]
	}
	r.until("the queue in memory carries", func(live.State) bool { return strings.Contains(box().Title, "in memory") })
	r.set("broker", lab.On, nil)
	r.until("the queue on the disk carries", func(live.State) bool { return strings.Contains(box().Title, "SQLite") && box().Up })
	if _, err := r.SetFault(t.Context(), "broker-down", live.FaultChange{On: true}); err != nil {
		t.Fatal(err)
	}
	r.until("it is down", func(live.State) bool { return !box().Up && strings.Contains(box().Degraded, "fault") })
	if _, err := r.SetFault(t.Context(), "broker-down", live.FaultChange{}); err != nil {
		t.Fatal(err)
	}
	r.until("it is back", func(live.State) bool { return box().Up })
	r.set("broker", lab.On, map[string]any{"kind": "rabbitmq"})
	r.until("the missing one is said", func(live.State) bool { return box().Up && strings.Contains(box().Degraded, "rabbitmq") })
}

// A run behind a broker that cannot be had would measure another one: it ends
// and says why.
func TestARunIsNotMeasuredOnAnotherBroker(t *testing.T) {
	r := open(t)
	_, err := r.Play(t.Context(), parse(t, trading), live.Options{Seed: 1, Patterns: []chain.Change{{Pattern: "broker", State: new(lab.On), Knobs: map[string]any{"kind": "rabbitmq"}}}})
	if err == nil || !strings.Contains(err.Error(), "the broker could not be opened: rabbitmq: this broker needs a server that is not given") {
		t.Errorf("Play() = %v, want that the broker could not be opened", err)
	}
	if s := r.State(); s.Phase != "stopped" || s.Elapsed > 30*time.Second {
		t.Errorf("the run is %s after %v, want it stopped before its 60 s are over", s.Phase, s.Elapsed)
	}
}
