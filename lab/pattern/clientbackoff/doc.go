// Package clientbackoff makes the simulated clients wait before they ask again.
//
// # Idea
//
// A client that is refused and asks again at once meets the same overload it was
// refused for. It should wait, twice as long after each failure, and for a
// random share of that time, so that clients that failed together do not return
// together. When the server says how long to wait (Retry-After), it knows
// better.
//
// # When
//
// In every client that retries: browsers, apps, other services. The cause must
// be brief for it to help.
//
// # Knobs
//
// base is the longest wait before the first retry; it doubles with each further
// one up to cap. jitter draws the wait uniformly from 0 to that ("full jitter").
// retry_after waits at least as long as the server asks. How often a client
// retries is the scenario's own setting.
//
// # Cost
//
// Users whose first try failed by accident wait longer for the second.
//
// # How it fails
//
// It spreads retries over time and does not remove one of them. Against a
// lasting overload every user still sends all its tries, only later: with three
// retries the load stays fourfold, and a service that answers too late for every
// client stays down for ever. What removes load is a budget (client-budget) or a
// refusal on the server. Without jitter the waits are equal, and a crowd that
// failed together returns as a crowd, again and again.
//
// # Source
//
// Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015).
// Retry-After: RFC 9110, section 10.2.3. Package sim/retry computes the waits.
package clientbackoff
