// Package mergeablehistogram counts durations so that percentiles can be read
// from many counts together.
package mergeablehistogram

import "time"

// Precision is by how much of itself a quantile may be too long.
const Precision = 0.02

// Histogram counts durations. Use New. It is safe for concurrent use.
type Histogram struct {
	// Which numbers are enough to say where the 99th percent ends?
}

// New returns an empty histogram.
func New() *Histogram {
	return &Histogram{}
}

// Record counts a duration; a negative one counts as 0.
func (h *Histogram) Record(d time.Duration) {
}

// Count returns how many durations were counted.
func (h *Histogram) Count() uint64 {
	return 0
}

// Quantile returns a duration within which the share q of all counted ones
// lies; false if there is none.
func (h *Histogram) Quantile(q float64) (time.Duration, bool) {
	return 0, false
}

// Merge adds everything that other has counted.
func (h *Histogram) Merge(other *Histogram) {
}
