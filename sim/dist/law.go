package dist

import (
	"fmt"
	"math"
	"time"

	"workbench/sim/dist/elementary"
)

// The kinds of law. The shapes differ in their squared coefficient of variation
// (SCV, variance over squared mean) and in how long their tail is.
const (
	Constant         = "constant"         // always the mean; SCV 0
	Exponential      = "exponential"      // SCV 1
	Lognormal        = "lognormal"        // any SCV above 0; default 1
	Gamma            = "gamma"            // any SCV above 0; default 1; 1/k is an Erlang law of k stages
	Pareto           = "pareto"           // bounded, tail exponent 1.5; the SCV sets the bound; default 10
	Hyperexponential = "hyperexponential" // two exponentials of balanced means; SCV of 1 or more; default 4
)

// LawKinds returns the kinds in the order they are documented.
func LawKinds() []string {
	return []string{Constant, Exponential, Lognormal, Gamma, Pareto, Hyperexponential}
}

// Law is a distribution of durations, such as service times, given by its mean
// and its squared coefficient of variation. The zero value draws 0; use NewLaw.
// It is safe for concurrent use; the streams it draws from are not.
type Law struct {
	Kind string
	Mean time.Duration
	SCV  float64 // what the law has, also where NewLaw chose it
	a, b float64 // parameters whose meaning depends on kind; durations in nanoseconds
}

// maxSCV bounds the SCV: beyond it a run of any length sees no typical value.
const maxSCV = 1e6

// NewLaw returns the law of a kind; "" means exponential. An scv of 0 means the
// kind's default, and constant and exponential ignore scv since theirs is
// fixed.
func NewLaw(kind string, mean time.Duration, scv float64) (Law, error) {
	if mean < 0 {
		return Law{}, fmt.Errorf("law %s: mean is %v, want 0 or more", kind, mean)
	}
	if !(scv >= 0 && scv <= maxSCV) {
		return Law{}, fmt.Errorf("law %s: scv is %v, want 0 to %.0f", kind, scv, float64(maxSCV))
	}
	or := func(v float64) float64 {
		if scv == 0 {
			return v
		}
		return scv
	}
	m := float64(mean)
	switch kind {
	case Constant:
		return Law{Kind: kind, Mean: mean}, nil
	case "", Exponential:
		return Law{Kind: Exponential, Mean: mean, SCV: 1}, nil
	case Lognormal:
		v := elementary.Log1p(or(1)) // variance of the logarithm
		return Law{Kind: kind, Mean: mean, SCV: or(1), a: float64(m * elementary.Exp(-v/2)), b: math.Sqrt(v)}, nil
	case Gamma:
		return Law{Kind: kind, Mean: mean, SCV: or(1), a: 1 / or(1), b: float64(m * or(1))}, nil
	case Pareto:
		return pareto(mean, or(10)), nil
	case Hyperexponential:
		c := or(4)
		if c < 1 {
			return Law{}, fmt.Errorf("law %s: scv is %v, want 1 or more (use gamma for less)", kind, scv)
		}
		p := (1 + math.Sqrt((c-1)/(c+1))) / 2 // share of the shorter exponential
		return Law{Kind: kind, Mean: mean, SCV: c, a: p}, nil
	}
	return Law{}, fmt.Errorf("law: unknown kind %q, want one of %v", kind, LawKinds())
}

// pareto returns the Pareto law of exponent 3/2 cut off at q² times its
// smallest value. Its first two moments give SCV = (q + 1/q - 2) / 3 and
// mean = smallest × 3 / (1 + 1/q + 1/q²), so both can be met exactly.
func pareto(mean time.Duration, scv float64) Law {
	b := 2 + float64(3*scv)
	q := (b + math.Sqrt(float64(b*b)-4)) / 2
	i := 1 / q
	return Law{
		Kind: Pareto, Mean: mean, SCV: scv,
		a: float64(float64(mean)*(1+i+float64(i*i))) / 3, // the smallest value
		b: 1 - float64(float64(i*i)*i),                   // share of the uncut law below the bound
	}
}

// Draw returns one duration, 0 or more.
func (l Law) Draw(r *Stream) time.Duration {
	m := float64(l.Mean)
	switch l.Kind {
	case Constant:
		return l.Mean
	case Exponential:
		return nanoseconds(m * r.Exp())
	case Lognormal:
		return nanoseconds(l.a * elementary.Exp(float64(l.b*r.Norm())))
	case Gamma:
		return nanoseconds(l.b * r.Gamma(l.a))
	case Pareto:
		rest := 1 - float64(r.Float64()*l.b)
		return nanoseconds(l.a * elementary.Pow(rest, -2.0/3))
	case Hyperexponential:
		p := l.a
		if r.Float64() >= p {
			p = 1 - p
		}
		return nanoseconds(m / (2 * p) * r.Exp())
	}
	return 0
}

// nanoseconds rounds x to a duration and keeps it from overflowing.
func nanoseconds(x float64) time.Duration {
	if x >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(math.Floor(float64(x) + 0.5))
}

// Gamma returns a gamma number of the given shape (above 0) and scale 1, whose
// mean is shape (G. Marsaglia and W. W. Tsang, "A simple method for generating
// gamma variables", ACM TOMS 26(3), 2000).
func (r *Stream) Gamma(shape float64) float64 {
	boost := 1.0
	if shape < 1 {
		boost = elementary.Exp(-r.Exp() / shape) // a uniform number to the 1/shape
		shape++
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(float64(9*d))
	for {
		x := r.Norm()
		v := 1 + float64(c*x)
		if v <= 0 {
			continue
		}
		v = float64(float64(v*v) * v)
		if -r.Exp() < float64(x*x)/2+float64(d*(1-v+elementary.Log(v))) {
			return float64(boost * float64(d*v))
		}
	}
}

// GPareto returns a generalised Pareto number of location 0: exponential of
// mean scale when shape is 0, heavier in the tail as shape grows. Its mean is
// scale/(1-shape) for a shape below 1.
func (r *Stream) GPareto(scale, shape float64) float64 {
	e := r.Exp()
	if shape == 0 {
		return float64(scale * e)
	}
	return float64(scale * (elementary.Expm1(float64(shape*e)) / shape))
}
