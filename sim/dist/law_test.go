package dist_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"workbench/sim/dist"
)

// TestLawMoments holds each law to the mean and SCV it was asked for: seed 1,
// a million draws. The tolerance is five standard errors where the fourth
// moment is small, and wider for heavy tails, as stated.
func TestLawMoments(t *testing.T) {
	const draws = 1_000_000
	cases := []struct {
		kind            string
		scv             float64
		wantSCV         float64
		meanTol, scvTol float64 // relative
	}{
		{dist.Constant, 0, 0, 0, 0},
		{dist.Constant, 3, 0, 0, 0},
		{"", 0, 1, .005, .02},
		{dist.Exponential, 0, 1, .005, .02},
		{dist.Lognormal, 0, 1, .005, .05},
		{dist.Lognormal, 0.25, 0.25, .003, .02},
		{dist.Lognormal, 4, 4, .01, .2},
		{dist.Gamma, 0, 1, .005, .02},
		{dist.Gamma, 0.1, 0.1, .002, .02},
		{dist.Gamma, 0.5, 0.5, .004, .02},
		{dist.Gamma, 3, 3, .01, .03},
		{dist.Pareto, 0.5, 0.5, .004, .05},
		{dist.Pareto, 4, 4, .01, .06},
		{dist.Pareto, 0, 10, .02, .15},
		{dist.Hyperexponential, 1, 1, .005, .02},
		{dist.Hyperexponential, 0, 4, .01, .03},
		{dist.Hyperexponential, 20, 20, .025, .05},
	}
	const mean = 20 * time.Millisecond
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s,scv=%v", c.kind, c.scv), func(t *testing.T) {
			law, err := dist.NewLaw(c.kind, mean, c.scv)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(law.SCV-c.wantSCV) > 1e-12 {
				t.Errorf("SCV = %v, want %v", law.SCV, c.wantSCV)
			}
			r := dist.New(1, "moments")
			var sum, squares float64
			for range draws {
				d := law.Draw(r)
				if d < 0 {
					t.Fatalf("Draw = %v, want 0 or more", d)
				}
				x := float64(d) / float64(mean)
				sum += x
				squares += x * x
			}
			m := sum / draws
			scv := (squares/draws - m*m) / (m * m)
			if math.Abs(m-1) > c.meanTol {
				t.Errorf("mean = %.4f of what was asked for, want 1 ± %v", m, c.meanTol)
			}
			if math.Abs(scv-c.wantSCV) > c.scvTol*c.wantSCV+1e-9 {
				t.Errorf("SCV = %.4f, want %v ± %v of it", scv, c.wantSCV, c.scvTol)
			}
		})
	}
}

// TestLawShapes compares each law with its distribution function by the
// Kolmogorov–Smirnov distance: seed 2, 100,000 draws, 1.95/√n (one in a
// thousand).
func TestLawShapes(t *testing.T) {
	const draws = 100_000
	const mean = time.Second
	normal := func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
	q := 31.96875 // of the bounded Pareto of SCV 10: q + 1/q = 32
	least := (1 + 1/q + 1/(q*q)) / 3
	h := (1 + math.Sqrt(0.6)) / 2
	cases := []struct {
		kind string
		scv  float64
		cdf  func(x float64) float64
	}{
		{dist.Exponential, 0, func(x float64) float64 { return 1 - math.Exp(-x) }},
		{dist.Lognormal, 1, func(x float64) float64 {
			return normal((math.Log(x) + math.Ln2/2) / math.Sqrt(math.Ln2))
		}},
		{dist.Gamma, 0.5, func(x float64) float64 { return 1 - math.Exp(-2*x)*(1+2*x) }},
		{dist.Gamma, 2, func(x float64) float64 { return math.Erf(math.Sqrt(x / 2)) }},
		{dist.Pareto, 10, func(x float64) float64 {
			if x < least {
				return 0
			}
			return min((1-math.Pow(least/x, 1.5))/(1-math.Pow(q, -3)), 1)
		}},
		{dist.Hyperexponential, 4, func(x float64) float64 {
			return 1 - h*math.Exp(-2*h*x) - (1-h)*math.Exp(-2*(1-h)*x)
		}},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s,scv=%v", c.kind, c.scv), func(t *testing.T) {
			law, err := dist.NewLaw(c.kind, mean, c.scv)
			if err != nil {
				t.Fatal(err)
			}
			r := dist.New(2, "shape")
			xs := make([]float64, draws)
			for i := range xs {
				xs[i] = law.Draw(r).Seconds()
			}
			if d, limit := distance(xs, c.cdf), 1.95/math.Sqrt(draws); d > limit {
				t.Errorf("Kolmogorov–Smirnov distance = %.5f, want at most %.5f", d, limit)
			}
		})
	}
}

