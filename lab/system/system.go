// Package system says what a demo service offers the lab.
package system

import (
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

// System is one demo service: its operations and the handler at the end of the
// chain, which does the work behind the gates.
type System interface {
	lab.Handler
	Ops() []Op
}
