// Package mergeablehistogram counts durations so that the p99 of many machines is the p99 of all their requests.
// This answer takes logarithms and keeps only the buckets that are in use (the idea of DDSketch).
package mergeablehistogram

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// growth is the ratio between neighbouring bounds.
const growth = 1.04

// Histogram counts durations in buckets. Make one with New. It is safe for concurrent use.
type Histogram struct {
	mu     sync.RWMutex
	counts map[int]uint64 // guarded by mu; by exponent, and zero under math.MinInt
	top    time.Duration  // guarded by mu
}

// New returns an empty histogram.
func New() *Histogram { return &Histogram{counts: map[int]uint64{}} }

// Record counts one duration.
func (h *Histogram) Record(d time.Duration) {
	key := math.MinInt
	if d > 0 {
		key = int(math.Ceil(math.Log(float64(d)) / math.Log(growth)))
		for bound(key) < d { // where rounding fell short
			key++
		}
	} else {
		d = 0
	}
	h.mu.Lock()
	h.counts[key]++
	h.top = max(h.top, d)
	h.mu.Unlock()
}

func bound(key int) time.Duration {
	if key == math.MinInt {
		return 0
	}
	if v := math.Pow(growth, float64(key)); v < math.MaxInt64 {
		return time.Duration(v)
	}
	return math.MaxInt64
}

func (h *Histogram) snapshot() (map[int]uint64, time.Duration) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return maps.Clone(h.counts), h.top
}

// Merge adds all that other has counted.
func (h *Histogram) Merge(other *Histogram) {
	counts, top := other.snapshot()
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, n := range counts {
		h.counts[key] += n
	}
	h.top = max(h.top, top)
}

// Quantile sorts the buckets in use.
func (h *Histogram) Quantile(q float64) (time.Duration, bool) {
	counts, top := h.snapshot()
	var n uint64
	for _, c := range counts {
		n += c
	}
	if n == 0 || math.IsNaN(q) {
		return 0, false
	}
	rank := min(n, max(1, uint64(math.Ceil(max(0, min(1, q))*float64(n)))))
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		if counts[key] >= rank {
			return min(top, bound(key)), true
		}
		rank -= counts[key]
	}
	return top, true
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() (n uint64) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, c := range h.counts {
		n += c
	}
	return n
}
