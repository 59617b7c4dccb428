package stat_test

import (
	"testing"
	"time"

	"workbench/sim/dist"
	"workbench/sim/stat"
)

// After every step the window must equal the merge of its last slots.
func FuzzWindow(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(20))
	f.Add(uint64(2), uint8(0), uint8(9))
	f.Add(uint64(3), uint8(1), uint8(9))
	f.Fuzz(func(t *testing.T, seed uint64, slots, steps uint8) {
		n := max(int(slots%40), 1)
		w := stat.NewWindow(int(slots % 40))
		history := []*stat.Hist{{}}
		r := dist.New(seed, "window")
		for range steps {
			for range r.IntN(4) {
				d := time.Duration(r.IntN(uint64(time.Second)))
				if r.IntN(2) == 0 {
					w.Record(d)
				} else {
					var one stat.Hist
					one.Record(d)
					w.Add(one.Delta(nil))
				}
				history[len(history)-1].Record(d)
			}
			if r.IntN(2) == 0 {
				w.Advance()
				history = append(history, &stat.Hist{})
			}
			var want stat.Hist
			for _, h := range history[max(len(history)-n, 0):] {
				want.Merge(h)
			}
			if got := w.Hist(); *got != want {
				t.Fatalf("window of %d: count %d, sum %v, max %v, want %d, %v, %v",
					n, got.Count(), got.Sum(), got.Max(), want.Count(), want.Sum(), want.Max())
			}
		}
	})
}

func TestEWMA(t *testing.T) {
	e := stat.NewEWMA(time.Second)
	if got := e.Value(); got != 0 {
		t.Errorf("Value before the first = %v, want 0", got)
	}
	e.Add(5*time.Second, 10)
	near(t, "the first value is taken whole", e.Value(), 10)
	e.Add(6*time.Second, 20)
	near(t, "after tau the old weighs 1/e", e.Value(), 20-10/2.718281828)
	// Ten steps of a tenth weigh like one of a whole.
	f := stat.NewEWMA(time.Second)
	f.Add(0, 10)
	for i := range time.Duration(10) {
		f.Add((i+1)*100*time.Millisecond, 20)
	}
	near(t, "steps do not matter", f.Value(), 20-10/2.718281828)
	f.Add(0, 1000)
	near(t, "no time has passed", f.Value(), 20-10/2.718281828)
	var last stat.EWMA
	last.Add(0, 1)
	last.Add(time.Second, 2)
	near(t, "the zero value remembers the last", last.Value(), 2)
}

func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if d := got - want; d > 1e-6 || d < -1e-6 {
		t.Errorf("%s: %v, want %v", name, got, want)
	}
}

func TestRate(t *testing.T) {
	r := stat.NewRate(time.Second, 10)
	near(t, "nothing yet", r.PerSecond(0), 0)
	for i := range time.Duration(100) { // 100 a second for 1 s
		r.Add(i*10*time.Millisecond, 1)
	}
	near(t, "count of the first second", float64(r.Count(999*time.Millisecond)), 100)
	near(t, "rate of the first second", r.PerSecond(1000*time.Millisecond), 100)
	near(t, "half a second of silence", float64(r.Count(1499*time.Millisecond)), 50)
	near(t, "a burst", func() float64 { r.Add(1499*time.Millisecond, 50); return float64(r.Count(1499 * time.Millisecond)) }(), 100)
	near(t, "late events count as now", func() float64 { r.Add(0, 1); return float64(r.Count(1499 * time.Millisecond)) }(), 101)
	near(t, "long silence", r.PerSecond(time.Hour), 0)

	young := stat.NewRate(10*time.Second, 10)
	young.Add(100*time.Second, 5)
	young.Add(102*time.Second, 5)
	near(t, "a window not yet full", young.PerSecond(102*time.Second), 5)
	tiny := stat.NewRate(0, 0)
	tiny.Add(5, 1)
	near(t, "no window at all", float64(tiny.Count(5)), 1)
	near(t, "and it is over", float64(tiny.Count(6)), 0)
}
