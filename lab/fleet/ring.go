package fleet

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
)

// points is how many places an instance has on the ring: enough that the arcs
// of eight instances differ by some per cent.
const points = 160

// ring is a consistent hash: an instance that comes or goes moves only the keys
// that are, or were, its own.
type ring struct{ places []place }

// place is one point of the ring.
type place struct {
	at uint64
	m  *Member
}

// newRing places the members by their names, so that every balancer has the
// same ring.
func newRing(members []*Member) ring {
	var r ring
	for _, m := range members {
		x := Hash(m.name)
		for range points {
			x = mix(x + 0x9e3779b97f4a7c15)
			r.places = append(r.places, place{x, m})
		}
	}
	slices.SortFunc(r.places, func(a, b place) int {
		if c := cmp.Compare(a.at, b.at); c != 0 {
			return c
		}
		return cmp.Compare(a.m.name, b.m.name)
	})
	return r
}

// pick walks from the key's point to the first member that room accepts; nil
// when it accepts none.
func (r ring) pick(key uint64, room func(*Member) bool) *Member {
	n := len(r.places)
	at, _ := slices.BinarySearchFunc(r.places, mix(key), func(p place, k uint64) int { return cmp.Compare(p.at, k) })
	for i := range n {
		if m := r.places[(at+i)%n].m; room(m) {
			return m
		}
	}
	return nil
}

// bounded picks by consistent hashing with bounded loads: nobody may hold more
// than bound times the mean, by weight, the request itself counted in; what
// would goes on to the next on the ring.
func (f *Fleet) bounded(open []*Member, key uint64) *Member {
	total, weights := 1, 0.0
	for _, m := range open {
		total += m.inflight
		weights += m.weight
	}
	return f.ring.pick(key, func(m *Member) bool {
		if !slices.Contains(open, m) {
			return false
		}
		most := math.Ceil(f.settings.Bound * float64(total) * m.weight / weights)
		return float64(m.inflight) < most
	})
}

// Hash turns text, such as a request's path, into a key.
func Hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash takes everything
	return h.Sum64()
}

// Spread turns a number, such as a user's, into a key.
func Spread(x uint64) uint64 { return mix(x + 0x9e3779b97f4a7c15) }

// mix spreads a number over all 64 bits (the finaliser of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
