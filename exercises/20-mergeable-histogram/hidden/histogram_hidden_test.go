//go:build exercise

package mergeablehistogram_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	mergeablehistogram "workbench/exercises/20-mergeable-histogram/start"
)

// mix is a kind of durations: as services have them, or as none has.
type mix struct {
	name string
	next func() time.Duration
}

func mixes(rng *rand.Rand) []mix {
	return []mix{
		{"exponential", func() time.Duration { return time.Duration(rng.ExpFloat64() * 8e6) }},
		{"two humps", func() time.Duration { return time.Duration(1e6 + rng.NormFloat64()*1e5 + float64(rng.IntN(2))*9e8) }},
		{"over all sizes", func() time.Duration { return time.Duration(math.Exp(rng.Float64() * 43)) }},
		{"nanoseconds", func() time.Duration { return time.Duration(rng.IntN(300)) }},
		{"powers and beside", func() time.Duration { return 1<<(2+rng.IntN(60)) + time.Duration(rng.IntN(3)-1) }},
		{"all the same", func() time.Duration { return 12_345_678 }},
	}
}

func TestPrecision(t *testing.T) {
	for _, m := range mixes(rand.New(rand.NewPCG(20, 1))) {
		t.Run(m.name, func(t *testing.T) {
			var all []time.Duration
			for range 800 {
				all = append(all, max(0, m.next()))
			}
			h := of(all...)
			slices.Sort(all)
			for q := 0.005; q < 1; q += 0.03 {
				fits(t, h, all, q)
			}
		})
	}
}

// Where one bucket ends and the next begins.
func TestEdges(t *testing.T) {
	var all []time.Duration
	for d := range 140 {
		all = append(all, time.Duration(d))
	}
	for shift := 8; shift < 63; shift++ {
		all = append(all, 1<<shift-1, 1<<shift, 3<<(shift-2)-1, 3<<(shift-2))
	}
	for _, d := range all {
		// Between something shorter and something longer, neither end can help.
		h := of(0, d, math.MaxInt64)
		got, ok := h.Quantile(0.5)
		if most := float64(d) * (1 + mergeablehistogram.Precision); !ok || got < d || float64(got) > most {
			t.Errorf("%d in the middle of three: Quantile(0.5) = %d, %v; want it to %.0f", d, got, ok, most)
		}
	}
}

// The ends are known exactly: "the slowest took 3.217 s" is no estimate.
func TestEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(20, 2))
	for range 20 {
		low, high := time.Duration(rng.Int64N(1e9)), time.Duration(1e9+rng.Int64N(1e12))
		h := of(high, (low+high)/2, low)
		if got, _ := h.Quantile(0); got != low {
			t.Errorf("Quantile(0) = %d, want the shortest: %d", got, low)
		}
		if got, _ := h.Quantile(1); got != high {
			t.Errorf("Quantile(1) = %d, want the longest: %d", got, high)
		}
		if got, _ := h.Quantile(0.99); got > high {
			t.Errorf("Quantile(0.99) = %d, want nothing beyond the longest: %d", got, high)
		}
	}
}

func TestMergeEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b *mergeablehistogram.Histogram
	}{
		{"outer into inner", of(500, 600), of(100_001, 7)},
		{"inner into outer", of(100_001, 7), of(500, 600)},
		{"into an empty one", of(), of(100_001, 7)},
		{"an empty one", of(100_001, 7), of()},
	} {
		c.a.Merge(c.b)
		low, _ := c.a.Quantile(0)
		high, _ := c.a.Quantile(1)
		if low != 7 || high != 100_001 {
			t.Errorf("merge %s: the ends are %d and %d, want 7 and 100001", c.name, low, high)
		}
	}
}

// same wants two histograms to say the same at every quantile.
func same(t testing.TB, what string, a, b *mergeablehistogram.Histogram) {
	t.Helper()
	if a.Count() != b.Count() {
		t.Errorf("%s: Count = %d, want %d", what, a.Count(), b.Count())
	}
	for q := 0.0; q <= 1; q += 0.0625 {
		x, _ := a.Quantile(q)
		y, _ := b.Quantile(q)
		if x != y {
			t.Errorf("%s: Quantile(%v) = %d, want %d", what, q, x, y)
			return
		}
	}
}

// However it is merged, it is as if one histogram had seen everything.
func TestMergeAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(20, 3))
	for _, m := range mixes(rng) {
		whole := of()
		parts := make([][]time.Duration, 6)
		for i := range parts {
			for range rng.IntN(120) {
				d := m.next()
				whole.Record(d)
				parts[i] = append(parts[i], d)
			}
		}
		row := of()
		for _, i := range rng.Perm(len(parts)) {
			row.Merge(of(parts[i]...))
		}
		same(t, m.name+", one after the other", row, whole)
		left, right := of(parts[0]...), of(parts[3]...)
		left.Merge(of(parts[1]...))
		left.Merge(of(parts[2]...))
		right.Merge(of(parts[4]...))
		right.Merge(of(parts[5]...))
		right.Merge(left)
		same(t, m.name+", as a tree", right, whole)
	}
}

func TestMergeLeavesOther(t *testing.T) {
	a, b := of(10, 20), of(30, 40)
	a.Merge(b)
	same(t, "what was merged into another", b, of(30, 40))
	b.Record(50)
	same(t, "after one more in the other", a, of(10, 20, 30, 40))
	a.Record(5)
	same(t, "after one more here", b, of(30, 40, 50))
}

