package cache

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"workbench/lab"
)

// table is the memory of one instance under one of the policies. It is safe
// for concurrent use.
type table interface {
	get(now time.Duration, item uint64, op uint8, u float64) (lab.Response, Found, Lease)
	peek(now time.Duration, item uint64, op uint8) (lab.Response, bool)
	put(now time.Duration, item uint64, op uint8, lease Lease, res lab.Response, ttl, load time.Duration) Stored
	drop(item uint64) int
	clear()
	len() int
	recent(now time.Duration) (hits, looks uint64)
}

func newTable(k *Knobs, evicted *atomic.Uint64) (table, error) {
	if k.Policy == TinyLFU {
		return newTinyLFU(k, evicted)
	}
	parts := Shards(k)
	t := make(sharded, len(parts))
	for i, c := range parts {
		t[i] = &part{cache: c}
	}
	return t, nil
}

// sharded is our own cache with a lock for each part.
type sharded []*part

type part struct {
	mu    sync.Mutex
	cache *Cache // guarded by mu
}

func (t sharded) part(item uint64) *part { return t[Shard(item, len(t))] }

func (t sharded) get(now time.Duration, item uint64, op uint8, u float64) (lab.Response, Found, Lease) {
	p := t.part(item)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cache.Get(now, item, op, u)
}

func (t sharded) peek(now time.Duration, item uint64, op uint8) (lab.Response, bool) {
	p := t.part(item)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cache.Peek(now, item, op)
}

func (t sharded) put(now time.Duration, item uint64, op uint8, lease Lease, res lab.Response, ttl, load time.Duration) Stored {
	p := t.part(item)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cache.Put(now, item, op, lease, res, ttl, load)
}

func (t sharded) drop(item uint64) int {
	p := t.part(item)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cache.Drop(item)
}

func (t sharded) clear() {
	for _, p := range t {
		p.mu.Lock()
		p.cache.Clear()
		p.mu.Unlock()
	}
}

func (t sharded) len() (n int) {
	for _, p := range t {
		p.mu.Lock()
		n += p.cache.Len()
		p.mu.Unlock()
	}
	return n
}

func (t sharded) recent(now time.Duration) (hits, looks uint64) {
	for _, p := range t {
		p.mu.Lock()
		h, l := p.cache.Recent(now)
		p.mu.Unlock()
		hits += h
		looks += l
	}
	return hits, looks
}

// tinyLFU keeps answers in otter, whose policy admits an entry only if it is
// asked for more often than the one it would displace. Expiry is checked here,
// on the lab's clock; otter only bounds. Its hash seed is random, so it does
// not run in virtual time.
type tinyLFU struct {
	cache   *otter.Cache[tinyKey, *tinyEntry]
	early   float64
	seen    [4]atomic.Uint64 // operations that were ever kept, a bit each: what drop has to look for
	stripes [versions]stripe
}

type tinyKey struct {
	item uint64
	op   uint8
}

type tinyEntry struct {
	res                 lab.Response
	born, expires, load time.Duration
}

// stripe orders the stores and drops of the items that share it: without it, a
// store whose lease was checked before a drop could land after it.
type stripe struct {
	mu     sync.Mutex
	lease  Lease  // guarded by mu
	window window // guarded by mu
}

func newTinyLFU(k *Knobs, evicted *atomic.Uint64) (*tinyLFU, error) {
	c, err := otter.New(&otter.Options[tinyKey, *tinyEntry]{
		MaximumSize: k.Capacity,
		OnAtomicDeletion: func(e otter.DeletionEvent[tinyKey, *tinyEntry]) {
			if e.WasEvicted() {
				evicted.Add(1)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	return &tinyLFU{cache: c, early: k.Early}, nil
}

func (t *tinyLFU) get(now time.Duration, item uint64, op uint8, u float64) (lab.Response, Found, Lease) {
	e, ok := t.cache.GetIfPresent(tinyKey{item, op})
	found := Miss
	var res lab.Response
	switch {
	case ok && now >= e.expires:
		found = Expired
	case ok:
		found = Hit
		res = e.res
		res.Cached, res.Age = true, now-e.born
		if t.early > 0 && due(e.expires-now, e.load, t.early, u) {
			found = Soon
		}
	}
	s := &t.stripes[item%versions]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window.add(now, found == Hit)
	// The lease is read after the look: a drop between the two makes it newer
	// than the copy that was found, which a load that begins now may replace.
	return res, found, s.lease
}

func (t *tinyLFU) peek(now time.Duration, item uint64, op uint8) (lab.Response, bool) {
	e, ok := t.cache.GetIfPresent(tinyKey{item, op})
	if !ok || now >= e.expires {
		return lab.Response{}, false
	}
	res := e.res
	res.Cached, res.Age = true, now-e.born
	return res, true
}

func (t *tinyLFU) put(now time.Duration, item uint64, op uint8, lease Lease, res lab.Response, ttl, load time.Duration) Stored {
	s := &t.stripes[item%versions]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease != lease {
		return Refused
	}
	t.seen[op/64].Or(1 << (op % 64))
	t.cache.Set(tinyKey{item, op}, &tinyEntry{res: res, born: now - res.Age, expires: now + ttl, load: load})
	return Kept
}

func (t *tinyLFU) drop(item uint64) (dropped int) {
	s := &t.stripes[item%versions]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease++
	for i := range t.seen {
		word := t.seen[i].Load()
		for op := i * 64; word != 0; op, word = op+1, word>>1 {
			if word&1 == 0 {
				continue
			}
			if _, ok := t.cache.Invalidate(tinyKey{item, uint8(op)}); ok {
				dropped++
			}
		}
	}
	return dropped
}

func (t *tinyLFU) clear() {
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.Lock()
		s.lease++
		s.mu.Unlock()
	}
	t.cache.InvalidateAll()
}

func (t *tinyLFU) len() int { return t.cache.EstimatedSize() }

func (t *tinyLFU) recent(now time.Duration) (hits, looks uint64) {
	for i := range t.stripes {
		s := &t.stripes[i]
		s.mu.Lock()
		h, l := s.window.sum(now)
		s.mu.Unlock()
		hits += h
		looks += l
	}
	return hits, looks
}

var (
	_ table = sharded(nil)
	_ table = (*tinyLFU)(nil)
)
