// Package mergeablehistogram counts durations so that the p99 of many machines is the p99 of all their requests.
package mergeablehistogram

import "time"

// Histogram counts durations in buckets. Make one with New. It is safe for concurrent use.
type Histogram struct {
}

// New returns an empty histogram.
func New() *Histogram { return &Histogram{} }

// Record counts one duration; a negative one counts as 0.
func (h *Histogram) Record(d time.Duration) {}

// Merge adds all that other has counted and leaves other as it is.
func (h *Histogram) Merge(other *Histogram) {}

// Quantile returns an upper estimate of the ⌈q·n⌉-th smallest of the n durations:
// not below it, and at most 5 % above. It reports false if nothing was recorded or q is not a number.
func (h *Histogram) Quantile(q float64) (time.Duration, bool) { return 0, false }

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 { return 0 }
