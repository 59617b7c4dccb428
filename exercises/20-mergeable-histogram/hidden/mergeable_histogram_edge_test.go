//go:build exercise

package mergeablehistogram_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	mergeablehistogram "workbench/exercises/20-mergeable-histogram/start"
)

func within(t *testing.T, got, exact time.Duration) {
	t.Helper()
	if got < exact || got-exact > exact/20 || exact == 0 {
		tell(t, "Record of %d ns and of the greatest duration: Quantile(0.5) = %d ns", exact, got)
	}
	if got < exact || got-exact > exact/20 {
		t.Errorf("estimate of %d ns is %d ns, want it not below and at most 5 %% above", exact, got)
	}
}

// TestRange records one duration of each size, from a nanosecond to three centuries.
func TestRange(t *testing.T) {
	check := func(d time.Duration) {
		h := mergeablehistogram.New()
		h.Record(d)
		h.Record(math.MaxInt64) // so that the greatest does not hide the bucket's bound
		got, _ := h.Quantile(0.5)
		within(t, got, d)
	}
	for d := time.Duration(0); d < 300; d++ {
		check(d)
	}
	for bit := 8; bit < 63; bit++ {
		for _, d := range []time.Duration{1<<bit - 1, 1 << bit, 1<<bit + 1, 1<<bit + 1<<(bit-1)} {
			check(d)
		}
	}
	check(math.MaxInt64)
}

func TestOddInput(t *testing.T) {
	h := mergeablehistogram.New()
	h.Record(-time.Second)
	h.Record(math.MinInt64)
	d, ok := h.Quantile(1)
	tell(t, "Record of two negative durations: Quantile(1) = %v, %v, Count = %d", d, ok, h.Count())
	if !ok || d != 0 || h.Count() != 2 {
		t.Errorf("two negative durations: Quantile(1) = %v, %v, Count = %d; want 0, true, 2", d, ok, h.Count())
	}
	h.Record(time.Second)
	for q, want := range map[float64]time.Duration{-1: 0, math.Inf(-1): 0, 2: time.Second, math.Inf(1): time.Second} {
		d, ok := h.Quantile(q)
		tell(t, "with one of 1s: Quantile(%v) = %v, %v", q, d, ok)
		if !ok || d != want {
			t.Errorf("Quantile(%v) = %v, %v; want %v", q, d, ok, want)
		}
	}
	d, ok = h.Quantile(math.NaN())
	tell(t, "Quantile(NaN) = %v, %v", d, ok)
	if ok {
		t.Errorf("Quantile(NaN) = %v, true; want false", d)
	}
}

func TestMergeLeavesOther(t *testing.T) {
	a, b := mergeablehistogram.New(), mergeablehistogram.New()
	a.Record(time.Second)
	b.Record(time.Minute)
	a.Merge(b)
	tell(t, "a records 1s and b 1m, a.Merge(b): Counts are %d and %d", a.Count(), b.Count())
	if d, _ := b.Quantile(0.5); b.Count() != 1 || d != time.Minute {
		t.Errorf("b after a.Merge(b): Count %d, p50 %v; want it as it was", b.Count(), d)
	}
	b.Record(time.Hour)
	tell(t, "b records 1h: Counts are %d and %d", a.Count(), b.Count())
	if a.Count() != 2 {
		t.Errorf("a counts %d after b recorded more, want 2: a merge is a copy", a.Count())
	}
	a.Merge(b)
	tell(t, "a.Merge(b): Counts are %d and %d", a.Count(), b.Count())
	if a.Count() != 4 {
		t.Errorf("a counts %d after a second merge, want 4", a.Count())
	}
}

// ends fails the test if f does not return soon.
func ends(t *testing.T, what string, f func()) {
	t.Helper()
	tell(t, "%s begins", what)
	done := make(chan bool)
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second): // fifty times what it takes; two such waits fit into one run
		t.Errorf("%s never returns: two locks wait for one another", what)
	}
}

func TestMergeSelf(t *testing.T) {
	h := mergeablehistogram.New()
	h.Record(time.Second)
	ends(t, "h.Merge(h)", func() {
		h.Merge(h)
		if h.Count() != 2 {
			t.Errorf("h.Merge(h) leaves Count %d, want 2", h.Count())
		}
	})
}

func TestMergeCrosswise(t *testing.T) {
	a, b := mergeablehistogram.New(), mergeablehistogram.New()
	ends(t, "a.Merge(b) beside b.Merge(a)", func() {
		var wg sync.WaitGroup
		until := time.Now().Add(100 * time.Millisecond) // several turns of the scheduler on any machine
		wg.Go(func() {
			for time.Now().Before(until) {
				a.Merge(b)
			}
		})
		wg.Go(func() {
			for time.Now().Before(until) {
				b.Merge(a)
			}
		})
		wg.Wait()
	})
}

func TestConcurrent(t *testing.T) {
	total := mergeablehistogram.New()
	var parts []*mergeablehistogram.Histogram
	for range 3 {
		parts = append(parts, mergeablehistogram.New())
	}
	tell(t, "6 goroutines begin to Record, 1000 times each, beside a reader")
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(20, uint64(g)))
			for range 1000 {
				parts[g%3].Record(time.Duration(rnd.IntN(1e9)))
				total.Record(time.Duration(rnd.IntN(1e9)))
			}
		})
	}
	wg.Go(func() { // a scraper that reads while others write
		sum := mergeablehistogram.New()
		for range 30 {
			sum.Merge(parts[0])
			if d, ok := sum.Quantile(0.99); ok && (d < 0 || d > 1050*time.Millisecond) {
				t.Errorf("p99 while recording = %v", d)
			}
			total.Quantile(0.5)
			total.Count()
		}
	})
	wg.Wait()
	tell(t, "Record by 6 goroutines, 1000 times each, into three parts and a total beside a reader: Counts are %d, %d, %d and %d", parts[0].Count(), parts[1].Count(), parts[2].Count(), total.Count())
	for i, p := range parts {
		if n := p.Count(); n != 2000 {
			t.Errorf("part %d counts %d, want 2000", i, n)
		}
		wg.Go(func() { total.Merge(p) })
	}
	wg.Wait()
	tell(t, "Merge of the three parts into the total: Count = %d", total.Count())
	if n := total.Count(); n != 12_000 {
		t.Errorf("total counts %d, want 12000", n)
	}
}

// TestBounded records a quarter of a million different durations and weighs the heap.
func TestBounded(t *testing.T) {
	h := mergeablehistogram.New()
	h.Record(time.Second)
	if n := testing.AllocsPerRun(1000, func() { h.Record(time.Second) }); n > 0 {
		t.Errorf("Record allocates %.2f times, want none", n)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range time.Duration(250_000) {
		h.Record(i * 1009)
	}
	after := heap()
	tell(t, "Record of 250,000 durations: %d kB in use before, %d after", before>>10, after>>10)
	if after > before+384<<10 {
		t.Errorf("250000 durations grew the heap by %d kB, want at most 384: count, do not keep", (after-before)>>10)
	}
	runtime.KeepAlive(h)
}
