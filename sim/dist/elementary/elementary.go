// Package elementary computes logarithms, exponentials and sines to the same
// last bit on every platform.
//
// The standard library's versions are a little more exact, but some are written
// in assembly and others are fused into multiply-adds on some processors, so a
// seed would not give the same arrivals on a laptop, on a server and in
// WebAssembly. Here each product is rounded before it is added (the conversion
// float64(a*b) forbids fusing), and only operations that IEEE 754 defines to
// the last bit are used. The functions are within 2 units in the last place.
package elementary

import "math"

// Ln 2 in two parts: the first has 21 trailing zero bits, so that a multiple of
// it by an exponent is exact.
const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
)

// Log returns the natural logarithm of x: -Inf for 0, NaN for negative x.
func Log(x float64) float64 {
	switch {
	case x != x || x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	case x > math.MaxFloat64:
		return x
	}
	f, e := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f *= 2
		e--
	}
	k := float64(e)
	return float64(k*ln2Hi) + (atanh2((f-1)/(f+1)) + float64(k*ln2Lo))
}

// Log1p returns the logarithm of 1+x, also where 1+x would round x away.
func Log1p(x float64) float64 {
	if x < -0.25 || x > 0.4 {
		return Log(1 + x)
	}
	return atanh2(x / (2 + x))
}

// atanh2 returns 2·atanh(s), which is log((1+s)/(1-s)), for |s| ≤ 0.172 by its
// power series. Even and odd terms are summed apart so that the processor can
// work on both at once.
func atanh2(s float64) float64 {
	z := s * s
	w := z * z
	even := float64(w*(1.0/9+float64(w*(1.0/13+float64(w*(1.0/17)))))) + 1.0/5
	odd := float64(w*(1.0/7+float64(w*(1.0/11+float64(w*(1.0/15+float64(w*(1.0/19)))))))) + 1.0/3
	return float64(2*s) + float64(float64(2*s)*float64(z*(odd+float64(z*even))))
}

// Exp returns e to the x: 0 below about -745, +Inf above about 709.8.
func Exp(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > 709.79:
		return math.Inf(1)
	case x < -745.14:
		return 0
	}
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := (x - float64(k*ln2Hi)) - float64(k*ln2Lo)
	if math.Abs(k) > 1000 {
		return math.Ldexp(1+expm1(r), int(k)) // the result may be subnormal or infinite
	}
	return float64((1 + expm1(r)) * math.Float64frombits(uint64(int64(k)+1023)<<52))
}

// Expm1 returns e to the x, less 1, also where e to the x would round x away.
func Expm1(x float64) float64 {
	if math.Abs(x) > 0.35 {
		return Exp(x) - 1
	}
	return expm1(x)
}

// expm1 is the power series of exp(r)-1 for |r| ≤ 0.35.
func expm1(r float64) float64 {
	const (
		f2, f3, f4, f5, f6, f7             = 2, 6, 24, 120, 720, 5040
		f8, f9, f10, f11, f12, f13         = 40320, 362880, 3628800, 39916800, 479001600, 6227020800
		c2, c4, c6, c8, c10, c12   float64 = 1.0 / f2, 1.0 / f4, 1.0 / f6, 1.0 / f8, 1.0 / f10, 1.0 / f12
		c3, c5, c7, c9, c11, c13   float64 = 1.0 / f3, 1.0 / f5, 1.0 / f7, 1.0 / f9, 1.0 / f11, 1.0 / f13
	)
	w := r * r
	even := c2 + float64(w*(c4+float64(w*(c6+float64(w*(c8+float64(w*(c10+float64(w*c12)))))))))
	odd := c3 + float64(w*(c5+float64(w*(c7+float64(w*(c9+float64(w*(c11+float64(w*c13)))))))))
	return r + float64(w*(even+float64(r*odd)))
}

// Pow returns x to the y for positive x; its relative error grows with
// |y·log x|, to about 1e-13 at the ends of the range. It is 0 for x = 0 and
// positive y.
func Pow(x, y float64) float64 {
	if x == 0 && y > 0 {
		return 0
	}
	return Exp(float64(y * Log(x)))
}

// SinTurn returns the sine of x turns: SinTurn(0.25) is 1.
func SinTurn(x float64) float64 {
	x -= math.Floor(x)
	quarter := math.Floor(float64(x*4) + 0.5)
	y := float64(2 * math.Pi * (x - quarter/4)) // at most an eighth of a turn either way
	switch int(quarter) & 3 {
	case 0:
		return sin(y)
	case 1:
		return cos(y)
	case 2:
		return -sin(y)
	default:
		return -cos(y)
	}
}

// sin is the power series of the sine for |y| ≤ π/4.
func sin(y float64) float64 {
	const (
		c3, c5, c7, c9 float64 = -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880
		c11, c13, c15  float64 = -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000
	)
	w := y * y
	p := c3 + float64(w*(c5+float64(w*(c7+float64(w*(c9+float64(w*(c11+float64(w*(c13+float64(w*c15)))))))))))
	return y + float64(float64(y*w)*p)
}

// cos is the power series of the cosine for |y| ≤ π/4.
func cos(y float64) float64 {
	const (
		c2, c4, c6, c8     float64 = -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320
		c10, c12, c14, c16 float64 = -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000
	)
	w := y * y
	p := c4 + float64(w*(c6+float64(w*(c8+float64(w*(c10+float64(w*(c12+float64(w*(c14+float64(w*c16)))))))))))
	return 1 + float64(w*(c2+float64(w*p)))
}
