// Package timeout gives each request an instant after which nobody works on it
// any more.
//
// # Idea
//
// A caller waits for a while and leaves; work done for it afterwards is waste,
// and under overload waste is what keeps the service overloaded. The pattern
// sets one absolute deadline at the door: the service's own limit or, if that
// comes first, the moment at which the caller says it will give up. Everything
// below reads the same deadline: a place in a queue is given up, a call is not
// begun, a result that came too late is not sent as if it were good.
//
// An absolute instant needs no arithmetic on the way down, unlike "500 ms for
// each call", which adds up along the path.
//
// # When
//
// Always. A call without a deadline holds its goroutine, its connection and its
// place in a pool for as long as the dependency hangs: at 500 requests a second
// and a dependency that hangs for 30 s, 15000 of them (Little's law).
//
// # Knobs
//
// limit is the longest time a request may take, from the moment it passes this
// pattern. propagate says whether the caller's own deadline counts too; without
// it the service works on for callers that have left.
//
// # Cost
//
// One clock reading before and one after, no allocation: the deadline travels in
// the request, so there is no context to derive for each call.
//
// # How it fails
//
// Too short, and slow but good answers become errors, which callers then retry.
// Too long, and it protects nothing: a limit above the caller's patience only
// bounds the damage. It frees no capacity where the dependency cannot be told to
// stop: what has begun is paid for. It does not cure an overload by itself,
// since every request below the limit may still be late for its caller. It ends
// nothing by force either: a handler that ignores the deadline is only reported
// late once it returns.
//
// # Source
//
// Deadline propagation: gRPC's deadlines guide, and Betsy Beyer and others,
// Site Reliability Engineering (2016), chapter 22, "Deadline propagation".
package timeout
