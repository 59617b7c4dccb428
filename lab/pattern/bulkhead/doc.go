// Package bulkhead gives each operation a compartment of its own, so that one
// slow operation cannot take the places of all others.
//
// # Idea
//
// Requests that wait for something slow pile up. With one shared pool they fill
// it, and operations that have nothing to do with the slow dependency find no
// place: recommendations hang, and checkout dies. A ship's hull is divided so
// that one leak floods one compartment; here each operation may have only so
// many requests inside at once, whatever the others do.
//
// # When
//
// Where operations of different worth or different dependencies share a
// process: a report beside a payment, a password hash that burns a core beside
// cheap reads. Against a service that is too busy as a whole, limit the whole
// instead (the concurrency limit).
//
// # Knobs
//
// limit is how many requests each compartment holds at once, a count that grows
// with the scenario's scale. Little's law sets it: the operation's rate times
// its normal duration, with some headroom (200 requests a second of 20 ms need
// 4). wait is how long a request may wait for a place, in order of arrival; 0s
// refuses at once. At most limit requests wait in each compartment.
//
// # Cost
//
// Two short critical sections a request, no allocation unless it waits. Places
// reserved for one operation are lost to the others while it is quiet: division
// costs utilisation (one pool of 20 waits far less than four of 5).
//
// # How it fails
//
// Limits set by feeling are either never reached or always. The sum of all
// compartments must fit what lies below, or the compartments compete there after
// all. A wait adds its whole length to the answers of an overloaded compartment
// and serves hardly more requests. Eight compartments exist: operations beyond
// share the last. It divides by operation only: one abusive user still fills a
// compartment for everybody. Without a deadline on the work inside, a hung
// dependency keeps its compartment full until restart.
//
// # Source
//
// Michael Nygard, Release It!, second edition (2018), chapter 5, "Bulkheads".
// The core is held to failsafe-go's Bulkhead step by step.
package bulkhead
