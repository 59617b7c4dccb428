package dist

import (
	"fmt"
	"math"

	"workbench/sim/dist/elementary"
)

// MaxZipf is the largest number of ranks a Zipf may have: beyond it a rank is
// not exact in a float64.
const MaxZipf = 1 << 53

// Zipf draws a rank from 1 to n with a probability proportional to rank^-s, in
// constant time and memory and without approximation, for every s ≥ 0: the
// standard library's needs s > 1, while measured skews of 0.6 to 1 are common.
// It is safe for concurrent use; the streams it draws from are not.
//
// Up to maxTable ranks are drawn from an alias table: A. J. Walker, "An efficient
// method for generating discrete random variables with general distributions",
// ACM TOMS 3(3), 1977, made as M. D. Vose describes in IEEE TSE 17(9), 1991. More
// take rejection-inversion, which needs no memory and eight times as long: W.
// Hörmann and G. Derflinger, "Rejection-inversion to generate variates from
// monotone discrete distributions", ACM TOMACS 6(3), 1996.
type Zipf struct {
	n     uint64
	s     float64
	table []column // nil: rejection-inversion
	top   float64  // area under the hat up to n + ½
	width float64  // from top down to the left end of the hat, negative
	sure  float64  // a point this close below its rank needs no further test
}

// NewZipf returns the law over the ranks 1 to n with exponent s. With s = 0 all
// ranks are alike.
func NewZipf(n uint64, s float64) (*Zipf, error) {
	if n == 0 || n > MaxZipf {
		return nil, fmt.Errorf("zipf: n is %d, want 1 to 2^53", n)
	}
	if !(s >= 0) || math.IsInf(s, 1) {
		return nil, fmt.Errorf("zipf: exponent is %v, want a number of 0 or more", s)
	}
	z := &Zipf{n: n, s: s}
	if n <= maxTable && s > 0 {
		z.table = z.columns()
		return z, nil
	}
	z.top = z.area(float64(n) + 0.5)
	z.width = z.area(1.5) - 1 - z.top
	z.sure = 2 - z.point(z.area(2.5)-z.weight(2))
	return z, nil
}

// Draw returns a rank in [1, n]; rank 1 is the most likely. It takes two
// draws from r when there is a table, and else a varying number, 1.1 on average
// at most.
func (z *Zipf) Draw(r *Stream) uint64 {
	if z.s == 0 {
		return 1 + r.IntN(z.n)
	}
	if z.table != nil {
		i := r.IntN(z.n)
		if c := z.table[i]; r.Float64() >= c.own {
			i = uint64(c.other)
		}
		return 1 + i
	}
	for {
		u := z.top + float64(r.Float64()*z.width)
		x := z.point(u)
		k := min(max(math.Floor(x+0.5), 1), float64(z.n))
		if k-x <= z.sure || u >= z.area(k+0.5)-z.weight(k) {
			return uint64(k)
		}
	}
}

// weight is the hat's height at x: x^-s.
func (z *Zipf) weight(x float64) float64 { return elementary.Pow(x, -z.s) }

// area is the integral of weight from 1 to x: (x^(1-s)-1)/(1-s), or log x when
// s is 1.
func (z *Zipf) area(x float64) float64 {
	l := elementary.Log(x)
	t := float64((1 - z.s) * l)
	if math.Abs(t) < 1e-8 {
		return float64(l * (1 + t/2))
	}
	return elementary.Expm1(t) / (1 - z.s)
}

// point is the inverse of area.
func (z *Zipf) point(a float64) float64 {
	t := max(float64((1-z.s)*a), -1)
	if math.Abs(t) < 1e-8 {
		return elementary.Exp(float64(a * (1 - t/2)))
	}
	return elementary.Exp(elementary.Log1p(t) / (1 - z.s))
}

// maxTable bounds the table of a Zipf to a megabyte, which a processor's cache
// holds.
const maxTable = 1 << 16

// column is one of n columns of equal weight: it holds its own rank up to a
// share, and above that another.
type column struct {
	own   float64
	other uint32
}

// columns fills the alias table. Columns and ranks are counted from 0 here.
func (z *Zipf) columns() []column {
	n := int(z.n)
	table := make([]column, n)
	sum := 0.0
	for i := n - 1; i >= 0; i-- { // the small ones first, or they are rounded away
		table[i] = column{own: z.weight(float64(i + 1)), other: uint32(i)}
		sum += table[i].own
	}
	var poor, rich []int // columns with less than their share, and with more
	for i := range table {
		table[i].own = float64(table[i].own / sum * float64(n))
		if table[i].own < 1 {
			poor = append(poor, i)
		} else {
			rich = append(rich, i)
		}
	}
	for len(poor) > 0 && len(rich) > 0 {
		p, r := poor[len(poor)-1], rich[len(rich)-1]
		poor = poor[:len(poor)-1]
		table[p].other = uint32(r)
		table[r].own -= 1 - table[p].own
		if table[r].own < 1 {
			rich = rich[:len(rich)-1]
			poor = append(poor, r)
		}
	}
	for _, i := range append(poor, rich...) {
		table[i].own = 1 // what is left is a full column but for rounding
	}
	return table
}
