package cache

import (
	"math"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// Knobs are the settings of the cache.
type Knobs struct {
	Store    string        `knob:"store" options:"memory,redis,both" help:"where answers are kept: in each instance, in the shared Redis, or in both"`
	Policy   string        `knob:"policy" options:"lru,w-tinylfu" help:"which entry gives way when memory is full (virtual time always uses lru)"`
	Capacity int           `knob:"capacity" unit:"entries" min:"1" max:"10000000" help:"most answers kept in one instance's memory"`
	TTL      time.Duration `knob:"ttl" min:"1ms" max:"24h" help:"how long an answer is used before it is loaded again"`
	Jitter   float64       `knob:"jitter" unit:"share" min:"0" max:"0.9" help:"each ttl is drawn from this share below to this share above, so that entries do not expire together"`
	Negative time.Duration `knob:"negative_ttl" min:"0s" max:"1h" help:"how long \"no such item\" is remembered, at most ttl; 0: never"`
	Early    float64       `knob:"early" unit:"factor" min:"0" max:"100" help:"chance of loading again shortly before expiry (XFetch's beta, usually 1); 0: off; needs memory"`
	Wait     time.Duration `knob:"redis_timeout" min:"1ms" max:"1s" help:"longest wait for Redis, after which the request is a miss"`
}

// Defaults returns the settings a cache starts with.
func Defaults() Knobs {
	return Knobs{
		Store: Memory, Policy: LRU, Capacity: 10_000, TTL: 30 * time.Second, Jitter: .1,
		Negative: 2 * time.Second, Wait: 50 * time.Millisecond,
	}
}

// The choices of store and policy.
const (
	Memory  = "memory"
	Redis   = "redis"
	Both    = "both"
	LRU     = "lru"
	TinyLFU = "w-tinylfu"
)

// Validate reports settings that contradict each other.
func (k *Knobs) Validate() error {
	if k.Early > 0 && k.Store == Redis {
		return knob.Wrong("early", "more than 0 with store redis", "0, or store memory or both: the copy that answers meanwhile is kept in memory")
	}
	return nil
}

// Life returns how long an answer is kept, for the uniform draw u. It is 0 for
// an answer that is not to be kept.
func (k *Knobs) Life(missing bool, u float64) time.Duration {
	ttl := k.TTL
	if missing {
		ttl = min(k.TTL, k.Negative)
	}
	return time.Duration(float64(ttl) * (1 + k.Jitter*(2*u-1)))
}

// Keepable reports whether an answer may be shared with later requests.
func Keepable(res *lab.Response) bool { return res.Outcome == lab.OK && !res.Accepted }

// Changes reports whether the item may have changed when a write got this
// answer. One that was turned away did nothing; one that failed or came late
// may have done its work all the same.
func Changes(res *lab.Response) bool {
	switch res.Outcome {
	case lab.Limited, lab.Open:
		return false
	case lab.Shed:
		return res.Reason == lab.ReasonShutdown
	}
	return true
}

// Found is what a look into the cache found.
type Found uint8

// The findings.
const (
	Miss    Found = iota // nothing
	Expired              // a copy that is too old; it is gone now
	Soon                 // a copy that is good but should be loaded again by this request
	Hit                  // a copy to answer with
)

// Lease is the right to store an answer that is loaded after a miss. It is
// void once the item is dropped, because the answer may be from before.
type Lease uint32

// versions is the number of version counters of a cache. Items share them, so
// a write now and then voids the lease of another item: a lost store, never a
// wrong one.
const versions = 256

// Cache is the least recently used answers under a bound. Entries of one item
// are chained, so that a write drops all its operations with one look-up.
// It is not safe for concurrent use; see Shards. The methods take the instant
// on the lab's clock.
type Cache struct {
	capacity    int
	early       float64
	index       map[uint64]int32 // item: its first entry
	slots       []entry          // grown to capacity, then reused
	free        int32            // first unused slot, chained by next
	newest      int32
	oldest      int32
	used        int
	generations [versions]Lease
	window      window
}

// entry is one kept answer. Links are indices into slots, nowhere at the ends.
type entry struct {
	res         lab.Response
	item        uint64
	born        time.Duration // when the answer was fresh
	expires     time.Duration
	load        time.Duration // how long it took to get
	newer, next int32         // towards the newest, towards the oldest
	sibling     int32         // another operation's entry of the same item
	op          uint8
}

const nowhere = -1

// New returns an empty cache of so many entries.
func New(capacity int, early float64) *Cache {
	return &Cache{
		capacity: max(capacity, 1), early: early, index: map[uint64]int32{},
		free: nowhere, newest: nowhere, oldest: nowhere,
	}
}

// Len returns how many answers are kept, including those that have expired
// and were not asked for since.
func (c *Cache) Len() int { return c.used }

// Get looks for the answer to an operation on an item. u is a uniform draw; it
// matters only for early loading. With Soon the copy is still good. The lease
// is for Put.
func (c *Cache) Get(now time.Duration, item uint64, op uint8, u float64) (lab.Response, Found, Lease) {
	lease := c.generations[item%versions]
	i := c.find(item, op)
	if i == nowhere {
		c.window.add(now, false)
		return lab.Response{}, Miss, lease
	}
	e := &c.slots[i]
	if now >= e.expires {
		c.remove(i)
		c.window.add(now, false)
		return lab.Response{}, Expired, lease
	}
	c.touch(i)
	res := e.res
	res.Cached, res.Age = true, now-e.born
	if c.early > 0 && due(e.expires-now, e.load, c.early, u) {
		c.window.add(now, false)
		return res, Soon, lease
	}
	c.window.add(now, true)
	return res, Hit, lease
}

// Peek returns the copy if it is good at now, and changes nothing.
func (c *Cache) Peek(now time.Duration, item uint64, op uint8) (lab.Response, bool) {
	i := c.find(item, op)
	if i == nowhere || now >= c.slots[i].expires {
		return lab.Response{}, false
	}
	res := c.slots[i].res
	res.Cached, res.Age = true, now-c.slots[i].born
	return res, true
}

// due says whether this request is the one to load early: the nearer the end
// and the longer a load takes, the likelier (Vattani et al.).
func due(left, load time.Duration, beta, u float64) bool {
	return float64(load)*beta*-math.Log(1-u) >= float64(left)
}

// Stored is what became of an answer given to Put.
type Stored uint8

// What can become of it.
const (
	Refused Stored = iota // the item was dropped while the answer was loaded
	Kept
	KeptFor // kept, and the least recently used entry gave way
)

// Put keeps an answer that took load to get, for ttl.
func (c *Cache) Put(now time.Duration, item uint64, op uint8, lease Lease, res lab.Response, ttl, load time.Duration) Stored {
	if lease != c.generations[item%versions] {
		return Refused
	}
	stored := Kept
	i := c.find(item, op)
	if i == nowhere {
		if c.used >= c.capacity {
			c.remove(c.oldest)
			stored = KeptFor
		}
		i = c.add(item, op)
	} else {
		c.touch(i)
	}
	e := &c.slots[i]
	e.res, e.born, e.expires, e.load = res, now-res.Age, now+ttl, load
	return stored
}

// Drop forgets every answer about an item and voids the leases on it. It
// returns how many answers there were.
func (c *Cache) Drop(item uint64) int {
	c.generations[item%versions]++
	dropped := 0
	for i, ok := c.index[item]; ok; i, ok = c.index[item] {
		c.remove(i)
		dropped++
	}
	return dropped
}

// Clear forgets everything and voids every lease.
func (c *Cache) Clear() {
	for i := range c.generations {
		c.generations[i]++
	}
	clear(c.index)
	clear(c.slots) // lets go of the bodies
	c.slots, c.used = c.slots[:0], 0
	c.free, c.newest, c.oldest = nowhere, nowhere, nowhere
}

// find returns the slot of an entry, or nowhere.
func (c *Cache) find(item uint64, op uint8) int32 {
	i, ok := c.index[item]
	if !ok {
		return nowhere
	}
	for i != nowhere && c.slots[i].op != op {
		i = c.slots[i].sibling
	}
	return i
}

// add takes a slot for a new entry and makes it the newest.
func (c *Cache) add(item uint64, op uint8) int32 {
	i := c.free
	if i == nowhere {
		i = int32(len(c.slots))
		c.slots = append(c.slots, entry{})
	} else {
		c.free = c.slots[i].next
	}
	sibling, ok := c.index[item]
	if !ok {
		sibling = nowhere
	}
	c.slots[i] = entry{item: item, op: op, sibling: sibling, newer: nowhere, next: nowhere}
	c.index[item] = i
	c.push(i)
	c.used++
	return i
}

// remove forgets one entry and frees its slot.
func (c *Cache) remove(i int32) {
	e := &c.slots[i]
	if first := c.index[e.item]; first == i {
		if e.sibling == nowhere {
			delete(c.index, e.item)
		} else {
			c.index[e.item] = e.sibling
		}
	} else {
		for c.slots[first].sibling != i {
			first = c.slots[first].sibling
		}
		c.slots[first].sibling = e.sibling
	}
	c.unlink(i)
	*e = entry{next: c.free}
	c.free = i
	c.used--
}

// touch makes an entry the newest.
func (c *Cache) touch(i int32) {
	if i != c.newest {
		c.unlink(i)
		c.push(i)
	}
}

func (c *Cache) push(i int32) {
	e := &c.slots[i]
	e.newer, e.next = nowhere, c.newest
	if c.newest != nowhere {
		c.slots[c.newest].newer = i
	} else {
		c.oldest = i
	}
	c.newest = i
}

func (c *Cache) unlink(i int32) {
	e := &c.slots[i]
	if e.newer != nowhere {
		c.slots[e.newer].next = e.next
	} else {
		c.newest = e.next
	}
	if e.next != nowhere {
		c.slots[e.next].newer = e.newer
	} else {
		c.oldest = e.newer
	}
}

// Recent returns how many of the looks of the last ten seconds found an answer,
// and how many there were.
func (c *Cache) Recent(now time.Duration) (hits, looks uint64) { return c.window.sum(now) }

// window counts the looks of the last ten seconds, by the second.
type window struct {
	second      [10]int64 // which second a cell counts, plus 1; 0: none
	hits, looks [10]uint32
}

func (w *window) add(now time.Duration, hit bool) {
	second := int64(now/time.Second) + 1
	i := second % int64(len(w.second))
	if w.second[i] != second {
		w.second[i], w.hits[i], w.looks[i] = second, 0, 0
	}
	w.looks[i]++
	if hit {
		w.hits[i]++
	}
}

func (w *window) sum(now time.Duration) (hits, looks uint64) {
	second := int64(now/time.Second) + 1
	for i, s := range w.second {
		if s > 0 && s > second-int64(len(w.second)) {
			hits += uint64(w.hits[i])
			looks += uint64(w.looks[i])
		}
	}
	return hits, looks
}
