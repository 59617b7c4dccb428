// Package orders is the demo service in which an effect must be had once and in
// its place: orders are submitted and cancelled, matched by price and time, and
// settled by workers behind a broker.
//
// This room says what the service is: its operations, its choices, what it asks
// of its dependencies and what virtual time remembers of it. Package match is
// the matching engine, package desk the service at work.
package orders

import (
	"workbench/lab"
	"workbench/lab/system"
	"workbench/sim/load"
)

// The operations, as a request's Op.
const (
	Submit uint8 = iota
	Cancel
	Read
	Quote
	List
)

// The places of the choices.
const (
	PlaceIdempotency = iota
	PlaceOutbox
	PlaceSequencer
	PlaceBroker
)

// Reasons with which the service refuses.
const (
	ReasonInFlight lab.Reason = "in_flight" // the same intent is being worked on (409)
	ReasonRing     lab.Reason = "ring_full" // too many wait for one symbol
)

// Ops returns the operations; index i describes Op i. A quote and a list are
// never answered from a copy: a price that is old must not look like one.
func Ops() []system.Op {
	return []system.Op{
		Submit: {
			Op:    load.Op{Name: "submit-order", Method: "POST", Path: "/orders", Body: `{"symbol":{key},"side":"{side}","price":1000,"qty":10}`, Priority: "normal", Once: true},
			Title: "Submit an order", Priority: lab.Normal,
		},
		Cancel: {
			Op:    load.Op{Name: "cancel-order", Method: "DELETE", Path: "/orders/{key}", Priority: "high"},
			Title: "Cancel an order", Priority: lab.High,
		},
		Read: {
			Op:    load.Op{Name: "read-order", Method: "GET", Path: "/orders/{key}", Priority: "normal"},
			Title: "Read an order", Read: true, Priority: lab.Normal,
		},
		Quote: {
			Op:    load.Op{Name: "quote", Method: "GET", Path: "/quotes/{key}", Priority: "normal"},
			Title: "Ask for a price", Priority: lab.Normal,
		},
		List: {
			Op:    load.Op{Name: "list-orders", Method: "GET", Path: "/orders", Priority: "low"},
			Title: "List what was applied", Priority: lab.Low,
		},
	}
}

// Kind describes the service.
func Kind() system.Kind {
	return system.Kind{
		Name: "orders", Title: "Orders", Line: "takes orders once each, matches them in sequence, settles them by workers",
		Gate: "Database", Provider: "Broker", Ops: Ops(), Choices: Choices(), Visits: Visits, Model: newModel,
	}
}

// Visits appends the calls that a request makes. A quote makes none. A submission takes its turn
// with those on the same symbol: with the sequencer it waits in a bounded ring
// for the symbol's one writer, who has the book in memory and writes many at
// once; without, it takes the symbol's lock, reads the book, and writes. Without the outbox it
// then hands its event to the broker itself.
func Visits(r *lab.Request, out []system.Visit) []system.Visit {
	switch r.Op {
	case Submit:
	case Quote: // the book is in memory
		return out
	default:
		return append(out, system.Visit{Door: system.Gate, Times: 1})
	}
	if k := lab.Chosen[Sequencer](r, PlaceSequencer); k != nil {
		out = append(out, system.Visit{Door: system.Gate, Times: 1, Line: system.Line{Key: r.Key, Most: k.Ring, Batch: k.Batch, Full: ReasonRing}})
	} else {
		out = append(out, system.Visit{Door: system.Gate, Times: Locked, Line: system.Line{Key: r.Key}})
	}
	if lab.Chosen[Outbox](r, PlaceOutbox) == nil {
		out = append(out, system.Visit{Door: system.Provider, Times: 1})
	}
	return out
}

// Locked is how many calls of the database a submission makes that works under
// a lock: it reads the book, and writes.
const Locked = 2
