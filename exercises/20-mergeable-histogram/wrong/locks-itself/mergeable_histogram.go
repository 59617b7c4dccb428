// kills: TestMergeSelf — Two locks at once need an order; a mutex taken twice waits for itself.

package mergeablehistogram

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// buckets is enough for every positive duration: 58 shifts of 32, and the first 32.
const buckets = 59 * 32

// Histogram counts durations in buckets. Make one with New. It is safe for concurrent use.
type Histogram struct {
	mu   sync.Mutex
	data data // guarded by mu
}

type data struct {
	counts [buckets]uint64
	n      uint64
	max    time.Duration
}

// New returns an empty histogram.
func New() *Histogram { return &Histogram{} }

// Record counts one duration.
func (h *Histogram) Record(d time.Duration) {
	d = max(0, d)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.data.counts[index(d)]++
	h.data.n++
	h.data.max = max(h.data.max, d)
}

// Merge copies first and adds then, so that it never holds two locks.
func (h *Histogram) Merge(other *Histogram) {
	h.mu.Lock()
	defer h.mu.Unlock()
	from := other.copy()
	for i, n := range from.counts {
		h.data.counts[i] += n
	}
	h.data.n += from.n
	h.data.max = max(h.data.max, from.max)
}

func (h *Histogram) copy() data {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.data
}

// Quantile returns the upper end of the bucket that holds the ⌈q·n⌉-th value.
func (h *Histogram) Quantile(q float64) (time.Duration, bool) {
	d := h.copy()
	if d.n == 0 || math.IsNaN(q) {
		return 0, false
	}
	rank := uint64(math.Ceil(min(1, max(0, q)) * float64(d.n)))
	rank = min(max(1, rank), d.n)
	var seen uint64
	for i, n := range d.counts {
		if seen += n; seen >= rank {
			return min(upper(i), d.max), true
		}
	}
	return d.max, true
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.data.n
}

// index keeps the six highest bits of d: buckets are 1/32 of their value wide at most.
func index(d time.Duration) int {
	shift := max(0, bits.Len64(uint64(d))-6)
	return shift*32 + int(uint64(d)>>shift)
}

// upper is the greatest duration of bucket i.
func upper(i int) time.Duration {
	if i < 64 {
		return time.Duration(i)
	}
	shift := i/32 - 1
	return time.Duration(uint64(i%32+33)<<shift - 1)
}
