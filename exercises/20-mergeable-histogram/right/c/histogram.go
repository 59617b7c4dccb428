// Package mergeablehistogram counts durations so that percentiles can be read
// from many counts together.
package mergeablehistogram

import (
	"math"
	"sort"
	"time"
)

// Precision is by how much of itself a quantile may be too long.
const Precision = 0.02

// growth is the ratio of one bucket's end to that before it.
const growth = 1.015

// ends returns the longest duration of each bucket: all whole numbers at first,
// then a geometric row up to the longest duration there is.
func ends() []int64 {
	var out []int64
	end := int64(0)
	for ; end < math.MaxInt64/2; end = max(end+1, int64(float64(end)*growth)) {
		out = append(out, end)
	}
	for ; end < math.MaxInt64-end/70; end += end / 70 {
		out = append(out, end)
	}
	return append(out, math.MaxInt64)
}

// state is everything; who has taken it out of the channel owns it.
type state struct {
	counts            []uint64
	total             uint64
	shortest, longest int64
}

// Histogram passes its state around in a channel of one, beside the table of
// its buckets, which never changes.
type Histogram struct {
	ends  []int64
	state chan *state
}

// New returns an empty histogram.
func New() *Histogram {
	h := &Histogram{ends: ends(), state: make(chan *state, 1)}
	h.state <- &state{counts: make([]uint64, len(h.ends)), shortest: math.MaxInt64}
	return h
}

// Record counts a duration; a negative one counts as 0.
func (h *Histogram) Record(d time.Duration) {
	v := int64(max(d, 0))
	i := sort.Search(len(h.ends), func(i int) bool { return h.ends[i] >= v })
	s := <-h.state
	s.counts[i]++
	s.total++
	s.shortest, s.longest = min(s.shortest, v), max(s.longest, v)
	h.state <- s
}

// Count returns how many durations were counted.
func (h *Histogram) Count() uint64 {
	s := <-h.state
	defer func() { h.state <- s }()
	return s.total
}

// Quantile returns a duration within which the share q of all counted ones
// lies; false if there is none.
func (h *Histogram) Quantile(q float64) (time.Duration, bool) {
	s := <-h.state
	defer func() { h.state <- s }()
	switch {
	case s.total == 0 || math.IsNaN(q):
		return 0, false
	case q <= 0:
		return time.Duration(s.shortest), true
	case q >= 1:
		return time.Duration(s.longest), true
	}
	more := s.total - uint64(math.Ceil(q*float64(s.total))) // how many may lie beyond
	for i := len(h.ends) - 1; ; i-- {
		if s.counts[i] > more {
			return time.Duration(min(h.ends[i], s.longest)), true
		}
		more -= s.counts[i]
	}
}

// Merge adds everything that other has counted.
func (h *Histogram) Merge(other *Histogram) {
	if other == nil {
		return
	}
	theirs := <-other.state
	seen := *theirs
	seen.counts = append([]uint64(nil), theirs.counts...)
	other.state <- theirs
	mine := <-h.state
	defer func() { h.state <- mine }()
	for i, n := range seen.counts {
		mine.counts[i] += n
	}
	mine.total += seen.total
	mine.shortest = min(mine.shortest, seen.shortest)
	mine.longest = max(mine.longest, seen.longest)
}
