// Package system says what a demo service offers the lab.
package system

import (
	"time"

	"workbench/lab"
	"workbench/sim/load"
)

// Op is one operation of a system. A request's Op indexes the system's list.
type Op struct {
	load.Op
	Title    string
	Read     bool // no side effect: may be cached, joined and repeated
	Async    bool // may be answered 202 and worked on later
	Provider bool // calls the downstream provider instead of the store
	Priority lab.Priority
}

// System is one demo service at work: its operations and the handler at the end
// of the chain, which does the work behind the gates.
type System interface {
	lab.Handler
	Ops() []Op
}

// Door names a dependency of a service by its place.
type Door uint8

// The dependencies.
const (
	Gate     Door = iota // the database
	Provider             // the slow downstream; the database where a scenario has none
	Second               // another that does the same; the provider where a scenario has none
)

// Visit is some consecutive calls of one dependency.
type Visit struct {
	Door  Door
	Times int // at least 1; each waits for a slot, holds it and travels back; 1 in a line with a Batch
	Line  Line
}

// Line is where requests on one thing wait for their turn, outside the slots of
// the dependency and first come, first served. The zero Line is none.
type Line struct {
	Key   uint64     // of the thing; 0: no line
	Most  int        // requests that may wait; 0: any number
	Batch int        // of those who wait so many go in together, as one call; 0: each alone, and it holds its turn for all calls of the visit
	Full  lab.Reason // with which one more than Most is refused
}

// Kind is one kind of demo service, as both engines, the page and the command
// line know it. It is a value without connections: opening one is the live
// lab's.
type Kind struct {
	Name, Title string
	Line        string // what it does, in one sentence of at most 80 characters
	Gate        string // what the first dependency is called on the diagram
	Provider    string // and the second
	Second      string // and one that can stand in for that; empty: the service has no use for it
	Ops         []Op

	// Choices are patterns that this service alone has, in the order of the chain,
	// which they end. See lab.DefineChoice; ordinary patterns may be among them.
	Choices []lab.Pattern
	// Visits appends the calls that request r makes, in their order, to out, none
	// for one that is answered from what an instance has at hand. It
	// looks at the request, its key and its choices, and at nothing else. nil: one
	// call, of the provider for operations that say so. The live service makes the
	// same calls.
	Visits func(r *lab.Request, out []Visit) []Visit
	// Simpler returns an answer to r that needs nothing but r, and does no harm
	// where it is taken for the real one; nil for an operation that has none. nil:
	// none has.
	Simpler func(r *lab.Request) []byte
	// Model keeps what virtual time must remember of the service's state; nil:
	// nothing. counters returns those of a choice, whether it is on or off.
	Model func(counters func(choice string) *lab.Counters) Model
}

// Model is a service's state in virtual time: as much of it as its counters
// need. One goroutine calls it.
type Model interface {
	// Served is told of a request whose last call has ended well, at now, before
	// its answer goes up the chain, and says what the answer is.
	Served(now time.Duration, r *lab.Request) lab.Response
}

// Watcher is a Model that also sees requests begin, and end badly.
type Watcher interface {
	Model
	// Entered is told of a request before its first call. With true the request
	// is answered at once and makes none.
	Entered(now time.Duration, r *lab.Request) (lab.Response, bool)
	// Left is told of a request that did not come to Served: it broke, was too
	// late or was refused, or died with its instance, with so many calls behind it.
	Left(now time.Duration, r *lab.Request, calls int, res lab.Response)
	// Grouped is told of n requests of a Line that go in together.
	Grouped(key uint64, n int)
}

// Path appends the calls that r makes of a service of this kind.
func (k Kind) Path(r *lab.Request, out []Visit) []Visit {
	if k.Visits != nil {
		return k.Visits(r, out)
	}
	v := Visit{Times: 1}
	if int(r.Op) < len(k.Ops) && k.Ops[r.Op].Provider {
		v.Door = Provider
	}
	return append(out, v)
}
