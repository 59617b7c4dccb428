//go:build exercise

package mergeablehistogram_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	mergeablehistogram "workbench/exercises/20-mergeable-histogram/start"
)

// tell writes down what happened, for the verdict to list. There is no time in
// this exercise.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf("@- %s", fmt.Sprintf(format, args...))
}

// near holds h's answer against the sorted durations themselves.
func near(t *testing.T, h *mergeablehistogram.Histogram, sorted []time.Duration, q float64) {
	t.Helper()
	got, ok := h.Quantile(q)
	tell(t, "Quantile(%v) of %d durations = %v, %v", q, len(sorted), got, ok)
	exact := sorted[max(1, int(math.Ceil(q*float64(len(sorted)))))-1]
	if !ok || got < exact || got > exact+exact/20 {
		t.Errorf("Quantile(%v) of %d durations = %v, %v; want %v, or at most 5 %% more", q, len(sorted), got, ok, exact)
	}
}

var quantiles = []float64{0, 0.25, 0.5, 0.9, 0.99, 0.999, 1}

func TestQuantile(t *testing.T) {
	rnd := rand.New(rand.NewPCG(20, 1))
	for name, draw := range map[string]func() time.Duration{
		"flat":    func() time.Duration { return time.Duration(rnd.IntN(1_000_000_000)) },
		"tail":    func() time.Duration { return time.Duration(rnd.ExpFloat64() * 2e7) },
		"two":     func() time.Duration { return []time.Duration{time.Millisecond, 2 * time.Second}[rnd.IntN(50)/49] },
		"one":     func() time.Duration { return 7 * time.Millisecond },
		"decades": func() time.Duration { return time.Duration(math.Pow(10, rnd.Float64()*12)) },
	} {
		t.Run(name, func(t *testing.T) {
			h := mergeablehistogram.New()
			var all []time.Duration
			for range 5000 {
				d := draw()
				h.Record(d)
				all = append(all, d)
			}
			slices.Sort(all)
			for _, q := range quantiles {
				near(t, h, all, q)
			}
			tell(t, "Count = %d", h.Count())
			if n := h.Count(); n != 5000 {
				t.Errorf("Count = %d, want 5000", n)
			}
		})
	}
}

func TestRank(t *testing.T) {
	h := mergeablehistogram.New()
	var all []time.Duration
	for i := range time.Duration(10) {
		h.Record((i + 1) * time.Second)
		all = append(all, (i+1)*time.Second)
	}
	tell(t, "Record of 1s, 2s … 10s")
	for _, q := range []float64{0, 0.01, 0.1, 0.11, 0.5, 0.51, 0.9, 0.91, 0.99, 1} {
		near(t, h, all, q)
	}
	if got, _ := h.Quantile(1); got != 10*time.Second {
		t.Errorf("Quantile(1) = %v, want 10s: no estimate lies above the greatest duration recorded", got)
	}
}

// TestMerge has one slow machine among ten: the mean of ten p99s is nobody's p99.
func TestMerge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(20, 2))
	total := mergeablehistogram.New()
	var all []time.Duration
	for machine := range 10 {
		h := mergeablehistogram.New()
		n, scale := 1000, 1e6
		if machine == 0 {
			n, scale = 300, 5e8
		}
		for range n {
			d := time.Duration(rnd.ExpFloat64() * scale)
			h.Record(d)
			all = append(all, d)
		}
		total.Merge(h)
		tell(t, "Record of %d durations on machine %d, and Merge: Count = %d", n, machine, total.Count())
	}
	slices.Sort(all)
	for _, q := range quantiles {
		near(t, total, all, q)
	}
	tell(t, "Count = %d", total.Count())
	if n := total.Count(); n != 9300 {
		t.Errorf("Count after merging = %d, want 9300", n)
	}
}

func TestEmpty(t *testing.T) {
	h := mergeablehistogram.New()
	d, ok := h.Quantile(0.99)
	tell(t, "empty: Quantile(0.99) = %v, %v, Count = %d", d, ok, h.Count())
	if ok || d != 0 || h.Count() != 0 {
		t.Errorf("an empty histogram: Quantile = %v, %v, Count = %d", d, ok, h.Count())
	}
	h.Merge(mergeablehistogram.New())
	d, ok = h.Quantile(0.99)
	tell(t, "Merge with an empty one: Quantile(0.99) = %v, %v", d, ok)
	if ok {
		t.Error("empty merged with empty has a p99")
	}
	h.Record(time.Second)
	h.Merge(mergeablehistogram.New())
	d, ok = h.Quantile(0.5)
	tell(t, "Record(1s), Merge with an empty one: Quantile(0.5) = %v, %v", d, ok)
	if !ok || d != time.Second {
		t.Errorf("one second merged with nothing: p50 = %v, %v", d, ok)
	}
}
