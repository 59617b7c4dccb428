// Package load sends HTTP traffic to a service on this machine and measures
// what its users would feel.
//
// The model is open: users arrive when the schedule says so, whether or not
// the service keeps up. Each arrival carries the instant it was due, and every
// latency is counted from there, so a pause of the service is charged with all
// the users who would have arrived during it (no coordinated omission). Three
// clocks are kept apart:
//
//	lag      due to dispatched: the generator's own fault
//	wait     dispatched to sent: no connection was free
//	service  sent to done: what a naive tool reports
//
// and response, due to done of the user with all its tries, is the sum that
// counts. Each second a Verdict says whether the generator, the connections or
// the service was the limit; figures of a second that the generator limited
// are not to be trusted.
//
// One pacer hands arrivals to at most Plan.Conns connections through a bounded
// ring. Nothing grows with load: an arrival that finds the ring full is counted
// as abandoned. In steady state a request allocates nothing, so the generator
// leaves no garbage for a service in the same process to collect.
//
// Start runs in this process. StartChild runs the same engine in a child
// process (which calls Serve) so that a busy service cannot starve the
// generator's goroutines: measured, its lag is four to twenty times smaller.
//
// Targets are loopback addresses only, and every run has hard bounds.
package load
