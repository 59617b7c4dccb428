package dist_test

import (
	"fmt"
	"math"
	"testing"

	"workbench/sim/dist"
)

// TestZipfIsExact compares counts of the top ranks and of doubling groups of
// ranks behind them with the exact probabilities. Seed 1, 100,000 draws each;
// chi-square at five standard deviations, so that a right sampler fails once in
// millions of seeds.
func TestZipfIsExact(t *testing.T) {
	const draws = 100_000
	for _, n := range []uint64{1, 2, 3, 10, 1000, 100_000} {
		for _, s := range []float64{0, 1e-9, 0.3, 0.7, 0.99, 1, 1 + 1e-12, 1.25, 1.8, 2.68, 10} {
			t.Run(fmt.Sprintf("n=%d,s=%v", n, s), func(t *testing.T) {
				z, err := dist.NewZipf(n, s)
				if err != nil {
					t.Fatal(err)
				}
				r := dist.New(1, "zipf")
				seen := make([]float64, n+1)
				for range draws {
					k := z.Draw(r)
					if k < 1 || k > n {
						t.Fatalf("Draw = %d, want 1 to %d", k, n)
					}
					seen[k]++
				}
				want := exactZipf(n, s)
				chi, cells := chiSquare(seen[1:], want[1:], draws)
				if limit := cells + 5*math.Sqrt(2*cells) + 5; chi > limit {
					t.Errorf("chi-square of %v groups = %.1f, want at most %.1f", cells, chi, limit)
				}
			})
		}
	}
}

// exactZipf returns the probability of each rank; index 0 is unused.
func exactZipf(n uint64, s float64) []float64 {
	p := make([]float64, n+1)
	sum := 0.0
	for k := n; k >= 1; k-- {
		p[k] = math.Pow(float64(k), -s)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}

// chiSquare takes ranks one by one while at least 100 draws are expected of
// each, and joins the rest into groups of at least 100.
func chiSquare(seen, share []float64, draws float64) (chi, cells float64) {
	var got, want float64
	for k := range seen {
		got += seen[k]
		want += share[k] * draws
		if want >= 100 {
			chi += (got - want) * (got - want) / want
			cells++
			got, want = 0, 0
		}
	}
	if want > 0 {
		chi += (got - want) * (got - want) / max(want, 10)
		cells++
	}
	return chi, cells
}

func TestZipfOfManyRanks(t *testing.T) {
	z, err := dist.NewZipf(dist.MaxZipf, 0.99)
	if err != nil {
		t.Fatal(err)
	}
	r := dist.New(1, "many")
	beyond := 0
	for range 10_000 {
		if k := z.Draw(r); k > 1<<32 {
			beyond++
		}
	}
	// The share above 2^32 is about 1 - H(2^32)/H(2^53) with H(n) ≈ (n^0.01-1)/0.01 + 0.58.
	h := func(n float64) float64 { return (math.Pow(n, 0.01)-1)/0.01 + 0.58 }
	want := 10_000 * (1 - h(1<<32)/h(1<<53))
	if math.Abs(float64(beyond)-want) > 300 {
		t.Errorf("draws above 2^32 = %d of 10000, want %.0f ± 300", beyond, want)
	}
}

// The published shares of traffic that the hottest items draw, for a million
// items (TRAFFIC: .85 → 44 % to the top 1 %, .99 → 66 %, 1.25 → 94 %).
func TestZipfTrafficOfTheHottest(t *testing.T) {
	cases := []struct {
		s, hottest, first float64
	}{{0.85, 0.44, 0}, {0.99, 0.66, 0.065}, {1.25, 0.94, 0.22}, {1.5, 0.99, 0.38}}
	for _, c := range cases {
		z, err := dist.NewZipf(1_000_000, c.s)
		if err != nil {
			t.Fatal(err)
		}
		r := dist.New(2, "share")
		const draws = 200_000
		var hottest, first float64
		for range draws {
			k := z.Draw(r)
			if k <= 10_000 {
				hottest++
			}
			if k == 1 {
				first++
			}
		}
		if got := hottest / draws; math.Abs(got-c.hottest) > 0.01 {
			t.Errorf("s=%v: the top 1 %% draw %.3f of the traffic, want %.2f ± 0.01", c.s, got, c.hottest)
		}
		if got := first / draws; c.first > 0 && math.Abs(got-c.first) > 0.006 {
			t.Errorf("s=%v: the first draws %.3f of the traffic, want %.3f ± 0.006", c.s, got, c.first)
		}
	}
}

func TestNewZipfRefuses(t *testing.T) {
	cases := []struct {
		name string
		n    uint64
		s    float64
	}{
		{"no ranks", 0, 1}, {"too many ranks", dist.MaxZipf + 1, 1}, {"negative exponent", 10, -0.1},
		{"no number", 10, math.NaN()}, {"infinite", 10, math.Inf(1)},
	}
	for _, c := range cases {
		if z, err := dist.NewZipf(c.n, c.s); err == nil {
			t.Errorf("%s: NewZipf(%d, %v) = %v, want an error", c.name, c.n, c.s, z)
		}
	}
}

func FuzzZipfStaysInRange(f *testing.F) {
	f.Add(uint64(1), 0.0, uint64(1))
	f.Add(uint64(1000), 0.99, uint64(2))
	f.Add(uint64(1<<53), 1.0, uint64(3))
	f.Add(uint64(7), 1e9, uint64(4))
	f.Add(uint64(7), 1-1e-15, uint64(5))
	f.Fuzz(func(t *testing.T, n uint64, s float64, seed uint64) {
		z, err := dist.NewZipf(n, s)
		if err != nil {
			t.Skip()
		}
		r := dist.New(seed, "fuzz")
		for range 100 {
			if k := z.Draw(r); k < 1 || k > n {
				t.Fatalf("NewZipf(%d, %v): Draw = %d", n, s, k)
			}
		}
	})
}

func BenchmarkZipf(b *testing.B) {
	for _, s := range []float64{0, 0.7, 0.99, 1, 1.25, 2.1} {
		b.Run(fmt.Sprintf("s=%v", s), func(b *testing.B) {
			z, err := dist.NewZipf(1_000_000, s)
			if err != nil {
				b.Fatal(err)
			}
			r := dist.New(1, "bench")
			b.ReportAllocs()
			for b.Loop() {
				z.Draw(r)
			}
		})
	}
}
