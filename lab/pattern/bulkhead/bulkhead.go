package bulkhead

import (
	"fmt"
	"slices"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// ReasonFull is given for a request that finds no place, or none in time.
const ReasonFull lab.Reason = "bulkhead_full"

// Compartments is how many there are.
const Compartments = 8

// retryAfter is the advice to those turned away. A compartment has no idea of
// how long the work inside takes; a second is what a header can say.
const retryAfter = time.Second

// Knobs are the adjustable values.
type Knobs struct {
	Limit int           `knob:"limit" min:"1" max:"10000" scale:"yes" help:"requests inside each operation's compartment at once"`
	Wait  time.Duration `knob:"wait" min:"0s" max:"10s" help:"longest wait for a place; 0s refuses at once"`
}

// Defaults returns the default knobs.
func Defaults() Knobs { return Knobs{Limit: 10} }

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	switch {
	case k.Limit < 1:
		return knob.Wrong("limit", k.Limit, "at least 1")
	case k.Wait < 0:
		return knob.Wrong("wait", k.Wait, "0s or more")
	}
	return nil
}

// Compartment returns the compartment of an operation: its own, or the last for
// those beyond.
func Compartment(op uint8) int { return min(int(op), Compartments-1) }

// Ticket names a waiting request; no two waits have the same.
type Ticket uint64

// Entry is the answer to Enter.
type Entry struct {
	OK     bool          // the request has a place
	Wait   bool          // it may wait for one, until Until
	Ticket Ticket        // of a request that may wait
	Until  time.Duration // when it must give up
}

// compartment counts who is inside and lists who waits, in order of arrival.
type compartment struct {
	inside  int
	waiting []Ticket
}

// Bulkhead counts places. It is not safe for concurrent use. Use New.
type Bulkhead struct {
	knobs  Knobs
	last   Ticket
	spaces [Compartments]compartment
}

// New returns an empty bulkhead.
func New(k Knobs) (*Bulkhead, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("bulkhead: %w", err)
	}
	return &Bulkhead{knobs: k}, nil
}

// Enter asks at now for a place in a compartment, for a request whose deadline
// is given (0: none). The zero Entry means no.
func (b *Bulkhead) Enter(now time.Duration, where int, deadline time.Duration) Entry {
	c := &b.spaces[where]
	if c.inside < b.knobs.Limit {
		c.inside++
		return Entry{OK: true}
	}
	until := now + b.knobs.Wait
	if deadline > 0 {
		until = min(until, deadline)
	}
	if until <= now || len(c.waiting) >= b.knobs.Limit {
		return Entry{}
	}
	b.last++
	c.waiting = append(c.waiting, b.last)
	return Entry{Wait: true, Ticket: b.last, Until: until}
}

// Pass takes a place whether or not there is one, for a request that another has
// admitted.
func (b *Bulkhead) Pass(where int) { b.spaces[where].inside++ }

// Leave gives a place back. If someone waits, the place is theirs at once, and
// Leave returns who it is.
func (b *Bulkhead) Leave(where int) (next Ticket, ok bool) {
	c := &b.spaces[where]
	if len(c.waiting) == 0 || c.inside > b.knobs.Limit { // Pass may have let too many in
		c.inside--
		return 0, false
	}
	next = c.waiting[0]
	c.waiting = slices.Delete(c.waiting, 0, 1)
	return next, true
}

// GiveUp ends a wait. It reports false when the place has just been given: then
// the request is inside and must Leave.
func (b *Bulkhead) GiveUp(where int, t Ticket) bool {
	c := &b.spaces[where]
	i := slices.Index(c.waiting, t)
	if i < 0 {
		return false
	}
	c.waiting = slices.Delete(c.waiting, i, i+1)
	return true
}

// Inside returns how many requests a compartment holds.
func (b *Bulkhead) Inside(where int) int { return b.spaces[where].inside }

// Waiting returns how many requests wait for a place, over all compartments.
func (b *Bulkhead) Waiting() (n int) {
	for i := range b.spaces {
		n += len(b.spaces[i].waiting)
	}
	return n
}

// refuse returns the response for a request that got no place by now.
func refuse(r *lab.Request, now time.Duration) lab.Response {
	if r.Expired(now) {
		return lab.Refuse(lab.Late, lab.ReasonDeadline, 0)
	}
	return lab.Refuse(lab.Shed, ReasonFull, retryAfter)
}
