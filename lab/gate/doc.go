// Package gate gives a dependency the capacity that one machine cannot have: a
// number of slots, a service time drawn from a law, and a network round trip.
//
// A request waits first come, first served for a slot, holds it for its service
// time and then travels back. Service time is waited for and never burnt, so a
// gate costs the machine nothing and the real work done inside it (a query)
// stays measurable.
//
// Model is the law itself: pure, with now as an argument, for the virtual
// engine. Gate runs the same Model on a clock for real requests. A timer that
// fires late does not cut the capacity: a slot that was to be free at t is
// given on as if at t, so the throughput of a busy gate is Slots/Service.
package gate
