// Package mergeablehistogram counts durations so that percentiles can be read
// from many counts together.
package mergeablehistogram

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// Precision is by how much of itself a quantile may be too long.
const Precision = 0.02

// There is one row for each length in bits. The six bits after the leading one
// choose the bucket in it. Numbers of up to six bits have row 0 to themselves.
const (
	rows   = 64
	perRow = 64
)

// Histogram counts durations without a lock: every number in it only grows,
// the shortest is kept as its distance from the longest there could be.
type Histogram struct {
	rows    [rows][perRow]atomic.Uint64
	longest atomic.Int64
	brevity atomic.Int64 // the largest time less than math.MaxInt64, plus 1; 0: none
}

// New returns an empty histogram.
func New() *Histogram { return new(Histogram) }

// raise lifts a number to at least n.
func raise(a *atomic.Int64, n int64) {
	for was := a.Load(); was < n; was = a.Load() {
		if a.CompareAndSwap(was, n) {
			return
		}
	}
}

// cell returns where a duration is counted.
func (h *Histogram) cell(v uint64) *atomic.Uint64 {
	length := bits.Len64(v)
	if length <= 6 {
		return &h.rows[0][v]
	}
	return &h.rows[length][(v>>(length-7))%perRow]
}

// last returns the longest duration of a bucket.
func last(row, column int) int64 {
	if row == 0 {
		return int64(column)
	}
	first := uint64(perRow+column) << (row - 7)
	return int64(first + 1<<(row-7) - 1)
}

// Record counts a duration; a negative one counts as 0.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	raise(&h.longest, int64(d))
	raise(&h.brevity, math.MaxInt64-max(int64(d), 1)+1) // 0 has a bucket of its own
	h.cell(uint64(d)).Add(1)
}

// Count returns how many durations were counted.
func (h *Histogram) Count() (n uint64) {
	for i := range h.rows {
		for j := range h.rows[i] {
			n += h.rows[i][j].Load()
		}
	}
	return n
}

// Quantile returns a duration within which the share q of all counted ones
// lies; false if there is none.
func (h *Histogram) Quantile(q float64) (time.Duration, bool) {
	total := h.Count()
	if total == 0 || q != q {
		return 0, false
	}
	longest := h.longest.Load()
	rank := math.Ceil(q * float64(total))
	var left float64
	for i := range h.rows {
		for j := range h.rows[i] {
			left += float64(h.rows[i][j].Load())
			if left > 0 && q <= 0 {
				return h.shortest(last(i, j)), true
			}
			if left > 0 && left >= rank && q < 1 {
				return time.Duration(min(last(i, j), longest)), true
			}
		}
	}
	return time.Duration(longest), true
}

// shortest returns the shortest duration, given the end of its bucket.
func (h *Histogram) shortest(end int64) time.Duration {
	if end == 0 {
		return 0
	}
	return time.Duration(math.MaxInt64 - h.brevity.Load() + 1)
}

// Merge adds everything that other has counted.
func (h *Histogram) Merge(other *Histogram) {
	if other == nil {
		return
	}
	raise(&h.longest, other.longest.Load())
	raise(&h.brevity, other.brevity.Load())
	for i := range other.rows {
		for j := range other.rows[i] {
			if n := other.rows[i][j].Load(); n > 0 {
				h.rows[i][j].Add(n)
			}
		}
	}
}
