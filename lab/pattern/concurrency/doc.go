// Package concurrency lets only so many requests work at once, and a few wait a
// moment for a place.
//
// # Idea
//
// What lies below serves a certain number of requests at once; more of them only
// wait there, hold memory and connections, and become late. The gate admits as
// many as can be worked on. A short wait for a place evens out arrivals that come
// together; the rest is refused at once, with 503, while the answer can still be
// asked for elsewhere. By Little's law the places needed are the rate times the
// time each takes.
//
// The right number changes with the time below, so the adaptive limit measures
// it: it compares the mean time now with the mean time when nothing queued. As
// long as they agree it grows, while it is used; once requests take longer than
// half again, it shrinks in proportion.
//
// # When
//
// In front of anything with a fixed number of workers, connections or slots. Use
// fixed where that number is known and stays, adaptive where the dependency is
// shared, autoscaled or sometimes slow: a fixed 200 is too many on a bad day and
// too few on a good one.
//
// # Knobs
//
// algorithm is fixed or adaptive. limit is the places (where adaptive starts);
// wait is the longest wait for a place, in order of arrival, and 0s refuses at
// once; max_waiting is how many may wait. For adaptive, min_limit and max_limit
// bound the places, and probe is how often the undisturbed time is measured
// again. All counts grow with the scenario's scale.
//
// # Cost
//
// Two short critical sections a request, and one allocation or two for a wait.
// Under overload the wait is simply added to every answer: 50 ms buy about a
// tenth more served requests and cost nearly 50 ms of each. Adaptive reads the
// clock twice, and gives up most of its places for a few service times at each
// probe: about 2 % of the work when full, with the defaults.
//
// # How it fails
//
// Without a timeout inside, hung calls keep their places and soon all requests
// are refused. A limit that guards several operations is filled by the slowest
// (use a bulkhead). Unbounded waiting is not a limit but a slow failure. The
// adaptive limit takes everything that makes calls longer for congestion: when
// the work itself becomes heavier it first shrinks, and recovers at the next
// probe; a probe that still meets a queue takes the queue for normal, and needs
// further probes to work its way down; few requests give it little to measure.
// Failures that come fast are ignored, else an outage would look like speed.
//
// # Source
//
// John Little, "A proof for the queuing formula L = λW" (1961). Adaptive: the
// gradient controller of Envoy's adaptive concurrency filter (limit × gradient +
// √limit, with periodic measurement of the minimal time), after Netflix's
// concurrency-limits (2018); the probe by lowering the load is from Cardwell et
// al., "BBR: congestion-based congestion control", ACM Queue 14 (2016). The fixed
// gate is held to golang.org/x/sync/semaphore.
package concurrency
