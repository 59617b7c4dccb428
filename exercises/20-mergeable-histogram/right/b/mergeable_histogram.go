// Package mergeablehistogram counts durations so that the p99 of many machines is the p99 of all their requests.
// This answer searches a table of bounds and counts with atomic numbers: nobody waits.
package mergeablehistogram

import (
	"math"
	"sort"
	"sync/atomic"
	"time"
)

// Histogram counts durations in buckets. Make one with New. It is safe for concurrent use.
type Histogram struct {
	bounds []time.Duration // the greatest duration of each bucket; never changed
	counts []atomic.Uint64
	max    atomic.Int64
}

// New returns an empty histogram.
func New() *Histogram {
	var bounds []time.Duration
	for at := time.Duration(0); at < math.MaxInt64; {
		bounds = append(bounds, at)
		step := at/25 + 1
		if at > math.MaxInt64-step {
			break
		}
		at += step
	}
	bounds = append(bounds, math.MaxInt64)
	return &Histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds))}
}

// Record counts one duration.
func (h *Histogram) Record(d time.Duration) {
	if d < 0 {
		d = 0
	}
	h.raise(int64(d)) // before the count, so that a reader never sees a count above the maximum
	h.counts[sort.Search(len(h.bounds), func(i int) bool { return h.bounds[i] >= d })].Add(1)
}

func (h *Histogram) raise(d int64) {
	for {
		old := h.max.Load()
		if d <= old || h.max.CompareAndSwap(old, d) {
			return
		}
	}
}

// Merge adds all that other has counted.
func (h *Histogram) Merge(other *Histogram) {
	h.raise(other.max.Load())
	for i := range other.counts {
		if n := other.counts[i].Load(); n > 0 {
			h.counts[i].Add(n)
		}
	}
	h.raise(other.max.Load()) // it may have grown meanwhile
}

// Quantile walks over a copy of the counts.
func (h *Histogram) Quantile(q float64) (time.Duration, bool) {
	counts := make([]uint64, len(h.counts))
	var n uint64
	for i := range h.counts {
		counts[i] = h.counts[i].Load()
		n += counts[i]
	}
	if n == 0 || q != q {
		return 0, false
	}
	left := uint64(1)
	if q > 0 {
		left = max(1, uint64(math.Ceil(math.Min(q, 1)*float64(n))))
	}
	for i, c := range counts {
		if left <= c {
			return min(h.bounds[i], time.Duration(h.max.Load())), true
		}
		left -= c
	}
	return time.Duration(h.max.Load()), true
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 {
	var n uint64
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	return n
}
