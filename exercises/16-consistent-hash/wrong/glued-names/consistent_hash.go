// kills: TestNamesThatCollide — Glue a number to a name without a separator and n1+1 is n+11: nodes steal points from one another.

package consistenthash

import (
	"math"
	"sort"
	"strconv"
	"sync"
)

// Ring spreads keys over nodes. Make one with New. It is safe for concurrent use.
type Ring struct {
	replicas int
	slack    float64

	mu     sync.Mutex
	loads  map[string]int    // guarded by mu; a key for each node
	circle []uint64          // guarded by mu; the points in order
	owner  map[uint64]string // guarded by mu; the node of each point
}

// New returns an empty ring.
func New(replicas int, slack float64) *Ring {
	if replicas < 1 {
		replicas = 1
	}
	if math.IsNaN(slack) || slack < 0 {
		slack = 0
	}
	return &Ring{replicas: replicas, slack: slack, loads: map[string]int{}}
}

// Add puts a node on the ring.
func (r *Ring) Add(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, there := r.loads[node]; there {
		return false
	}
	r.loads[node] = 0
	r.build()
	return true
}

// Remove takes a node off the ring.
func (r *Ring) Remove(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, there := r.loads[node]; !there {
		return false
	}
	delete(r.loads, node)
	for i := range r.replicas {
		delete(r.owner, spread(node+strconv.Itoa(i)))
	}
	r.circle = r.circle[:0]
	for h := range r.owner {
		r.circle = append(r.circle, h)
	}
	sort.Slice(r.circle, func(i, j int) bool { return r.circle[i] < r.circle[j] })
	return true
}

// build gives a point that two nodes claim to the smaller name, in whatever order they came.
func (r *Ring) build() {
	r.owner = make(map[uint64]string, len(r.loads)*r.replicas)
	for node := range r.loads {
		for i := range r.replicas {
			h := spread(node + strconv.Itoa(i))
			if other, taken := r.owner[h]; !taken || node < other {
				r.owner[h] = node
			}
		}
	}
	r.circle = r.circle[:0]
	for h := range r.owner {
		r.circle = append(r.circle, h)
	}
	sort.Slice(r.circle, func(i, j int) bool { return r.circle[i] < r.circle[j] })
}

// walk calls visit with the nodes from key on until it returns true or the circle is closed.
func (r *Ring) walk(key string, visit func(node string) bool) (string, bool) {
	h := spread(key)
	start := sort.Search(len(r.circle), func(i int) bool { return r.circle[i] >= h })
	for i := range r.circle {
		node := r.owner[r.circle[(start+i)%len(r.circle)]]
		if visit(node) {
			return node, true
		}
	}
	return "", false
}

// Owner returns the node of key whatever the loads.
func (r *Ring) Owner(key string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.walk(key, func(string) bool { return true })
}

// Acquire returns the first node for key that has room.
func (r *Ring) Acquire(key string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	total := 1
	for _, n := range r.loads {
		total += n
	}
	most := math.Ceil((1 + r.slack) * float64(total) / float64(len(r.loads)))
	node, ok := r.walk(key, func(node string) bool { return float64(r.loads[node]+1) <= most })
	if ok {
		r.loads[node]++
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
	return true
}

// Loads returns the load of each node on the ring.
func (r *Ring) Loads() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	loads := make(map[string]int, len(r.loads))
	for node, n := range r.loads {
		loads[node] = n
	}
	return loads
}

// spread is FNV-1a with a finisher: FNV alone keeps like names close together.
func spread(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return mix(h)
}

func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
