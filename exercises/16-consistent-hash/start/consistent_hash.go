// Package consistenthash sends each key to a node, moves few keys when nodes come
// and go, and lets no node carry much more than its share.
package consistenthash

// Ring spreads keys over nodes. Make one with New. It is safe for concurrent use.
type Ring struct {
}

// New returns an empty ring. Each node gets replicas points on it (at least 1).
// Slack says how far above the mean a node's load may go: 0.25 means a quarter;
// below zero, or not a number, counts as 0.
func New(replicas int, slack float64) *Ring {
	return &Ring{}
}

// Add puts a node on the ring; it reports false if the node is there already.
func (r *Ring) Add(node string) bool { return false }

// Remove takes a node off the ring, its load with it; it reports false if there is no such node.
func (r *Ring) Remove(node string) bool { return false }

// Owner returns the node of key whatever the loads; false means an empty ring.
func (r *Ring) Owner(key string) (string, bool) { return "", false }

// Acquire returns the first node for key that has room and adds 1 to its load.
// A node has room if its load, with the new key, is at most
// ⌈(1+slack) · (total load, with the new key) / nodes⌉.
func (r *Ring) Acquire(key string) (string, bool) { return "", false }

// Release takes 1 from the load of node; it reports false if node carries nothing.
func (r *Ring) Release(node string) bool { return false }

// Loads returns the load of each node on the ring, in a map of the caller's own.
func (r *Ring) Loads() map[string]int { return map[string]int{} }