func TestMergeNothing(t *testing.T) {
	h := of(10, 20)
	h.Merge(nil)
	h.Merge(mergeablehistogram.New())
	same(t, "nil and an empty one merged", h, of(10, 20))
}

// inTime wants f to return.
func inTime(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(5 * time.Second)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("%s hangs: who waits for whose lock?", what)
	}
}

func TestMergeSelf(t *testing.T) {
	h := of(10, 20, 1000)
	inTime(t, "a histogram merged into itself", func() { h.Merge(h) })
	same(t, "merged into itself", h, of(10, 10, 20, 20, 1000, 1000))
}

// Two that are merged into each other, each holding its own and waiting for the
// other's lock, wait for ever.
func TestMergeCross(t *testing.T) {
	inTime(t, "two histograms merged into each other", func() {
		for range 20 {
			a, b := of(10, 20), of(30)
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() { a.Merge(b) })
				all.Go(func() { b.Merge(a) })
			}
			all.Wait()
			// As with any order of six merges, nothing was lost on the way.
			if n, m := a.Count(), b.Count(); n < 5 || m < 5 || n > 300 || m > 300 {
				t.Errorf("2 and 1, merged into each other three times each, count %d and %d", n, m)
			}
		}
	})
}

func TestConcurrent(t *testing.T) {
	const recorders, each = 4, 2000
	h, total := mergeablehistogram.New(), mergeablehistogram.New()
	var all sync.WaitGroup
	for r := range recorders {
		all.Go(func() {
			for i := range each {
				h.Record(time.Duration(1 + r*each + i))
				if i%64 == 0 {
					runtime.Gosched() // else one processor does one after the other
				}
			}
		})
	}
	all.Go(func() {
		for range 30 {
			if got, ok := h.Quantile(0.5); ok && (got < 1 || float64(got) > recorders*each*(1+mergeablehistogram.Precision)) {
				t.Errorf("while others record Quantile(0.5) = %d, want something that was recorded", got)
			}
			h.Count()
			total.Merge(h)
			runtime.Gosched()
		}
	})
	all.Wait()
	if got := h.Count(); got != recorders*each {
		t.Errorf("%d goroutines recorded %d each: Count = %d, want %d", recorders, each, got, recorders*each)
	}
	var want []time.Duration
	for i := range recorders * each {
		want = append(want, time.Duration(1+i))
	}
	for _, q := range []float64{0.25, 0.5, 0.99} {
		fits(t, h, want, q)
	}
}

// Clocks go back now and then, and some requests hang for ever.
func TestOddDurations(t *testing.T) {
	h := of(-1, math.MinInt64, -time.Hour)
	same(t, "negative durations", h, of(0, 0, 0))
	h.Record(math.MaxInt64)
	h.Record(math.MaxInt64 - 1)
	if got, ok := h.Quantile(1); got != math.MaxInt64 || !ok {
		t.Errorf("Quantile(1) = %d, %v; want the longest duration there is", got, ok)
	}
	if got, ok := h.Quantile(0.75); got < math.MaxInt64-1 || !ok {
		t.Errorf("Quantile(0.75) = %d, %v; want at least the longest but one", got, ok)
	}
}

func TestOddQuantiles(t *testing.T) {
	h := of(10, 20, 30)
	for _, c := range []struct {
		q    float64
		want time.Duration
		ok   bool
	}{
		{-0.5, 10, true}, {math.Inf(-1), 10, true}, {1.5, 30, true}, {math.Inf(1), 30, true},
		{99, 30, true}, {math.NaN(), 0, false}, {math.SmallestNonzeroFloat64, 10, true}, {math.Nextafter(1, 0), 30, true},
	} {
		if got, ok := h.Quantile(c.q); got != c.want || ok != c.ok {
			t.Errorf("Quantile(%v) = %d, %v; want %d, %v", c.q, got, ok, c.want, c.ok)
		}
	}
}

// A histogram for each route and each second must fit into memory.
func TestMemory(t *testing.T) {
	const many, most = 40, 64 << 10
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	rng := rand.New(rand.NewPCG(20, 4))
	before := heap()
	all := make([]*mergeablehistogram.Histogram, many)
	for i := range all {
		all[i] = mergeablehistogram.New()
	}
	for range 20_000 {
		all[0].Record(time.Duration(rng.Int64()))
	}
	for _, h := range all[1:] {
		h.Merge(all[0])
	}
	if each := (heap() - before) / many; each > most {
		t.Errorf("a histogram of 20 000 durations of all sizes takes %d bytes, want at most %d whatever it counts", each, most)
	}
	runtime.KeepAlive(all)
}

func TestAllocations(t *testing.T) {
	h := mergeablehistogram.New()
	d := time.Duration(1)
	if n := testing.AllocsPerRun(1000, func() {
		h.Record(d)
		d = d*5/4 + 1
		if d > 1<<60 {
			d = 1
		}
	}); n > 0 {
		t.Errorf("Record allocates %v times a call, want 0: it stands behind every request", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	h := mergeablehistogram.New()
	rng := rand.New(rand.NewPCG(20, 5))
	some := make([]time.Duration, 4096)
	for i := range some {
		some[i] = time.Duration(rng.ExpFloat64() * 1e7)
	}
	for i := 0; b.Loop(); i++ {
		h.Record(some[i%len(some)])
	}
	if h.Count() == 0 {
		b.Fatal("nothing was counted")
	}
}
