// Package edge is a shared HTTP cache that stands before an origin, as a content
// delivery network does: a reverse proxy that answers from copies where RFC 9111
// allows it and asks the origin where it does not.
//
// The rules are functions of a message and an instant: Read says what an answer
// allows, Storable whether it may be kept, Terms.Decide whether a copy may answer
// a request now, Evaluate what a client's own condition comes to. None of them
// looks at a clock, so tables try them in virtual time. Cache holds them together
// and is what serves.
//
// Sources: RFC 9111 (caching), RFC 9110 (conditions, ranges, hop-by-hop fields),
// RFC 5861 (stale-while-revalidate, stale-if-error), RFC 8246 (immutable), RFC
// 9211 (Cache-Status), RFC 9213 (CDN-Cache-Control).
package edge
