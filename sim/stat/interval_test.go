package stat_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"workbench/sim/dist"
	"workbench/sim/stat"
)

func TestMoments(t *testing.T) {
	var m stat.Moments
	if m.N() != 0 || m.Mean() != 0 || m.Variance() != 0 || m.SCV() != 0 {
		t.Errorf("empty: %d, %v, %v, %v, want all 0", m.N(), m.Mean(), m.Variance(), m.SCV())
	}
	for _, x := range []float64{2, 4, 4, 4, 5, 5, 7, 9} {
		m.Add(x)
	}
	near(t, "mean", m.Mean(), 5)
	near(t, "variance", m.Variance(), 32.0/7)
	near(t, "SCV", m.SCV(), 32.0/7/25)
	var far stat.Moments // cancellation: plain sums of squares lose this variance
	for _, x := range []float64{1e9 + 1, 1e9 + 2, 1e9 + 3} {
		far.Add(x)
	}
	near(t, "variance far from 0", far.Variance(), 1)
}

// Quantiles of Student's t from tables, through the width of an interval.
func TestIntervalWidth(t *testing.T) {
	cases := []struct {
		n    int
		want float64
	}{{2, 12.706}, {3, 4.303}, {11, 2.228}, {31, 2.042}, {41, 2.021}, {61, 2.000}, {121, 1.980}, {100_001, 1.960}}
	for _, c := range cases {
		xs := make([]float64, c.n)
		var m stat.Moments
		for i := range xs {
			xs[i] = float64(i % 2)
			m.Add(xs[i])
		}
		i := stat.NewInterval(xs)
		got := i.Half / math.Sqrt(m.Variance()/float64(c.n))
		if math.Abs(got-c.want) > 6e-4 {
			t.Errorf("t of %d degrees of freedom = %.4f, want %.3f", c.n-1, got, c.want)
		}
		if i.N != c.n || i.Low() != i.Mean-i.Half || i.High() != i.Mean+i.Half {
			t.Errorf("interval of %d = %+v", c.n, i)
		}
	}
	for _, few := range [][]float64{nil, {3}} {
		if i := stat.NewInterval(few); !math.IsInf(i.Half, 1) || !i.Contains(1e9) {
			t.Errorf("interval of %v = %v, want one that excludes nothing", few, i)
		}
	}
	if got, want := (stat.Interval{Mean: 4.0213, Half: 0.0512}).String(), "4.021 ± 0.051"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
}

// Of 2,000 intervals 95 % must hold the true mean; seed 1, four standard
// deviations of the binomial law (± 2 %).
func TestIntervalCoverage(t *testing.T) {
	const trials = 2000
	r := dist.New(1, "coverage")
	hits, naive, batched := 0, 0, 0
	for range trials {
		xs := make([]float64, 8)
		for i := range xs {
			xs[i] = 10 + r.Norm()
		}
		if stat.NewInterval(xs).Contains(10) {
			hits++
		}
		// A run with a memory of about ten values: its naive interval is far
		// too narrow, that of batches is right.
		run := make([]float64, 3000)
		x := r.Norm() / math.Sqrt(1-0.9*0.9)
		for i := range run {
			x = 0.9*x + r.Norm()
			run[i] = x
		}
		if stat.NewInterval(run).Contains(0) {
			naive++
		}
		if stat.Batches(run, 15).Contains(0) {
			batched++
		}
	}
	for name, got := range map[string]int{"replications": hits, "batch means": batched} {
		if share := float64(got) / trials; math.Abs(share-0.95) > 0.02 {
			t.Errorf("%s: %.3f of the intervals hold the mean, want 0.95 ± 0.02", name, share)
		}
	}
	if share := float64(naive) / trials; share > 0.6 {
		t.Errorf("naive intervals of a run hold its mean in %.3f of the cases; the test's run has no memory", share)
	}
}

func TestBatches(t *testing.T) {
	got := stat.Batches([]float64{99, 1, 1, 3, 3, 5, 5}, 3) // 99 is left over
	near(t, "mean", got.Mean, 3)
	if got.N != 3 {
		t.Errorf("N = %d, want 3", got.N)
	}
	for _, c := range []struct{ values, n int }{{0, 30}, {5, 6}, {5, 1}, {5, 0}} {
		if i := stat.Batches(make([]float64, c.values), c.n); !math.IsInf(i.Half, 1) {
			t.Errorf("Batches of %d values in %d = %v, want an infinite interval", c.values, c.n, i)
		}
	}
}

func TestSeries(t *testing.T) {
	s := stat.NewSeries(4)
	if _, ok := s.Last(); ok {
		t.Error("an empty series has a last point")
	}
	if _, ok := s.Mean(0, time.Hour); ok {
		t.Error("an empty series has a mean")
	}
	for i := range time.Duration(6) {
		s.Add(i*time.Second, float64(10*i))
	}
	s.Add(time.Second, 999) // out of order
	if got := s.Len(); got != 4 {
		t.Errorf("Len = %d, want 4", got)
	}
	if got := s.Point(0); got != (stat.Point{At: 2 * time.Second, Value: 20}) {
		t.Errorf("Point(0) = %v, want the oldest kept, 20 at 2s", got)
	}
	if got, ok := s.Last(); !ok || got.Value != 50 {
		t.Errorf("Last = %v, %v, want 50", got, ok)
	}
	cases := []struct {
		from, to time.Duration
		want     []float64
	}{
		{0, time.Hour, []float64{20, 30, 40, 50}},
		{2 * time.Second, 4 * time.Second, []float64{30, 40}},
		{5 * time.Second, time.Hour, nil},
		{time.Hour, 0, nil},
	}
	for _, c := range cases {
		var got []float64
		for p := range s.Between(c.from, c.to) {
			got = append(got, p.Value)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("Between(%v, %v) = %v, want %v", c.from, c.to, got, c.want)
		}
	}
	for p := range s.Between(0, time.Hour) {
		if p.Value > 20 {
			t.Errorf("Between went on to %v after the loop was left", p)
		}
		break
	}
	if mean, ok := s.Mean(2*time.Second, 4*time.Second); !ok || mean != 35 {
		t.Errorf("Mean(2s, 4s) = %v, %v, want 35", mean, ok)
	}
}
