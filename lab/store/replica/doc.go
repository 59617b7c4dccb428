// Package replica sends reads to replicas and writes to the primary, and counts
// what that costs: a replica applies the primary's changes later, so an answer
// from it may be older than what was acknowledged.
//
// Reading one's own writes can be had in two ways. Pin sends a caller to the
// primary for a while after each of its writes: simple, and wrong as soon as
// the lag is longer than the while. Wait remembers the position of the primary's
// log after the write, and lets a replica answer this caller only once it has
// applied as much; when that takes too long the primary answers.
package replica
