package stat_test

import (
	"encoding/json"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"workbench/sim/dist"
	"workbench/sim/stat"
)

const us = time.Microsecond

func TestHistCounts(t *testing.T) {
	var h stat.Hist
	if h.Quantile(0.5) != 0 || h.Mean() != 0 || h.Max() != 0 || h.Count() != 0 {
		t.Errorf("empty: quantile %v, mean %v, max %v, count %d, want all 0", h.Quantile(0.5), h.Mean(), h.Max(), h.Count())
	}
	h.Record(10 * us)
	h.Record(-time.Second) // counts as 0
	h.RecordN(40*us, 2)
	if got := h.Count(); got != 4 {
		t.Errorf("Count = %d, want 4", got)
	}
	if got := h.Sum(); got != 90*us {
		t.Errorf("Sum = %v, want 90µs", got)
	}
	if got := h.Mean(); got != 22500*time.Nanosecond {
		t.Errorf("Mean = %v, want 22.5µs", got)
	}
	if got := h.Max(); got != 40*us {
		t.Errorf("Max = %v, want 40µs", got)
	}
	for over, want := range map[time.Duration]uint64{0: 3, 9 * us: 3, 10 * us: 2, 39 * us: 2, 40 * us: 0, time.Hour: 0} {
		if got := h.Over(over); got != want {
			t.Errorf("Over(%v) = %d, want %d", over, got, want)
		}
	}
	h.Reset()
	if h != (stat.Hist{}) {
		t.Errorf("Reset leaves %d counts, want the zero value", h.Count())
	}
}

// The promise is a quantile within 1/32 of the true one, or 1 µs for those
// below 32 µs, for laws from narrow to heavy.
func TestQuantileError(t *testing.T) {
	for _, kind := range dist.LawKinds() {
		for _, mean := range []time.Duration{5 * us, time.Millisecond, 3 * time.Second, time.Hour} {
			law, err := dist.NewLaw(kind, mean, 0)
			if err != nil {
				t.Fatal(err)
			}
			r := dist.New(1, kind)
			var h stat.Hist
			all := make([]time.Duration, 10_000)
			for i := range all {
				all[i] = min(law.Draw(r), 18*time.Hour) // below the last cell
				h.Record(all[i])
			}
			checkQuantiles(t, &h, all)
		}
	}
}

// checkQuantiles holds h to the exact quantiles of what it recorded.
func checkQuantiles(t *testing.T, h *stat.Hist, all []time.Duration) {
	t.Helper()
	slices.Sort(all)
	for _, q := range []float64{0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1} {
		exact := all[max(int(math.Ceil(q*float64(len(all))))-1, 0)]
		allowed := max(exact/32, us)
		if got := h.Quantile(q); (got - exact).Abs() > allowed {
			t.Errorf("Quantile(%v) of %d = %v, want %v ± %v", q, len(all), got, exact, allowed)
		}
	}
}

func TestQuantileOfOneValueIsExactAtTheTop(t *testing.T) {
	for _, d := range []time.Duration{0, 1, us - 1, us, 31 * us, 32 * us, 33 * us, 1000*us + 1, 20 * time.Hour, math.MaxInt64} {
		var h stat.Hist
		h.Record(d)
		if got := h.Quantile(1); got != d {
			t.Errorf("Quantile(1) of %v alone = %v, want the same", d, got)
		}
		if got := h.Quantile(2); got != d {
			t.Errorf("Quantile(2) of %v alone = %v, want the same", d, got)
		}
		if got := h.Quantile(-1); got > d {
			t.Errorf("Quantile(-1) of %v alone = %v, want at most that", d, got)
		}
	}
}

func FuzzHist(f *testing.F) {
	f.Add(uint64(1), int64(time.Millisecond), uint8(10))
	f.Add(uint64(2), int64(math.MaxInt64), uint8(3))
	f.Add(uint64(3), int64(31999), uint8(200))
	f.Fuzz(func(t *testing.T, seed uint64, scale int64, n uint8) {
		scale = scale&math.MaxInt64%int64(18*time.Hour) + 1
		r := dist.New(seed, "hist")
		var a, b, both stat.Hist
		all := make([]time.Duration, 0, n)
		for i := range n {
			d := time.Duration(r.IntN(uint64(scale)))
			all = append(all, d)
			both.Record(d)
			if i%3 == 0 {
				a.Record(d)
			} else {
				b.Record(d)
			}
		}
		if len(all) > 0 {
			checkQuantiles(t, &both, all)
		}
		a.Merge(&b)
		if a != both {
			t.Errorf("merged: %d counts, sum %v, max %v, want %d, %v, %v", a.Count(), a.Sum(), a.Max(), both.Count(), both.Sum(), both.Max())
		}
		last := time.Duration(0)
		for q := 0.0; q <= 1; q += 0.05 {
			v := both.Quantile(q)
			if v < last || v > both.Max() {
				t.Fatalf("Quantile(%.2f) = %v, want %v to %v", q, v, last, both.Max())
			}
			last = v
		}
		data, err := json.Marshal(both.Delta(nil))
		if err != nil {
			t.Fatal(err)
		}
		var d stat.Delta
		if err := json.Unmarshal(data, &d); err != nil {
			t.Fatal(err)
		}
		var back stat.Hist
		back.Add(d)
		if back != both {
			t.Errorf("through a delta: %d counts, sum %v, max %v, want %d, %v, %v", back.Count(), back.Sum(), back.Max(), both.Count(), both.Sum(), both.Max())
		}
	})
}

