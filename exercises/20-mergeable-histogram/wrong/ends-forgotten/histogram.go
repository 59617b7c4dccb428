// kills: TestMergeEnds — shortest and longest are counted too, and have to be merged

// Package mergeablehistogram counts durations so that percentiles can be read
// from many counts together.
package mergeablehistogram

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// Precision is by how much of itself a quantile may be too long.
const Precision = 0.02

// A bucket is as wide as a 64th of the durations in it: below 64 ns each has one
// of its own; from there on each doubling is cut into 64.
const (
	cut     = 64
	cutBits = 6
	buckets = (64 - cutBits) * cut
)

// counts is what a histogram knows; a copy of it is another one.
type counts struct {
	total             uint64
	shortest, longest time.Duration
	bucket            [buckets]uint64
}

// Histogram counts durations. Use New. It is safe for concurrent use.
type Histogram struct {
	mu sync.Mutex
	c  counts // guarded by mu
}

// New returns an empty histogram.
func New() *Histogram {
	return &Histogram{}
}

// index returns the bucket of a duration.
func index(d time.Duration) int {
	v := uint64(d)
	if v < cut {
		return int(v)
	}
	shift := bits.Len64(v) - cutBits - 1
	return shift*cut + int(v>>shift)
}

// end returns the longest duration of a bucket.
func end(i int) time.Duration {
	if i < cut {
		return time.Duration(i)
	}
	shift := i/cut - 1
	return time.Duration((uint64(i%cut+cut+1) << shift) - 1)
}

// Record counts a duration; a negative one counts as 0.
func (h *Histogram) Record(d time.Duration) {
	d = max(0, d)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.c.total == 0 || d < h.c.shortest {
		h.c.shortest = d
	}
	h.c.longest = max(h.c.longest, d)
	h.c.total++
	h.c.bucket[index(d)]++
}

// Count returns how many durations were counted.
func (h *Histogram) Count() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.c.total
}

// Quantile returns a duration within which the share q of all counted ones
// lies; false if there is none.
func (h *Histogram) Quantile(q float64) (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.c.total == 0 || math.IsNaN(q) {
		return 0, false
	}
	if q <= 0 {
		return h.c.shortest, true
	}
	rank := h.c.total
	if q < 1 {
		rank = max(1, uint64(math.Ceil(q*float64(h.c.total))))
	}
	seen := uint64(0)
	for i, n := range h.c.bucket {
		if seen += n; seen >= rank {
			return min(end(i), h.c.longest), true
		}
	}
	return h.c.longest, true
}

// Merge adds everything that other has counted. It never holds two locks: two
// histograms may be merged into each other at the same time, and one into
// itself.
func (h *Histogram) Merge(other *Histogram) {
	if other == nil {
		return
	}
	other.mu.Lock()
	theirs := other.c
	other.mu.Unlock()
	if theirs.total == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.c.total += theirs.total
	for i, n := range theirs.bucket {
		h.c.bucket[i] += n
	}
}
