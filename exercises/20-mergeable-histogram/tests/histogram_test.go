//go:build exercise

package mergeablehistogram_test

import (
	"math"
	"slices"
	"testing"
	"time"

	mergeablehistogram "workbench/exercises/20-mergeable-histogram/start"
)

// of returns a histogram of these durations.
func of(durations ...time.Duration) *mergeablehistogram.Histogram {
	h := mergeablehistogram.New()
	for _, d := range durations {
		h.Record(d)
	}
	return h
}

// fits wants the quantile to be right for these durations, the shortest first:
// not shorter than that of its rank, and not longer by more than Precision of it.
func fits(t testing.TB, h *mergeablehistogram.Histogram, sorted []time.Duration, q float64) {
	t.Helper()
	// Where q × n is a whole number in decimals, it may be a bit more in binary.
	rank := func(dust float64) time.Duration {
		n := len(sorted)
		return sorted[min(n-1, max(0, int(math.Ceil(q*float64(n)+dust))-1))]
	}
	low, high := rank(-1e-9), rank(1e-9)
	most := float64(high) * (1 + mergeablehistogram.Precision)
	got, ok := h.Quantile(q)
	if !ok || got < low || float64(got) > most {
		t.Errorf("Quantile(%v) of %d durations = %v (%d), %v; want from %v (%d) to %v", q, len(sorted), got, got, ok, low, low, time.Duration(min(most, math.MaxInt64-1024)))
	}
}

func TestQuantiles(t *testing.T) {
	var all []time.Duration
	for i := range 1000 {
		all = append(all, time.Duration(i+1)*time.Millisecond)
	}
	h := of(all...)
	if got := h.Count(); got != 1000 {
		t.Errorf("Count = %d, want 1000", got)
	}
	for _, q := range []float64{0.001, 0.1, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999} {
		fits(t, h, all, q)
	}
}

// The rank is q × n, rounded up: of four durations half lie within the second.
func TestRank(t *testing.T) {
	four := of(40, 10, 30, 20)
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{
		{0.0625, 10}, {0.25, 10}, {0.375, 20}, {0.5, 20}, {0.625, 30}, {0.75, 30}, {0.875, 40},
	} {
		if got, ok := four.Quantile(c.q); got != c.want || !ok {
			t.Errorf("of 10, 20, 30 and 40 ns Quantile(%v) = %d, %v; want %d", c.q, got, ok, c.want)
		}
	}
}

func TestEmpty(t *testing.T) {
	h := mergeablehistogram.New()
	for _, q := range []float64{0, 0.5, 1} {
		if got, ok := h.Quantile(q); ok || got != 0 {
			t.Errorf("of nothing Quantile(%v) = %v, %v; want 0, false", q, got, ok)
		}
	}
	if got := h.Count(); got != 0 {
		t.Errorf("of nothing Count = %d, want 0", got)
	}
}

// Ten instances, one of them sick. Each knows its own p99; the service's is
// another, and no sum or average of the ten.
func TestMerge(t *testing.T) {
	service := mergeablehistogram.New()
	var all []time.Duration
	for instance := range 10 {
		var mine []time.Duration
		for i := range 500 {
			d := time.Duration(5000+i) * time.Microsecond
			if instance == 3 {
				d *= 100
			}
			mine = append(mine, d)
		}
		all = append(all, mine...)
		service.Merge(of(mine...))
	}
	if got := service.Count(); got != 5000 {
		t.Errorf("ten instances with 500 each: Count = %d, want 5000", got)
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.89, 0.91, 0.95, 0.99} {
		fits(t, service, all, q)
	}
}
