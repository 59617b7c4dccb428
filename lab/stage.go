package lab

import "time"

// Stage is a pattern in virtual time: the same core as its Live twin, with
// events in place of waiting. One goroutine runs all stages, so a Stage needs
// no lock.
//
// A request travels down the stages by Forward and its answer travels up by
// Reply. Each method must, for the request it is given, call exactly one of
// Forward and Reply, or keep the id and do so in a later call.
type Stage interface {
	// Enter receives request id on its way down.
	Enter(s Sim, id int32)
	// Leave receives the answer to request id on its way up. The stage may pass
	// it on with Reply, or call Forward to try again. It is called only for
	// requests this stage has forwarded, once for each Forward.
	Leave(s Sim, id int32, res Response)
	// Wake is called at the instant a Sim.Wake asked for, with its token. There
	// is no cancelling: a stage ignores tokens that no longer matter.
	Wake(s Sim, token uint64)
	// Gauges is as in Live.
	Gauges(now time.Duration) []Gauge
}

// Sim is a stage's view of the simulation.
type Sim interface {
	Now() time.Duration
	// Request returns request id; valid until its answer has left the chain.
	Request(id int32) *Request
	// Note returns a word of this stage's own for request id, 0 at Enter: a
	// breaker's generation, a retry's count.
	Note(id int32) *uint64
	// Forward hands the request to the next stage down.
	Forward(id int32)
	// Reply hands the answer to the next stage up.
	Reply(id int32, res Response)
	// Detach starts a request of the stage's own below it, copied from id (a
	// refresh, a job), and returns its id. Its answer comes to this stage's
	// Leave; the stage ends it by Drop.
	Detach(id int32) int32
	// Drop ends a request that Detach started.
	Drop(id int32)
	// Cancel says that nobody waits any more for a request that Detach started
	// and that is below: what it waits for lets it go, and its answer, which is
	// of no use, comes to Leave, at once or when a stage below lets it go.
	Cancel(id int32)
	// Wake asks for Wake(token) at an instant not before Now.
	Wake(at time.Duration, token uint64)
	// Uniform returns the next uniform draw in [0, 1) of this stage's stream.
	Uniform() float64
}
