package lab

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Solution is a learner's accepted answer, ready to decide in a pattern's place.
type Solution interface {
	// Name says whose answer it is: the exercise's slug.
	Name() string
	// Open starts it for one service instance, under the terms that the
	// pattern's knobs make. Whoever opens it closes it.
	Open(env Env, t Terms) (Foreign, error)
}

// Terms are the settings that a solution is made with: of each exercise's
// configuration the fields that it has.
type Terms struct {
	Rate     float64       `json:"rate,omitempty"` // of a limit: tokens a second
	Burst    int           `json:"burst,omitempty"`
	Keys     int           `json:"keys,omitempty"`
	Slots    int           `json:"slots,omitempty"` // of a gate, or of each compartment
	Waiters  int           `json:"waiters,omitempty"`
	Wait     time.Duration `json:"wait,omitempty"`
	Parts    int           `json:"parts,omitempty"`  // compartments
	Window   int           `json:"window,omitempty"` // of a breaker: results looked at
	Failures int           `json:"failures,omitempty"`
	OpenFor  time.Duration `json:"open_for,omitempty"`
	Probes   int           `json:"probes,omitempty"`
	TTL      time.Duration `json:"ttl,omitempty"` // of a cache
	Jitter   float64       `json:"jitter,omitempty"`
	Load     time.Duration `json:"load,omitempty"`   // the longest that one load takes
	Length   int           `json:"length,omitempty"` // of a queue
	Target   time.Duration `json:"target,omitempty"` // the wait that is acceptable in it
	Interval time.Duration `json:"interval,omitempty"`
}

// Foreign decides for one service instance from outside of this process. It is
// safe for concurrent use.
type Foreign interface {
	// Admit asks whether a request may pass. The solution may by its own rule
	// make the request wait for as long as wait; beyond that it has the time that
	// its keeper gives a decision. ErrForeign means that there is no decision, and
	// that the pattern's own must do.
	Admit(ctx context.Context, q Question) (Ruling, error)
	// Done reports what became of a request that was admitted.
	Done(r Ruling, now time.Duration, end End)
	// Gauges returns the state of the solution's process: always the same names.
	Gauges(now time.Duration) []Gauge
	// Close ends it.
	Close() error
}

// Question is what a solution is told of a request.
type Question struct {
	Key  uint64        // whose quota, or which compartment
	At   time.Duration // now, on the lab's clock
	Wait time.Duration // how long the request may wait for a place
}

// Ruling is a solution's decision.
type Ruling struct {
	OK     bool
	Retry  time.Duration // of a refusal: when asking again makes sense; 0: it does not say
	Ticket uint64        // of an admission that has to be reported by Done; 0: none
}

// End is what became of an admitted request, in the terms of a solution.
type End uint8

// The ends.
const (
	Served  End = iota // well
	Broken             // an error or an answer that came too late: it counts against the dependency
	Unheard            // it says nothing
)

// ErrForeign is wrapped when a solution gave no decision in time, or none that
// makes sense, or is not running.
var ErrForeign = errors.New("the plugged-in solution gave no decision")

// GaugeGuard is the gauge that says whether the guard of a solution is open: 1
// with the reason as text, or 0.
const GaugeGuard = "yours_guard"

// The counters that each pattern has while a solution decides in its place.
const (
	EventDecisions = "yours_decisions" // that came in time
	EventBatches   = "yours_batches"   // frames in which they were asked for
	EventLate      = "yours_late"      // that did not come in time
	EventFallbacks = "yours_fallbacks" // requests for which ours decided instead
	EventTrips     = "yours_trips"     // how often the guard opened
	EventRestarts  = "yours_restarts"  // processes started after the first
	EventAgreed    = "yours_agreed"    // decisions equal to ours on the same request
	EventDiffered  = "yours_differed"  // decisions unlike ours
)

// ForeignEvents lists those counters. They are not among a pattern's own events:
// they are there only where a solution was plugged in.
func ForeignEvents() []string {
	return []string{EventDecisions, EventBatches, EventLate, EventFallbacks, EventTrips, EventRestarts, EventAgreed, EventDiffered}
}

// Beside counts how a solution's decisions compare with ours.
type Beside struct{ agreed, differed, fallbacks *atomic.Uint64 }

// NewBeside returns the counts of a slot.
func NewBeside(c *Counters) Beside {
	return Beside{c.Get(EventAgreed), c.Get(EventDiffered), c.Get(EventFallbacks)}
}

// Pick returns the decision that holds: the solution's, or ours where it gave
// none. It counts.
func (b Beside) Pick(yours Ruling, err error, ours bool) (ok, fallback bool) {
	switch {
	case err != nil:
		b.fallbacks.Add(1)
		return ours, true
	case yours.OK == ours:
		b.agreed.Add(1)
	default:
		b.differed.Add(1)
	}
	return yours.OK, false
}

// Yield adds to a pattern that its decision can be handed over to a solution.
func Yield[K any](p Pattern, yours func(Env, K, Solution) (Live, error)) Pattern {
	p.Yours = func(env Env, k any, s Solution) (Live, error) { return yours(env, *k.(*K), s) }
	return p
}
