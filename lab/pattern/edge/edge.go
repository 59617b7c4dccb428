package edge

import (
	"container/list"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// Knobs are the settings of the pattern.
type Knobs struct {
	Capacity int           `knob:"capacity" unit:"answers" min:"1" max:"1000000" help:"most answers that are kept; the one used longest ago gives way"`
	Life     time.Duration `knob:"s_maxage" min:"0s" max:"24h" help:"for how long an answer is fresh: the s-maxage that the service gives"`
	While    time.Duration `knob:"stale_while_revalidate" min:"0s" max:"24h" help:"for how long after that a copy answers at once while one request fetches a new one; 0: off"`
	IfError  time.Duration `knob:"stale_if_error" min:"0s" max:"24h" help:"for how long after its lifetime a copy answers when the service fails; 0: off"`
	Collapse bool          `knob:"collapse" help:"one request to the service answers all that want the same meanwhile"`
}

// Defaults returns the settings the pattern starts with.
func Defaults() Knobs {
	return Knobs{Capacity: 10_000, Life: 10 * time.Second, While: 10 * time.Second, IfError: 5 * time.Minute, Collapse: true}
}

// Validate reports lifetimes that HTTP cannot say.
func (k *Knobs) Validate() error {
	for name, d := range map[string]time.Duration{"s_maxage": k.Life, "stale_while_revalidate": k.While, "stale_if_error": k.IfError} {
		if d%time.Second != 0 {
			return knob.Wrong(name, d, "whole seconds: Cache-Control knows no others")
		}
	}
	return nil
}

// Control is what the service's answers say of themselves, as Cache-Control. It
// says max-age and not s-maxage, which would forbid any stale use (RFC 9111 section
// 4.2.4); the edge is the only cache here.
func (k Knobs) Control() string {
	s := func(d time.Duration) int64 { return int64(d / time.Second) }
	return fmt.Sprintf("public, max-age=%d, stale-while-revalidate=%d, stale-if-error=%d", s(k.Life), s(k.While), s(k.IfError))
}

// versions is the number of counters that tell whether an item was written while
// it was loaded. Items share them, so a write now and then keeps another item's
// answer from being kept, never the reverse.
const versions = 256

// Offer is what the copies have for a request.
type Offer uint8

// The offers.
const (
	Miss  Offer = iota // nothing that may be used
	Fresh              // a copy to answer with, as ok
	While              // a copy to answer with, as stale, and to be fetched anew
)

// Lease is the right to keep an answer whose load begins now. It is void once the
// item is written.
type Lease uint32

// Kept is what became of an answer given to Keep.
type Kept uint8

// What can become of it.
const (
	Refused   Kept = iota // not to be kept, or the item was written meanwhile
	Stored                // the first copy
	StoredFor             // the first copy, for which another gave way
	Renewed               // in place of a copy of the same, which a validator would have confirmed
)

// Copies are the kept answers and the requests that are under way for them. T is
// what a wrapper knows of a flight. They are not safe for concurrent use. The
// methods take the instant on the lab's clock.
type Copies[T any] struct {
	*Shelf
	knobs   Knobs
	flights map[uint64]*Flight[T]
}

// Shelf holds the answers. In virtual time the edge's stages, one before each
// instance, have one shelf.
type Shelf struct {
	byKey    map[uint64]*list.Element // of *held, by cache key
	used     list.List                // last used in front
	versions [versions]Lease
}

// NewShelf returns an empty shelf.
func NewShelf() *Shelf { return &Shelf{byKey: map[uint64]*list.Element{}} }

type held struct {
	key, item uint64
	res       lab.Response
	born      time.Duration
	lease     Lease // under which it was loaded
}

// Flight is one request to the service that others may wait for.
type Flight[T any] struct {
	Of    T
	key   uint64
	lease Lease
}

// New returns empty copies.
func New[T any](k Knobs) *Copies[T] { return Over[T](k, NewShelf()) }

// Over returns copies on a shelf.
func Over[T any](k Knobs, s *Shelf) *Copies[T] {
	return &Copies[T]{Shelf: s, knobs: k, flights: map[uint64]*Flight[T]{}}
}

// Len returns how many answers are kept.
func (c *Shelf) Len() int { return c.used.Len() }

// Flights returns how many requests are under way that others may wait for.
func (c *Copies[T]) Flights() int { return len(c.flights) }

// Look returns what there is for a read. The lease is for Keep.
func (c *Copies[T]) Look(now time.Duration, r *lab.Request) (lab.Response, Offer, Lease) {
	lease := c.versions[r.Key%versions]
	at, ok := c.byKey[r.CacheKey()]
	if !ok {
		return lab.Response{}, Miss, lease
	}
	c.used.MoveToFront(at)
	h := at.Value.(*held)
	age := now - h.born
	switch {
	case age < c.knobs.Life:
		return h.answer(age, lab.OK), Fresh, lease
	case age-c.knobs.Life < c.knobs.While:
		return h.answer(age, lab.Stale), While, lease
	}
	return lab.Response{}, Miss, lease
}

func (h *held) answer(age time.Duration, o lab.Outcome) lab.Response {
	res := h.res
	res.Outcome, res.Cached, res.Age = o, true, age
	return res
}

// OnError returns the copy that stands in for an answer which is a failure: what
// is 500, 502, 503 or 504 in HTTP.
func (c *Copies[T]) OnError(now time.Duration, r *lab.Request, res *lab.Response) (lab.Response, bool) {
	if !res.Trouble() {
		return lab.Response{}, false
	}
	at, ok := c.byKey[r.CacheKey()]
	if !ok {
		return lab.Response{}, false
	}
	h := at.Value.(*held)
	age := now - h.born
	if age-c.knobs.Life >= c.knobs.IfError {
		return lab.Response{}, false
	}
	return h.answer(age, lab.Stale), true
}

// served reports whether an answer is of use to others than the one who asked.
func served(res *lab.Response) bool { return res.Outcome == lab.OK || res.Outcome == lab.Stale }

// Keepable reports whether an answer to a read may be kept.
func Keepable(res *lab.Response) bool { return res.Outcome == lab.OK && !res.Accepted }

// Keep makes an answer the copy for its requests.
func (c *Copies[T]) Keep(now time.Duration, r *lab.Request, lease Lease, res lab.Response) Kept {
	if !Keepable(&res) || lease != c.versions[r.Key%versions] {
		return Refused
	}
	key := r.CacheKey()
	h := &held{key: key, item: r.Key, res: res, born: now - res.Age, lease: lease}
	if at, ok := c.byKey[key]; ok {
		at.Value = h
		c.used.MoveToFront(at)
		return Renewed
	}
	c.byKey[key] = c.used.PushFront(h)
	if c.used.Len() <= c.knobs.Capacity {
		return Stored
	}
	c.drop(c.used.Back())
	return StoredFor
}

func (c *Shelf) drop(at *list.Element) {
	delete(c.byKey, at.Value.(*held).key)
	c.used.Remove(at)
}

// Wrote takes the answer of a write and returns how many copies it dropped: those
// of the item's operations, which are ops. A write that was answered with an error
// drops nothing, as in HTTP, but what was loaded before it ended is not kept.
func (c *Shelf) Wrote(r *lab.Request, ops int, res *lab.Response) int {
	c.versions[r.Key%versions]++
	if res.Outcome != lab.OK {
		return 0
	}
	dropped, probe := 0, *r
	for op := range ops {
		probe.Op = uint8(op)
		if at, ok := c.byKey[probe.CacheKey()]; ok && at.Value.(*held).item == r.Key {
			c.drop(at)
			dropped++
		}
	}
	return dropped
}

// Join returns the flight for a read, and whether the caller leads it. nil:
// requests are not collapsed. Nobody joins one that began before a write.
func (c *Copies[T]) Join(r *lab.Request, lease Lease) (f *Flight[T], leads bool) {
	if !c.knobs.Collapse {
		return nil, false
	}
	return c.Refresh(r, lease)
}

// Refresh returns a flight for a copy that is to be fetched anew, and whether the
// caller leads it: only one does, whether requests are collapsed or not.
func (c *Copies[T]) Refresh(r *lab.Request, lease Lease) (f *Flight[T], leads bool) {
	key := r.CacheKey()
	if f = c.flights[key]; f != nil && f.lease == lease {
		return f, false
	}
	f = &Flight[T]{key: key, lease: lease}
	c.flights[key] = f
	return f, true
}

// Land ends a flight, so that nobody joins it any more, and returns its lease.
func (c *Copies[T]) Land(f *Flight[T]) Lease {
	if c.flights[f.key] == f {
		delete(c.flights, f.key)
	}
	return f.lease
}

// Limit is the deadline of a request that goes on for itself.
const Limit = 10 * time.Second

// Detached makes r, a copy of a request, one that the edge sends for all who wait:
// it has nobody's patience.
func Detached(now time.Duration, r *lab.Request) {
	r.Patience = 0
	if r.Deadline == 0 || r.Deadline > now+Limit {
		r.Deadline = now + Limit
	}
}