// distance is the Kolmogorov–Smirnov distance of a sample, which it sorts, from
// a distribution function.
func distance(xs []float64, cdf func(float64) float64) float64 {
	slices.Sort(xs)
	n := float64(len(xs))
	far := 0.0
	for i, x := range xs {
		p := cdf(x)
		far = max(far, p-float64(i)/n, float64(i+1)/n-p)
	}
	return far
}

func TestStreamShapes(t *testing.T) {
	const draws = 100_000
	cases := []struct {
		name string
		draw func(r *dist.Stream) float64
		cdf  func(x float64) float64
	}{
		{"Float64", (*dist.Stream).Float64, func(x float64) float64 { return x }},
		{"Exp", (*dist.Stream).Exp, func(x float64) float64 { return 1 - math.Exp(-x) }},
		{"Norm", (*dist.Stream).Norm, func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }},
		{
			"GPareto of shape 0.25", func(r *dist.Stream) float64 { return r.GPareto(3, 0.25) },
			func(x float64) float64 { return 1 - math.Pow(1+0.25*x/3, -4) },
		},
		{
			"GPareto of shape 0", func(r *dist.Stream) float64 { return r.GPareto(2, 0) },
			func(x float64) float64 { return 1 - math.Exp(-x/2) },
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := dist.New(3, c.name)
			xs := make([]float64, draws)
			for i := range xs {
				xs[i] = c.draw(r)
			}
			if d, limit := distance(xs, c.cdf), 1.95/math.Sqrt(draws); d > limit {
				t.Errorf("Kolmogorov–Smirnov distance = %.5f, want at most %.5f", d, limit)
			}
		})
	}
}

func TestNewLawRefuses(t *testing.T) {
	cases := []struct {
		name string
		kind string
		mean time.Duration
		scv  float64
	}{
		{"unknown kind", "weibull", time.Second, 1},
		{"negative mean", dist.Exponential, -1, 1},
		{"negative scv", dist.Lognormal, time.Second, -1},
		{"scv no number", dist.Gamma, time.Second, math.NaN()},
		{"scv infinite", dist.Pareto, time.Second, math.Inf(1)},
		{"hyperexponential below 1", dist.Hyperexponential, time.Second, 0.5},
	}
	for _, c := range cases {
		if law, err := dist.NewLaw(c.kind, c.mean, c.scv); err == nil {
			t.Errorf("%s: NewLaw = %v, want an error", c.name, law)
		} else if law != (dist.Law{}) {
			t.Errorf("%s: NewLaw = %v beside the error, want the zero Law", c.name, law)
		}
	}
	if got := (dist.Law{}).Draw(dist.New(1, "zero")); got != 0 {
		t.Errorf("zero Law: Draw = %v, want 0", got)
	}
}

func TestDrawsAllocateNothing(t *testing.T) {
	r := dist.New(1, "allocs")
	for _, kind := range dist.LawKinds() {
		law, err := dist.NewLaw(kind, time.Millisecond, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { law.Draw(r) }); n != 0 {
			t.Errorf("%s: Draw allocates %v times, want 0", kind, n)
		}
	}
	z, err := dist.NewZipf(1000, 0.99)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { z.Draw(r) }); n != 0 {
		t.Errorf("Zipf.Draw allocates %v times, want 0", n)
	}
}

func FuzzLawNeverNegative(f *testing.F) {
	for i := range dist.LawKinds() {
		f.Add(uint8(i), int64(time.Second), 1.0, uint64(i))
	}
	f.Add(uint8(4), int64(math.MaxInt64), 1e6, uint64(9))
	f.Fuzz(func(t *testing.T, kind uint8, mean int64, scv float64, seed uint64) {
		kinds := dist.LawKinds()
		law, err := dist.NewLaw(kinds[int(kind)%len(kinds)], time.Duration(mean), scv)
		if err != nil {
			t.Skip()
		}
		r := dist.New(seed, "fuzz")
		for range 50 {
			if d := law.Draw(r); d < 0 {
				t.Fatalf("%+v: Draw = %v, want 0 or more", law, d)
			}
		}
	})
}

func BenchmarkLaw(b *testing.B) {
	for _, kind := range dist.LawKinds() {
		b.Run(kind, func(b *testing.B) {
			law, err := dist.NewLaw(kind, time.Millisecond, 0)
			if err != nil {
				b.Fatal(err)
			}
			r := dist.New(1, "bench")
			b.ReportAllocs()
			for b.Loop() {
				law.Draw(r)
			}
		})
	}
}