func TestDeltaJSON(t *testing.T) {
	var h stat.Hist
	h.RecordN(5*us, 2)
	h.Record(100 * us)
	data, err := json.Marshal(h.Delta(nil))
	if want := `{"sum":110000,"max":100000,"cells":[[5,2],[82,1]]}`; err != nil || string(data) != want {
		t.Errorf("Marshal = %s, %v, want %s", data, err, want)
	}
	empty, err := json.Marshal(new(stat.Hist).Delta(nil))
	if err != nil || string(empty) != `{}` {
		t.Errorf("Marshal of nothing = %s, %v, want {}", empty, err)
	}
	for _, bad := range []string{`{"cells":[[1024,1]]}`, `{"cells":[[-1,1]]}`, `{"cells":["x"]}`, `{"cells":[[1.5,1]]}`} {
		var d stat.Delta
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("Unmarshal(%s) = %+v, want an error", bad, d)
		}
	}
	h.Reset()
	h.Add(stat.Delta{Cells: []stat.Cell{{Index: 5000, Count: 9}}})
	if got := h.Count(); got != 0 {
		t.Errorf("Count after a cell out of range = %d, want 0", got)
	}
}

// Four goroutines record while a fifth drains; nothing may be lost or counted
// twice.
func TestAtomic(t *testing.T) {
	const writers, each = 4, 20_000
	var a stat.Atomic
	var h stat.Hist
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			r := dist.New(uint64(w), "atomic")
			for range each {
				a.Record(time.Duration(r.IntN(uint64(time.Second))))
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		a.Drain(&h)
	}
	var want stat.Hist
	for w := range writers {
		r := dist.New(uint64(w), "atomic")
		for range each {
			want.Record(time.Duration(r.IntN(uint64(time.Second))))
		}
	}
	a.Drain(&h)
	if h != want {
		t.Errorf("drained %d counts, sum %v, max %v, want %d, %v, %v", h.Count(), h.Sum(), h.Max(), want.Count(), want.Sum(), want.Max())
	}
	a.Record(-time.Second)
	h.Reset()
	a.Drain(&h)
	if h.Count() != 1 || h.Sum() != 0 || h.Max() != 0 {
		t.Errorf("a negative duration: count %d, sum %v, max %v, want 1, 0, 0", h.Count(), h.Sum(), h.Max())
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	var h stat.Hist
	var a stat.Atomic
	w := stat.NewWindow(4)
	if n := testing.AllocsPerRun(100, func() {
		h.Record(time.Millisecond)
		a.Record(time.Millisecond)
		w.Record(time.Millisecond)
		w.Advance()
	}); n != 0 {
		t.Errorf("recording allocates %v times, want 0", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	b.Run("Hist", func(b *testing.B) {
		var h stat.Hist
		d := time.Duration(0)
		for b.Loop() {
			d += 7919
			h.Record(d & 0xffffff)
		}
	})
	b.Run("Atomic", func(b *testing.B) {
		var a stat.Atomic
		d := time.Duration(0)
		for b.Loop() {
			d += 7919
			a.Record(d & 0xffffff)
		}
	})
}

// A frame of the live lab: drain a tenth of a second, keep 25 of them, and read
// four quantiles.
func BenchmarkFrame(b *testing.B) {
	var a stat.Atomic
	var slot stat.Hist
	var cells []stat.Cell
	w := stat.NewWindow(25)
	b.ReportAllocs()
	for b.Loop() {
		for i := range time.Duration(100) {
			a.Record(time.Millisecond + i*30*us)
		}
		slot.Reset()
		a.Drain(&slot)
		delta := slot.Delta(cells[:0])
		cells = delta.Cells
		w.Advance()
		w.Add(delta)
		h := w.Hist()
		for _, q := range []float64{0.5, 0.95, 0.99, 0.999} {
			h.Quantile(q)
		}
	}
}
