package orders

import "workbench/lab"

// Idempotency are the knobs of the choice of that name.
type Idempotency struct {
	Require bool `knob:"require" help:"refuse a submission without an Idempotency-Key: it cannot be repeated safely"`
}

// Outbox has no knobs: either the event is in the order's transaction or it is
// not.
type Outbox struct{}

// Sequencer are the knobs of the choice of that name.
type Sequencer struct {
	Ring  int `knob:"ring" unit:"orders" min:"1" max:"100000" help:"orders that may wait for one symbol's writer; more are refused"`
	Batch int `knob:"batch" unit:"orders" min:"1" max:"256" help:"orders that the writer takes into one transaction"`
}

// Broker are the knobs of the choice of that name.
type Broker struct {
	Kind     string `knob:"kind" options:"memory,sqlite,redis,rabbitmq,kafka,zeromq" help:"what carries the events of accepted orders to the workers"`
	Workers  int    `knob:"workers" min:"1" max:"64" help:"workers that settle orders at once"`
	Prefetch int    `knob:"prefetch" min:"1" max:"500" help:"events that the workers hold unacknowledged; with fewer than workers, no more of them work"`
	Dedupe   bool   `knob:"dedupe" help:"a worker looks whether an order was settled before it settles it"`
}

// Naive is the broker choice when it is off: a queue in the process, which ends
// with it, and workers who do whatever comes.
func Naive() Broker { return Broker{Kind: "memory", Workers: 4, Prefetch: 16} }

// Choices returns the service's own choices in the order of the chain.
func Choices() []lab.Pattern {
	return []lab.Pattern{
		lab.DefineChoice(lab.Pattern{
			Name: "idempotency", Title: "Idempotency keys", System: "orders",
			Line:    "a submission with a key has its effect once, however often it is sent",
			Reasons: []lab.Reason{ReasonInFlight},
			Events:  []string{"accepted", "duplicates", "replayed", "in_flight", "mismatched"},
		}, PlaceIdempotency, func() Idempotency { return Idempotency{Require: true} }),
		lab.DefineChoice(lab.Pattern{
			Name: "outbox", Title: "Outbox", System: "orders",
			Line:   "an order's event is in its transaction; a relay publishes it, whatever ends",
			Events: []string{"published", "lost"},
		}, PlaceOutbox, func() Outbox { return Outbox{} }),
		lab.DefineChoice(lab.Pattern{
			Name: "sequencer", Title: "Single writer", System: "orders",
			Line:    "one writer for each symbol behind a bounded ring, in place of a lock",
			Reasons: []lab.Reason{ReasonRing},
			Events:  []string{"ordered", "batches", "ring_full"},
		}, PlaceSequencer, func() Sequencer { return Sequencer{Ring: 256, Batch: 32} }),
		lab.DefineChoice(lab.Pattern{
			Name: "broker", Title: "Durable broker", System: "orders",
			Line:   "events wait for the workers where a crash does not reach them",
			Events: []string{"applied", "repeated", "redelivered", "crashed", "dead", "drained", "lost"},
		}, PlaceBroker, func() Broker { return Broker{Kind: "sqlite", Workers: 4, Prefetch: 16, Dedupe: true} }),
	}
}
