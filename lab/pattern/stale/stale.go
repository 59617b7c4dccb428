package stale

import (
	"fmt"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"workbench/lab"
	"workbench/lab/knob"
)

// Knobs are the settings of the pattern.
type Knobs struct {
	Capacity   int           `knob:"capacity" unit:"items" min:"1" max:"10000000" help:"most items whose last good answers are kept"`
	MaxAge     time.Duration `knob:"max_age" min:"1ms" max:"24h" help:"oldest answer that is ever given out"`
	After      time.Duration `knob:"after" min:"0s" max:"1m" help:"give out the copy if the call takes longer, and let it go on; 0: wait for its end"`
	Refresh    time.Duration `knob:"refresh" min:"0s" max:"24h" help:"give out a copy up to this age at once and renew it behind; 0: off"`
	FreshFor   time.Duration `knob:"fresh_for" min:"0s" max:"24h" help:"up to this age a copy counts as fresh and is not renewed; 0: off"`
	Background int           `knob:"background" unit:"calls" min:"1" max:"10000" help:"most calls that go on behind at once"`
}

// Defaults returns the settings the pattern starts with: stale on error only.
func Defaults() Knobs {
	return Knobs{Capacity: 10_000, MaxAge: 10 * time.Minute, Background: 64}
}

// Validate reports settings that contradict each other.
func (k *Knobs) Validate() error {
	if k.Refresh > k.MaxAge {
		return knob.Wrong("refresh", k.Refresh, "at most max_age ("+k.MaxAge.String()+")")
	}
	if k.FreshFor > k.MaxAge {
		return knob.Wrong("fresh_for", k.FreshFor, "at most max_age ("+k.MaxAge.String()+")")
	}
	if k.Refresh > 0 && k.FreshFor > k.Refresh {
		return knob.Wrong("fresh_for", k.FreshFor, "at most refresh ("+k.Refresh.String()+"), or refresh 0s")
	}
	return nil
}

const (
	// Pause is the least time between a renewal that failed and the next.
	Pause = time.Second
	// Limit is the deadline of a call that goes on behind without another.
	Limit = 10 * time.Second
	// versions is the number of counters that tell whether an item was
	// written while it was loaded. Items share them, so a write now and then
	// keeps another item's answer from being kept, never the reverse.
	versions = 256
)

// Offer is what the copies have for a request.
type Offer uint8

// The offers.
const (
	Nothing Offer = iota // no copy, or one that is too old
	Backup               // a copy to give out if the call fails or is slow
	AtOnce               // a copy to give out now, as stale; it should be renewed
	Fresh                // a copy to give out now, as ok
)

// Lease is the right to keep an answer whose load begins now. It is void once
// the item is written.
type Lease uint32

// Kept is what became of an answer given to Keep.
type Kept uint8

// What can become of it.
const (
	Refused Kept = iota // the item was written while the answer was loaded
	Stored
	StoredFor // stored, and the least recently used item gave way
)

// Copies are the last good answers under a bound. They are not safe for
// concurrent use. The methods take the instant on the lab's clock.
type Copies struct {
	knobs       Knobs
	items       *simplelru.LRU[uint64, *item]
	generations [versions]Lease
	behind      int // calls that go on behind
}

// item holds the copies of one item, one for each operation: few.
type item struct{ copies []held }

type held struct {
	res      lab.Response
	born     time.Duration // when the answer was fresh
	next     time.Duration // no renewal before this instant
	op       uint8
	renewing bool // a renewal is under way
	failed   bool // the last renewal failed
	doubtful bool // a write may have changed the item since
}

// New returns empty copies.
func New(k Knobs) (*Copies, error) {
	items, err := simplelru.NewLRU[uint64, *item](k.Capacity, nil)
	if err != nil {
		return nil, fmt.Errorf("stale copies of %d items: %w", k.Capacity, err)
	}
	return &Copies{knobs: k, items: items}, nil
}

// Len returns of how many items there are copies.
func (c *Copies) Len() int { return c.items.Len() }

// Behind returns how many calls go on behind.
func (c *Copies) Behind() int { return c.behind }

// Look returns what there is for an operation on an item. The lease is for
// Keep.
func (c *Copies) Look(now time.Duration, key uint64, op uint8) (lab.Response, Offer, Lease) {
	lease := c.generations[key%versions]
	h := c.find(key, op)
	if h == nil {
		return lab.Response{}, Nothing, lease
	}
	age := now - h.born
	k := &c.knobs
	switch {
	case age > k.MaxAge:
		return lab.Response{}, Nothing, lease
	case h.doubtful:
		return h.stale(now), Backup, lease
	case age < k.FreshFor:
		res := h.res
		res.Cached, res.Age = true, age
		return res, Fresh, lease
	case k.Refresh > 0 && (age < k.Refresh || h.failed):
		return h.stale(now), AtOnce, lease
	}
	return h.stale(now), Backup, lease
}

