package singleflight

import (
	"time"

	"workbench/lab"
)

// Knobs are the settings of the pattern.
type Knobs struct {
	Timeout     time.Duration `knob:"timeout" min:"1ms" max:"10m" help:"a flight's own deadline, whoever waits for it"`
	ShareErrors bool          `knob:"share_errors" help:"give a failed flight's answer to all who wait; else each asks by itself"`
}

// Defaults returns the settings the pattern starts with.
func Defaults() Knobs { return Knobs{Timeout: 5 * time.Second, ShareErrors: true} }

// Validate implements knob.Validator; every combination is allowed.
func (k *Knobs) Validate() error { return nil }

// The reasons with which a request that waits may be refused.
const (
	ReasonWait  lab.Reason = "flight_wait"  // it gave up before the flight ended (Late)
	ReasonPanic lab.Reason = "flight_panic" // the flight panicked (Failed)
)

// Grace is how long after its deadline a flight may still land. It keeps a
// flight that ends on time apart from one that hangs; nobody waits longer.
const Grace = 100 * time.Millisecond

// Group keeps the flights of one instance. T is what the wrapper attaches to
// each. It is not safe for concurrent use.
type Group[T any] struct {
	knobs   Knobs
	flights map[uint64]*Flight[T] // item: its joinable flights, one for each operation
	running int
	waiting int
}

// Flight is one call that any number of requests wait for.
type Flight[T any] struct {
	Of  T             // the wrapper's
	End time.Duration // its deadline
	key key
	// next is the joinable flight of another operation on the same item.
	next *Flight[T]
}

type key struct {
	item uint64
	op   uint8
}

// New returns a group without flights.
func New[T any](k Knobs) *Group[T] { return &Group[T]{knobs: k, flights: map[uint64]*Flight[T]{}} }

// Join has one request wait for the flight of its operation on its item. If
// there is none, or it should have ended by now, the request leads a new one
// and the caller has to start it. Every Join is followed by one Leave.
func (g *Group[T]) Join(now time.Duration, r *lab.Request) (f *Flight[T], leads bool) {
	g.waiting++
	k := key{r.Key, r.Op}
	for f = g.flights[k.item]; f != nil; f = f.next {
		if f.key != k {
			continue
		}
		if now < f.End {
			return f, false
		}
		g.unlink(f) // it hangs: let those who come now try again
		break
	}
	f = &Flight[T]{End: now + g.knobs.Timeout, key: k, next: g.flights[k.item]}
	g.flights[k.item] = f
	g.running++
	return f, true
}

// Leave ends one request's wait.
func (g *Group[T]) Leave() { g.waiting-- }

// Land ends a flight: nobody joins it any more.
func (g *Group[T]) Land(f *Flight[T]) {
	g.running--
	g.unlink(f)
}

// Forget ends the joining of every flight on an item, because it was written:
// what they bring may be from before. Those who wait still get it.
func (g *Group[T]) Forget(item uint64) { delete(g.flights, item) }

// unlink takes a flight off its item's list, if it is there.
func (g *Group[T]) unlink(f *Flight[T]) {
	first, ok := g.flights[f.key.item]
	if !ok {
		return
	}
	if first == f {
		if f.next == nil {
			delete(g.flights, f.key.item)
		} else {
			g.flights[f.key.item] = f.next
		}
		return
	}
	for ; first.next != nil; first = first.next {
		if first.next == f {
			first.next = f.next
			return
		}
	}
}

// Running returns how many flights have not landed.
func (g *Group[T]) Running() int { return g.running }

// Waiting returns how many requests wait.
func (g *Group[T]) Waiting() int { return g.waiting }

// Until returns when a request stops waiting for a flight with this end: at its
// own deadline, when its caller leaves, or when the flight must have hung.
func Until(r *lab.Request, end time.Duration) time.Duration {
	if own := r.End(); own > 0 {
		return min(own, end+Grace)
	}
	return end + Grace
}

// Detached makes r, a copy of the leader's request, the flight's own: the
// leader's deadline and patience are not those of the others.
func Detached(r *lab.Request, end time.Duration) { r.Deadline, r.Patience = end, 0 }

// Alone reports whether one who waited asks by itself after this answer.
func (g *Group[T]) Alone(led bool, res *lab.Response) bool {
	return !led && !g.knobs.ShareErrors && !res.Outcome.Good()
}
