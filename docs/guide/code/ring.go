package code

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
)

// guide:begin ring

// Ring spreads keys over nodes so that a new node takes keys from all others
// and moves no other key. Each node stands at many points, else the shares are
// very unequal. A ring is not changed after it was made: make a new one.
type Ring struct{ points []point }

type point struct {
	at   uint64
	node string
}

// NewRing returns the ring of these nodes.
func NewRing(nodes []string, points int) Ring {
	var r Ring
	for _, node := range nodes {
		for i := range points {
			r.points = append(r.points, point{hash(node + "#" + strconv.Itoa(i)), node})
		}
	}
	slices.SortFunc(r.points, func(a, b point) int { return cmp.Compare(a.at, b.at) })
	return r
}

// Node returns the node of a key: the next point clockwise. A ring without
// nodes returns none.
func (r Ring) Node(key string) string {
	if len(r.points) == 0 {
		return ""
	}
	i, _ := slices.BinarySearchFunc(r.points, hash(key), func(p point, at uint64) int { return cmp.Compare(p.at, at) })
	return r.points[i%len(r.points)].node
}

// guide:end

// hash spreads short texts well: FNV's last bits alone do not.
func hash(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text)) // never fails
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return x
}

// Modulo returns the node of a key by the remainder of its hash.
func Modulo(nodes []string, key string) string { return nodes[hash(key)%uint64(len(nodes))] }
