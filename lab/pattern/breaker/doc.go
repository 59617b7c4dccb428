// Package breaker stops calling a dependency that keeps failing, so that the
// dependency can recover and callers get an answer at once.
//
// # Idea
//
// Closed, the breaker lets every call through and counts the failures of the
// last seconds. When their share passes a threshold it opens: calls are refused
// at once, without touching the dependency, for a fixed time. Then it is
// half-open: a few probes, and no more, go through. If all of them succeed it
// closes; if one fails it opens again.
//
// A slow answer counts as a failure. A dependency behind a backlog of several
// seconds answers every call correctly and too late: nothing fails, and nobody
// is served. Counting errors alone, a breaker never opens in that state; it is
// the pause of an open breaker that lets the backlog drain.
//
// # When
//
// In front of every call that leaves the process and can fail for longer than a
// moment: a database, a provider, another team's service. One breaker for each
// dependency, in each instance; what one instance learns about its own
// connections need not be true for the next, so breakers are not shared.
//
// # Knobs
//
// failure_share (0 to 1) is the share of failed or slow calls at which it opens.
// min_calls is how many calls the window must hold before the share means
// anything. window is how far back it looks, kept in ten equal cells. slow is
// the duration beyond which an answer counts as a failure; 0 counts errors
// only. open_for is how long it refuses before it probes: at least the backlog
// to be drained divided by the dependency's rate (5 s at 1000/s drain 5000
// requests). probes is how many calls a half-open breaker admits.
//
// # Cost
//
// Two short critical sections and two clock readings a call, no allocation. The
// lock is shared by all requests of an instance and is the part of a chain that
// scales least. Open, it refuses requests the dependency might have served.
//
// # How it fails
//
// It flaps when the threshold lies near the error rate of normal operation, or
// when the load that broke the dependency returns in full at the moment it
// closes. With too few calls in the window it opens on bad luck. One failing
// shard among many opens it for all. It turns a partial failure into a total
// one for as long as open_for, so callers need a fallback, and callers that
// retry a refusal at once only move the storm to the breaker. It must not count
// what says nothing about the dependency: a wrong request, a refusal by a quota,
// a request whose deadline had passed before the call. A probe that never comes
// back would leave it half-open for ever; here it counts as failed after slow
// (or after open_for, when slow is 0).
//
// # Source
//
// Michael Nygard, Release It!, second edition (2018), chapter 5. Slow calls as
// failures: the slow-call rate of Resilience4j's CircuitBreaker. Results of an
// older generation are ignored as in sony/gobreaker; the core is held to it and
// to failsafe-go step by step where their rules agree.
package breaker
