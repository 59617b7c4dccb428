// kills: TestHotKey — Without a bound one celebrity is one node's problem.

package consistenthash

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"sync"
)

// Ring spreads keys over nodes. Make one with New. It is safe for concurrent use.
type Ring struct {
	replicas int
	slack    float64

	mu     sync.RWMutex
	points []point          // guarded by mu; by hash, then by name
	nodes  map[string]*node // guarded by mu
	total  int              // guarded by mu; the sum of all loads
}

type node struct {
	name string
	load int
}

type point struct {
	hash uint64
	node *node
}

// New returns an empty ring.
func New(replicas int, slack float64) *Ring {
	if !(slack > 0) { // also when it is not a number
		slack = 0
	}
	return &Ring{replicas: max(1, replicas), slack: slack, nodes: map[string]*node{}}
}

// Add puts a node on the ring.
func (r *Ring) Add(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.nodes[name] != nil {
		return false
	}
	n := &node{name: name}
	r.nodes[name] = n
	for i := range r.replicas {
		r.points = append(r.points, point{hash(strconv.Itoa(i) + "/" + name), n})
	}
	slices.SortFunc(r.points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.node.name, b.node.name))
	})
	return true
}

// Remove takes a node off the ring.
func (r *Ring) Remove(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[name]
	if n == nil {
		return false
	}
	delete(r.nodes, name)
	r.total -= n.load
	r.points = slices.DeleteFunc(r.points, func(p point) bool { return p.node == n })
	return true
}

// Owner returns the node of key whatever the loads.
func (r *Ring) Owner(key string) (string, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.points) == 0 {
		return "", false
	}
	return r.points[r.at(key)].node.name, true
}

// Acquire walks clockwise from the owner to the first node that has room.
func (r *Ring) Acquire(key string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.points) == 0 {
		return "", false
	}
	room := int(math.Ceil((1 + r.slack) * float64(r.total+1) / float64(len(r.nodes))))
	start := r.at(key)
	for i := range r.points {
		n := r.points[(start+i)%len(r.points)].node
		if n.load+1 <= room || room > 0 {
			n.load++
			r.total++
			return n.name, true
		}
	}
	return "", false
}

// Release takes 1 from the load of node.
func (r *Ring) Release(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[name]
	if n == nil || n.load == 0 {
		return false
	}
	n.load--
	r.total--
	return true
}

// Loads returns the load of each node on the ring.
func (r *Ring) Loads() map[string]int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	loads := map[string]int{}
	for name, n := range r.nodes {
		loads[name] = n.load
	}
	return loads
}

// at returns the first point at or after key; past the last one the ring begins again.
func (r *Ring) at(key string) int {
	h := hash(key)
	i, _ := slices.BinarySearchFunc(r.points, h, func(p point, h uint64) int { return cmp.Compare(p.hash, h) })
	return i % len(r.points)
}

func hash(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}
