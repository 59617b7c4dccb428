package concurrency

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// Reasons for a refusal.
const (
	ReasonFull lab.Reason = "concurrency_full" // no place, and none to wait in
	ReasonWait lab.Reason = "concurrency_wait" // no place within the longest wait
)

// retryAfter is the advice to those refused: how long the overload lasts is not
// known here, and a second is the least that HTTP's Retry-After can say.
const retryAfter = time.Second

// Knobs are the adjustable values.
type Knobs struct {
	Algorithm  string        `knob:"algorithm" options:"fixed,adaptive" help:"whether the limit stays or follows the time below"`
	Limit      int           `knob:"limit" unit:"requests" min:"1" max:"1000000" scale:"yes" help:"requests inside at once; where adaptive starts"`
	Wait       time.Duration `knob:"wait" min:"0s" max:"30s" help:"longest wait for a place; 0s refuses at once"`
	MaxWaiting int           `knob:"max_waiting" unit:"requests" min:"0" max:"1000000" scale:"yes" help:"requests that may wait for a place"`
	MinLimit   int           `knob:"min_limit" unit:"requests" min:"1" max:"1000000" scale:"yes" help:"adaptive: never fewer places"`
	MaxLimit   int           `knob:"max_limit" unit:"requests" min:"1" max:"1000000" scale:"yes" help:"adaptive: never more places"`
	Probe      time.Duration `knob:"probe" min:"100ms" max:"10m" help:"adaptive: how often the undisturbed time is measured again"`
}

// Defaults returns the default knobs.
func Defaults() Knobs {
	return Knobs{
		Algorithm: "fixed", Limit: 40, Wait: 50 * time.Millisecond, MaxWaiting: 100,
		MinLimit: 4, MaxLimit: 400, Probe: 5 * time.Second,
	}
}

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	switch {
	case k.Algorithm != "fixed" && k.Algorithm != "adaptive":
		return knob.Wrong("algorithm", k.Algorithm, "fixed or adaptive")
	case k.Limit < 1:
		return knob.Wrong("limit", k.Limit, "at least 1")
	case k.Wait < 0:
		return knob.Wrong("wait", k.Wait, "0s or more")
	case k.MaxWaiting < 0:
		return knob.Wrong("max_waiting", k.MaxWaiting, "0 or more")
	case k.Algorithm == "fixed":
		return nil
	case k.MinLimit < 1:
		return knob.Wrong("min_limit", k.MinLimit, "at least 1")
	case k.MaxLimit < k.MinLimit:
		return knob.Wrong("max_limit", k.MaxLimit, fmt.Sprintf("at least min_limit, %d", k.MinLimit))
	case k.Probe <= 0:
		return knob.Wrong("probe", k.Probe, "more than 0s")
	}
	return nil
}

// Ticket names a waiting request; no two waits have the same.
type Ticket uint64

// Entry is the answer to Enter.
type Entry struct {
	OK     bool          // the request has a place
	Wait   bool          // it may wait for one, until Until
	Ticket Ticket        // of a request that may wait
	Until  time.Duration // when it must give up
}

// Gate counts places. It is not safe for concurrent use. Use New.
type Gate struct {
	knobs    Knobs
	adaptive *gradient // nil: the limit is fixed
	inside   int
	waiting  int
	// line holds, for ticket first+i, whether it still waits. Tickets are given
	// in order, so that one is found by subtraction.
	line  []bool
	first Ticket
}

// New returns an empty gate.
func New(k Knobs) (*Gate, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("concurrency: %w", err)
	}
	g := &Gate{knobs: k, first: 1}
	if k.Algorithm == "adaptive" {
		g.adaptive = newGradient(k)
	}
	return g, nil
}

// Enter asks at now for a place for a request whose deadline is given (0: none).
// The zero Entry means no.
func (g *Gate) Enter(now, deadline time.Duration) Entry {
	if deadline > 0 && now >= deadline {
		return Entry{}
	}
	if g.inside < g.Limit() && g.waiting == 0 {
		g.take()
		return Entry{OK: true}
	}
	until := now + g.knobs.Wait
	if deadline > 0 {
		until = min(until, deadline)
	}
	if until <= now || g.waiting >= g.knobs.MaxWaiting {
		return Entry{}
	}
	g.line = append(g.line, true)
	g.waiting++
	return Entry{Wait: true, Ticket: g.first + Ticket(len(g.line)-1), Until: until}
}

// Pass takes a place whether or not there is one, for a request that cannot be
// held back, and returns what Enter would have answered but for the ticket.
func (g *Gate) Pass() Entry {
	e := Entry{OK: g.inside < g.Limit() && g.waiting == 0}
	e.Wait = !e.OK && g.knobs.Wait > 0 && g.waiting+g.inside-g.Limit() < g.knobs.MaxWaiting
	g.take()
	return e
}

func (g *Gate) take() {
	g.inside++
	if g.adaptive != nil {
		g.adaptive.peak = max(g.adaptive.peak, g.inside)
	}
}

// Leave gives back at now a place that was taken at entered, with what became of
// the request. Call Next afterwards until it has no more.
func (g *Gate) Leave(now, entered time.Duration, o lab.Outcome) {
	g.inside--
	// A fast failure says nothing about the time that work takes.
	if g.adaptive != nil && (o.Good() || o == lab.Late) {
		g.adaptive.sample(now, now-entered)
	}
}

// Next gives a free place to who has waited longest, and returns the ticket; ok
// is false when no place is free or nobody waits.
func (g *Gate) Next() (t Ticket, ok bool) {
	if g.waiting == 0 || g.inside >= g.Limit() {
		return 0, false
	}
	g.trim()
	t = g.first
	g.waiting--
	g.line[0] = false
	g.trim()
	g.take()
	return t, true
}

// GiveUp ends a wait. It reports false when the place has just been given: then
// the request is inside and must Leave.
func (g *Gate) GiveUp(t Ticket) bool {
	if t < g.first || t >= g.first+Ticket(len(g.line)) || !g.line[t-g.first] {
		return false
	}
	g.line[t-g.first] = false
	g.waiting--
	g.trim()
	return true
}

// trim drops those at the head of the line who no longer wait.
func (g *Gate) trim() {
	for len(g.line) > 0 && !g.line[0] {
		g.line = g.line[1:]
		g.first++
	}
}

// Adaptive reports whether the limit follows the time below.
func (g *Gate) Adaptive() bool { return g.adaptive != nil }

// Limit returns the present number of places.
func (g *Gate) Limit() int {
	if g.adaptive != nil {
		return int(g.adaptive.limit)
	}
	return g.knobs.Limit
}

// Inside returns how many requests have a place.
func (g *Gate) Inside() int { return g.inside }

// Waiting returns how many requests wait for one.
func (g *Gate) Waiting() int { return g.waiting }

// refuse returns the response for a request that got no place by now, after a
// wait or without.
func refuse(r *lab.Request, now time.Duration, waited bool) lab.Response {
	switch {
	case r.Expired(now):
		return lab.Refuse(lab.Late, lab.ReasonDeadline, 0)
	case waited:
		return lab.Refuse(lab.Shed, ReasonWait, retryAfter)
	}
	return lab.Refuse(lab.Shed, ReasonFull, retryAfter)
}
