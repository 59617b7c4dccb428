// Package stat holds what is measured: histograms that can be merged, windows,
// series and intervals. The live lab and virtual time use the same types.
package stat

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram has 32 linear cells to each power of two of microseconds, so a
// value is known to within 1/32 (3.1 %) of itself. The first 32 cells hold 0 to
// 31 µs, one each; the last cell holds everything over about 19 hours.
const (
	subBits = 5
	sub     = 1 << subBits
	octaves = 32
	cells   = sub * octaves
)

func cell(d time.Duration) int {
	us := uint64(max(d, 0)) / 1000
	if us < sub {
		return int(us)
	}
	e := bits.Len64(us) - 1 // ≥ 5
	return min((e-subBits+1)<<subBits+int(us>>(e-subBits))&(sub-1), cells-1)
}

// edge returns the lower bound of cell i.
func edge(i int) time.Duration {
	if i < sub {
		return time.Duration(i) * time.Microsecond
	}
	e := i>>subBits + subBits - 1
	return time.Duration(uint64(sub+i&(sub-1))<<(e-subBits)) * time.Microsecond
}

// Hist is a histogram of durations. The zero value is empty and ready. It is
// not safe for concurrent use; see Atomic.
type Hist struct {
	n    [cells]uint64
	all  uint64
	sum  time.Duration
	peak time.Duration
}

// Record counts one duration; negative ones count as 0.
func (h *Hist) Record(d time.Duration) { h.RecordN(d, 1) }

// RecordN counts a duration n times.
func (h *Hist) RecordN(d time.Duration, n uint64) {
	d = max(d, 0)
	h.n[cell(d)] += n
	h.all += n
	h.sum += d * time.Duration(n)
	h.peak = max(h.peak, d)
}

// Count returns how many durations were recorded.
func (h *Hist) Count() uint64 { return h.all }

// Mean returns the exact mean, 0 when empty.
func (h *Hist) Mean() time.Duration {
	if h.all == 0 {
		return 0
	}
	return h.sum / time.Duration(h.all)
}

// Sum returns the exact sum of what was recorded.
func (h *Hist) Sum() time.Duration { return h.sum }

// Max returns the largest duration, exactly.
func (h *Hist) Max() time.Duration { return h.peak }

// Quantile returns the duration that a share q (0..1) of all recorded ones do
// not exceed, interpolated within its cell; 0 when empty.
func (h *Hist) Quantile(q float64) time.Duration {
	if h.all == 0 {
		return 0
	}
	want := max(q, 0) * float64(h.all)
	seen := 0.0
	for i, n := range h.n {
		if n == 0 {
			continue
		}
		if seen+float64(n) >= want {
			lo := edge(i)
			hi := h.peak
			if i+1 < cells {
				hi = min(hi, edge(i+1))
			}
			span := max(hi-lo, 0)
			part := math.Round((want - seen) / float64(n) * float64(span))
			if part >= float64(span) {
				return lo + span
			}
			return lo + time.Duration(part)
		}
		seen += float64(n)
	}
	return h.peak
}

// Over returns how many recorded durations lie in cells above d.
func (h *Hist) Over(d time.Duration) uint64 {
	var n uint64
	for i := cell(d) + 1; i < cells; i++ {
		n += h.n[i]
	}
	return n
}

// Merge adds other's counts to h.
func (h *Hist) Merge(other *Hist) {
	for i, n := range other.n {
		h.n[i] += n
	}
	h.all += other.all
	h.sum += other.sum
	h.peak = max(h.peak, other.peak)
}

// Reset empties h.
func (h *Hist) Reset() { *h = Hist{} }

// Delta is the non-empty cells of a histogram: what is sent from process to
// process. In JSON it is {"sum","max","cells":[[cell,count],…]}.
type Delta struct {
	Sum   time.Duration `json:"sum,omitempty"`
	Max   time.Duration `json:"max,omitempty"`
	Cells []Cell        `json:"cells,omitempty"`
}

// Cell is a cell's index and its count.
type Cell struct {
	Index uint16
	Count uint64
}

// MarshalJSON writes the cell as [index,count].
func (c Cell) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "[%d,%d]", c.Index, c.Count), nil
}

// UnmarshalJSON reads [index,count] and refuses an index out of range.
func (c *Cell) UnmarshalJSON(b []byte) error {
	var pair [2]uint64
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if pair[0] >= cells {
		return fmt.Errorf("histogram cell %d out of range", pair[0])
	}
	c.Index, c.Count = uint16(pair[0]), pair[1]
	return nil
}

// Delta appends h's non-empty cells to buf and returns them as a Delta that
// shares buf's memory.
func (h *Hist) Delta(buf []Cell) Delta {
	for i, n := range h.n {
		if n > 0 {
			buf = append(buf, Cell{uint16(i), n})
		}
	}
	return Delta{Sum: h.sum, Max: h.peak, Cells: buf}
}

// Add adds a delta's counts to h. Cells out of range are ignored.
func (h *Hist) Add(d Delta) {
	for _, c := range d.Cells {
		if int(c.Index) < cells {
			h.n[c.Index] += c.Count
			h.all += c.Count
		}
	}
	h.sum += d.Sum
	h.peak = max(h.peak, d.Max)
}

// Atomic is a histogram that many goroutines may record into. The zero value
// is empty and ready.
type Atomic struct {
	n    [cells]atomic.Uint64
	sum  atomic.Int64
	peak atomic.Int64
}

// Record counts one duration; negative ones count as 0.
func (a *Atomic) Record(d time.Duration) {
	d = max(d, 0)
	a.n[cell(d)].Add(1)
	a.sum.Add(int64(d))
	for {
		p := a.peak.Load()
		if int64(d) <= p || a.peak.CompareAndSwap(p, int64(d)) {
			return
		}
	}
}

// Drain adds what was recorded since the last Drain to h and forgets it. A
// record that runs at the same time falls wholly into this drain or the next,
// but its sum may fall into the other.
func (a *Atomic) Drain(h *Hist) {
	for i := range a.n {
		if a.n[i].Load() != 0 {
			n := a.n[i].Swap(0)
			h.n[i] += n
			h.all += n
		}
	}
	h.sum += time.Duration(a.sum.Swap(0))
	h.peak = max(h.peak, time.Duration(a.peak.Swap(0)))
}
