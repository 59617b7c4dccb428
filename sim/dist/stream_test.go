package dist_test

import (
	"math"
	"testing"
	"time"

	"workbench/sim/dist"
)

// The first outputs of xoshiro256++ from the state 1, 2, 3, 4, as the reference
// implementation prints them.
func TestGeneratorIsXoshiro(t *testing.T) {
	want := []uint64{
		41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205,
		9973669472204895162, 14011001112246962877, 12406186145184390807, 15849039046786891736, 10450023813501588000,
	}
	r := dist.Of([4]uint64{1, 2, 3, 4})
	for i, w := range want {
		if got := r.Uint64(); got != w {
			t.Errorf("output %d = %d, want %d", i, got, w)
		}
	}
}

// The first values of a seed are part of the contract: a scenario shared last
// year draws the same load today, on every platform.
func TestGolden(t *testing.T) {
	law := func(kind string) func(*dist.Stream) float64 {
		l, err := dist.NewLaw(kind, time.Second, 0)
		if err != nil {
			t.Fatal(err)
		}
		return func(r *dist.Stream) float64 { return float64(l.Draw(r)) }
	}
	z, err := dist.NewZipf(1_000_000, 0.99)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		draw func(*dist.Stream) float64
		want [3]float64
	}{
		{"float", (*dist.Stream).Float64, [3]float64{0.5890437315199001, 0.7198175981755173, 0.6997779846311316}},
		{"exp", (*dist.Stream).Exp, [3]float64{2.8222533807093644, 0.17281629151253225, 0.33016260572253237}},
		{"norm", (*dist.Stream).Norm, [3]float64{0.7616057164785857, -0.4355683214183733, -0.10276167840027822}},
		{"zipf", func(r *dist.Stream) float64 { return float64(z.Draw(r)) }, [3]float64{4, 22276, 375879}},
		{"exponential", law(dist.Exponential), [3]float64{1.196601741e+09, 2.54581192e+08, 3.5852972e+08}},
		{"lognormal", law(dist.Lognormal), [3]float64{6.95229039e+08, 1.02233501e+09, 7.8894032e+08}},
		{"gamma", law(dist.Gamma), [3]float64{2.98406845e+08, 8.30861268e+08, 6.72578713e+08}},
		{"pareto", law(dist.Pareto), [3]float64{3.79101474e+08, 7.44935027e+08, 6.89696002e+08}},
		{"hyperexponential", law(dist.Hyperexponential), [3]float64{4.13951296e+08, 8.4808265e+07, 2.0019846e+08}},
	}
	for _, c := range cases {
		r := dist.New(42, c.name)
		got := [3]float64{c.draw(r), c.draw(r), c.draw(r)}
		if got != c.want {
			t.Errorf("%s: first values of seed 42 = %#v, want %#v", c.name, got, c.want)
		}
	}
}

func TestStreamsAreIndependent(t *testing.T) {
	cases := []struct {
		name string
		a, b *dist.Stream
	}{
		{"names", dist.New(1, "arrivals"), dist.New(1, "keys")},
		{"seeds", dist.New(1, "arrivals"), dist.New(2, "arrivals")},
		{"zero seed", dist.New(0, ""), dist.New(1, "")},
	}
	const n = 100_000
	for _, c := range cases {
		// Correlation of two independent uniform samples has a deviation of 1/√n.
		var sum float64
		for range n {
			sum += (c.a.Float64() - 0.5) * (c.b.Float64() - 0.5)
		}
		if corr := sum * 12 / n; math.Abs(corr) > 4/math.Sqrt(n) {
			t.Errorf("%s: correlation = %.5f, want 0 ± %.5f", c.name, corr, 4/math.Sqrt(n))
		}
	}
	a, b := dist.New(5, "x"), dist.New(5, "x")
	for range 1000 {
		if x, y := a.Uint64(), b.Uint64(); x != y {
			t.Fatalf("same seed and name: %d and %d, want equal", x, y)
		}
	}
}

func TestIntN(t *testing.T) {
	r := dist.New(1, "intn")
	const n, draws = 6, 60_000
	var seen [n]float64
	for range draws {
		seen[r.IntN(n)]++
	}
	chi := 0.0
	for _, c := range seen {
		chi += (c - draws/n) * (c - draws/n) / (draws / n)
	}
	if chi > 25 { // 5 degrees of freedom, one in 7,000
		t.Errorf("chi-square of a die = %.1f, want at most 25", chi)
	}
	// Two thirds of 2^64: plain remainders would hit the lower half twice as often.
	big, low := uint64(math.MaxUint64/3*2), 0
	for range draws {
		if r.IntN(big) < big/2 {
			low++
		}
	}
	if math.Abs(float64(low)-draws/2) > 4*math.Sqrt(draws)/2 {
		t.Errorf("draws below the middle = %d of %d, want half", low, draws)
	}
}
