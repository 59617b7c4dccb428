// Package consistenthash sends each key to a node, moves few keys when nodes come
// and go, and lets no node carry much more than its share.
// This answer needs no ring at all: each node bids for each key, and the highest
// bid wins (rendezvous hashing). Readers use a snapshot without a lock.
package consistenthash

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Ring spreads keys over nodes. Make one with New. It is safe for concurrent use.
type Ring struct {
	slack float64
	view  atomic.Pointer[[]bidder] // never changed once stored

	mu    sync.Mutex     // held by those who change nodes or loads
	loads map[string]int // guarded by mu
	total int            // guarded by mu
}

type bidder struct {
	name string
	seed uint64
}

// New returns an empty ring; bids need no points, so replicas has no use here.
func New(_ int, slack float64) *Ring {
	if math.IsNaN(slack) {
		slack = 0
	}
	r := &Ring{slack: max(0, slack), loads: map[string]int{}}
	r.view.Store(&[]bidder{})
	return r
}

// Add puts a node on the ring.
func (r *Ring) Add(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, there := r.loads[node]; there {
		return false
	}
	r.loads[node] = 0
	next := append(slices.Clone(*r.view.Load()), bidder{node, digest(0xcbf29ce484222325, node)})
	r.view.Store(&next)
	return true
}

// Remove takes a node off the ring.
func (r *Ring) Remove(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	load, there := r.loads[node]
	if !there {
		return false
	}
	r.total -= load
	delete(r.loads, node)
	next := slices.DeleteFunc(slices.Clone(*r.view.Load()), func(b bidder) bool { return b.name == node })
	r.view.Store(&next)
	return true
}

// Owner returns the node of key whatever the loads.
func (r *Ring) Owner(key string) (string, bool) {
	return best(*r.view.Load(), key, nil)
}

// Acquire returns the highest bidder that has room.
func (r *Ring) Acquire(key string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	nodes := *r.view.Load()
	most := math.Ceil((1 + r.slack) * float64(r.total+1) / float64(len(nodes)))
	node, ok := best(nodes, key, func(name string) bool { return float64(r.loads[name]) < most })
	if ok {
		r.loads[node]++
		r.total++
	}
	return node, ok
}

// Release takes 1 from the load of node.
func (r *Ring) Release(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loads[node] == 0 {
		return false
	}
	r.loads[node]--
	r.total--
	return true
}

// Loads returns the load of each node on the ring.
func (r *Ring) Loads() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	loads := map[string]int{}
	for node, n := range r.loads {
		loads[node] = n
	}
	return loads
}

func best(nodes []bidder, key string, room func(string) bool) (string, bool) {
	var winner string
	var top uint64
	found := false
	for _, b := range nodes {
		bid := digest(b.seed, key)
		if found && (bid < top || bid == top && b.name > winner) || room != nil && !room(b.name) {
			continue
		}
		winner, top, found = b.name, bid, true
	}
	return winner, found
}

func digest(h uint64, text string) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3
		h ^= h >> 29
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
