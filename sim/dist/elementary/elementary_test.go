package elementary_test

import (
	"math"
	"testing"

	"workbench/sim/dist"
	"workbench/sim/dist/elementary"
)

// ulps returns how many representable numbers lie between got and want.
func ulps(got, want float64) float64 {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return 0
	}
	return math.Abs(got-want) / (math.Nextafter(math.Abs(want), math.Inf(1)) - math.Abs(want))
}

func TestAgreesWithTheStandardLibrary(t *testing.T) {
	turn := func(x float64) float64 { return math.Sin(2 * math.Pi * x) }
	cases := []struct {
		name      string
		got, want func(float64) float64
		lo, hi    float64
		most      float64 // units in the last place
	}{
		{"Log near 1", elementary.Log, math.Log, 0.5, 2, 3},
		{"Log", elementary.Log, math.Log, 0, 1e9, 2},
		{"Log1p", elementary.Log1p, math.Log1p, -0.999, 3, 3},
		{"Log1p near 0", elementary.Log1p, math.Log1p, -1e-9, 1e-9, 2},
		{"Exp", elementary.Exp, math.Exp, -700, 700, 2},
		{"Exp near 0", elementary.Exp, math.Exp, -1, 1, 2},
		{"Expm1", elementary.Expm1, math.Expm1, -5, 5, 4},
		{"Expm1 near 0", elementary.Expm1, math.Expm1, -1e-9, 1e-9, 2},
		{"SinTurn", elementary.SinTurn, turn, 0.01, 0.3, 4},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := dist.New(1, c.name)
			for range 200_000 {
				x := c.lo + (c.hi-c.lo)*r.Float64()
				if u := ulps(c.got(x), c.want(x)); u > c.most {
					t.Fatalf("f(%v) = %v, want %v: %.1f units in the last place off, at most %v allowed", x, c.got(x), c.want(x), u, c.most)
				}
			}
		})
	}
}

func TestEdges(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	cases := []struct {
		name      string
		got, want float64
	}{
		{"Log(0)", elementary.Log(0), -inf},
		{"Log(1)", elementary.Log(1), 0},
		{"Log(-1)", elementary.Log(-1), nan},
		{"Log(NaN)", elementary.Log(nan), nan},
		{"Log(+Inf)", elementary.Log(inf), inf},
		{"Log(smallest)", elementary.Log(5e-324), -744.4400719213812},
		{"Log1p(-1)", elementary.Log1p(-1), -inf},
		{"Log1p(0)", elementary.Log1p(0), 0},
		{"Exp(0)", elementary.Exp(0), 1},
		{"Exp(1000)", elementary.Exp(1000), inf},
		{"Exp(-1000)", elementary.Exp(-1000), 0},
		{"Exp(-Inf)", elementary.Exp(-inf), 0},
		{"Exp(+Inf)", elementary.Exp(inf), inf},
		{"Exp(NaN)", elementary.Exp(nan), nan},
		{"Expm1(0)", elementary.Expm1(0), 0},
		{"Expm1(-Inf)", elementary.Expm1(-inf), -1},
		{"Pow(0,2)", elementary.Pow(0, 2), 0},
		{"Pow(5,0)", elementary.Pow(5, 0), 1},
		{"SinTurn(0)", elementary.SinTurn(0), 0},
		{"SinTurn(1/4)", elementary.SinTurn(0.25), 1},
		{"SinTurn(1/2)", elementary.SinTurn(0.5), 0},
		{"SinTurn(3/4)", elementary.SinTurn(0.75), -1},
		{"SinTurn(-1/4)", elementary.SinTurn(-0.25), -1},
		{"SinTurn(7)", elementary.SinTurn(7), 0},
	}
	for _, c := range cases {
		if ulps(c.got, c.want) != 0 {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
}

// The last bits are the promise: this hash must be the same on every
// architecture, with every version of Go.
func TestLastBitsAreFixed(t *testing.T) {
	r := dist.New(7, "elementary")
	hash := uint64(0)
	for range 100_000 {
		u := r.Float64()
		for _, v := range []float64{
			elementary.Log(u), elementary.Log1p(u - 0.5), elementary.Exp(40 * (u - 0.5)),
			elementary.Expm1(u - 0.5), elementary.Pow(1+u, -0.99), elementary.SinTurn(u),
		} {
			hash = dist.Mix(hash ^ math.Float64bits(v))
		}
	}
	if want := uint64(0x8539faf4b1cd2f00); hash != want {
		t.Errorf("hash of the last bits = %#x, want %#x", hash, want)
	}
}

func FuzzExpUndoesLog(f *testing.F) {
	f.Add(1.0)
	f.Add(1e-300)
	f.Add(12345.678)
	f.Fuzz(func(t *testing.T, x float64) {
		if !(x > 1e-300 && x < 1e300) {
			return // Log is the subject within these bounds
		}
		if got := elementary.Exp(elementary.Log(x)); math.Abs(got-x) > 1e-12*x {
			t.Errorf("Exp(Log(%v)) = %v", x, got)
		}
	})
}
