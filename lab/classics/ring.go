package classics

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"workbench/sim/dist"
	"workbench/sim/stat"
)

// ring is a consistent hash: each node stands at several points of a circle, and
// a key belongs to the node whose point comes next. The lab has one database
// and no use for it; it is here for its figures alone.
type ring struct {
	nodes  int
	points []point // in order of place
}

type point struct {
	place uint64
	node  int
}

func newRing(nodes, points int, hash *dist.Stream) ring {
	r := ring{nodes: nodes, points: make([]point, 0, nodes*points)}
	for node := range nodes {
		for range points {
			r.points = append(r.points, point{hash.Uint64(), node})
		}
	}
	slices.SortFunc(r.points, func(a, b point) int { return cmp.Compare(a.place, b.place) })
	return r
}

// shares returns each node's share of the circle.
func (r ring) shares() []float64 {
	out := make([]float64, r.nodes)
	before := r.points[len(r.points)-1].place
	for _, p := range r.points {
		// The subtraction wraps around at the first point; less 1 and then more by
		// 1, it also does for a point that is alone and so owns the whole circle.
		out[p.node] += (float64(p.place-before-1) + 1) / (1 << 64)
		before = p.place
	}
	return out
}

// place puts a key on its node, or while that holds most already on the next
// node with room, and returns which. There must be room.
func (r ring) place(key uint64, loads []int, most int) int {
	i, _ := slices.BinarySearchFunc(r.points, key, func(p point, key uint64) int { return cmp.Compare(p.place, key) })
	for ; ; i++ {
		node := r.points[i%len(r.points)].node
		if loads[node] < most {
			loads[node]++
			return node
		}
	}
}

// circle is a ring whose shares are looked at with many hashes.
type circle struct{ nodes, points, hashes int }

// spread measures the standard deviation of a node's share over its mean.
func (c circle) spread(ctx context.Context, seed uint64) (Result, error) {
	return repeat(ctx, seed, c.hashes, func(seed uint64) (float64, error) {
		var m stat.Moments
		for _, share := range newRing(c.nodes, c.points, dist.New(seed, "ring")).shares() {
			m.Add(share)
		}
		return math.Sqrt(m.SCV()), nil
	})
}

// bounded is a ring on which no node takes more than slack above its fair part.
type bounded struct {
	nodes, keys int
	slack       float64
}

// run measures the fullest node's keys over the mean.
func (b bounded) run(ctx context.Context, seed uint64) (Result, error) {
	fair := float64(b.keys) / float64(b.nodes)
	most := int(math.Ceil((1 + b.slack) * fair))
	if most*b.nodes < b.keys {
		return Result{}, fmt.Errorf("a ring with slack %v has no room for all keys, want 0 or more", b.slack)
	}
	return repeat(ctx, seed, 10, func(seed uint64) (float64, error) {
		keys := dist.New(seed, "keys")
		r, loads := newRing(b.nodes, 1, dist.New(seed, "ring")), make([]int, b.nodes)
		for range b.keys {
			r.place(keys.Uint64(), loads, most)
		}
		return float64(slices.Max(loads)) / fair, nil
	})
}

func rings() []Classic {
	const karger = "D. Karger and others, Consistent Hashing and Random Trees, STOC 1997; the spread follows from the Dirichlet law of the arcs"
	return []Classic{
		{
			ID: "ring-1", Title: "A hash ring with one point for each node", Theory: .9901, Tolerance: .05, Source: karger,
			Figure: "100 nodes: the standard deviation of a node's share is 99 % of the mean", Run: circle{100, 1, 200}.spread,
		}, {
			ID: "ring-100", Title: "A hash ring with a hundred points for each node", Theory: .0995, Tolerance: .003, Source: karger,
			Figure: "100 nodes: the standard deviation of a node's share is 10 % of the mean", Run: circle{100, 100, 60}.spread,
		}, {
			ID: "ring-bounded", Title: "Consistent hashing with bounded loads", Theory: 1.25, Tolerance: .001,
			Source: "V. Mirrokni, M. Thorup and M. Zadimoghaddam, Consistent Hashing with Bounded Loads, SODA 2018",
			Figure: "with ε = 0.25 the fullest of 100 nodes holds 1.25 times the mean, exactly", Run: bounded{100, 100_000, .25}.run,
		},
	}
}