func (h *held) stale(now time.Duration) lab.Response {
	res := h.res
	res.Outcome, res.Age = lab.Stale, now-h.born
	return res
}

// Last returns the copy to give out in place of a failure, and if there is
// none, whether there is one that is too old.
func (c *Copies) Last(now time.Duration, key uint64, op uint8) (res lab.Response, ok, tooOld bool) {
	h := c.find(key, op)
	if h == nil {
		return lab.Response{}, false, false
	}
	if now-h.born > c.knobs.MaxAge {
		return lab.Response{}, false, true
	}
	return h.stale(now), true, false
}

// Keep makes a good answer the last one of its operation on its item.
func (c *Copies) Keep(now time.Duration, key uint64, op uint8, lease Lease, res lab.Response) Kept {
	if lease != c.generations[key%versions] {
		return Refused
	}
	stored := Stored
	it, ok := c.items.Get(key)
	if !ok {
		it = &item{}
		if c.items.Add(key, it) {
			stored = StoredFor
		}
	}
	h := it.find(op)
	if h == nil {
		it.copies = append(it.copies, held{op: op})
		h = &it.copies[len(it.copies)-1]
	}
	renewing := h.renewing
	*h = held{res: res, born: now - res.Age, op: op, renewing: renewing}
	return stored
}

// Wrote takes the answer of a write and returns how many copies it dropped.
// One that was turned away changed nothing. One that failed or came late may
// have changed the item: its copies remain for the worst case.
func (c *Copies) Wrote(key uint64, res *lab.Response) int {
	switch res.Outcome {
	case lab.Limited, lab.Open, lab.Shed:
		if res.Reason != lab.ReasonShutdown {
			return 0
		}
	}
	c.generations[key%versions]++
	it, ok := c.items.Peek(key)
	if !ok {
		return 0
	}
	if res.Outcome == lab.OK {
		c.items.Remove(key)
		return len(it.copies)
	}
	for i := range it.copies {
		it.copies[i].doubtful = true
	}
	return 0
}

// Renew reports whether the caller is to renew a copy: nobody else does, the
// last failure is a while ago and there is room. If so, EndRenew follows.
func (c *Copies) Renew(now time.Duration, key uint64, op uint8) bool {
	h := c.find(key, op)
	if h == nil || h.renewing || now < h.next || !c.TakeRoom() {
		return false
	}
	h.renewing = true
	return true
}

// EndRenew ends a renewal; a good answer has been given to Keep before. A
// failure extends the copy.
func (c *Copies) EndRenew(now time.Duration, key uint64, op uint8, ok bool) {
	c.FreeRoom()
	h := c.find(key, op)
	if h == nil {
		return
	}
	h.renewing = false
	if !ok {
		h.failed, h.next = true, now+Pause
	}
}

// TakeRoom takes room for a call that goes on behind, if there is some.
func (c *Copies) TakeRoom() bool {
	if c.behind >= c.knobs.Background {
		return false
	}
	c.behind++
	return true
}

// FreeRoom returns the room that TakeRoom or Renew took.
func (c *Copies) FreeRoom() { c.behind-- }

// find returns a copy and marks its item as used.
func (c *Copies) find(key uint64, op uint8) *held {
	it, ok := c.items.Get(key)
	if !ok {
		return nil
	}
	return it.find(op)
}

func (it *item) find(op uint8) *held {
	for i := range it.copies {
		if it.copies[i].op == op {
			return &it.copies[i]
		}
	}
	return nil
}

// Keepable reports whether an answer may become a copy.
func Keepable(res *lab.Response) bool { return res.Outcome == lab.OK && !res.Accepted }

// Covers reports whether a copy is better than this answer. Not for a caller
// over its quota, and not for a request that is wrong whoever answers it.
func Covers(res *lab.Response) bool { return res.Trouble() }

// Detached makes r, a copy of a request, that of a call which goes on behind:
// it always has a deadline. A renewal is nobody's, so it has no patience and
// not the deadline of the request that began it.
func Detached(now time.Duration, r *lab.Request, renewal bool) {
	if renewal {
		r.Deadline, r.Patience = 0, 0
	}
	if r.Deadline == 0 || r.Deadline > now+Limit {
		r.Deadline = now + Limit
	}
}
