// Package dist draws random numbers from seeded, named streams.
//
// Each component of a run draws from a stream of its own (arrivals, keys,
// service times, jitter), so switching a pattern on does not shift the draws of
// the others and an A|B comparison sees the same arrivals. The generator and
// the samplers are this package's own: the same seed gives the same numbers
// with every version of Go, natively and in WebAssembly.
package dist

import (
	"math"
	"math/bits"

	"workbench/sim/dist/elementary"
)

// Stream is a seeded source of random numbers (xoshiro256++, Blackman and
// Vigna 2019). It is not safe for concurrent use. Use New.
type Stream struct{ s [4]uint64 }

// New returns the stream that seed and name select. Different names give
// independent streams.
func New(seed uint64, name string) *Stream {
	h := uint64(14695981039346656037)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	r := &Stream{}
	x := seed ^ bits.RotateLeft64(h, 32)
	for i := range r.s {
		r.s[i] = Mix(x)
		x += 0x9e3779b97f4a7c15
	}
	return r
}

// Mix scrambles x (SplitMix64's finaliser): a bijection in which every input
// bit changes about half of the output bits.
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Uint64 returns the next 64 random bits.
func (r *Stream) Uint64() uint64 {
	s := &r.s
	out := bits.RotateLeft64(s[0]+s[3], 23) + s[0]
	t := s[1] << 17
	s[2] ^= s[0]
	s[3] ^= s[1]
	s[1] ^= s[2]
	s[0] ^= s[3]
	s[2] ^= t
	s[3] = bits.RotateLeft64(s[3], 45)
	return out
}

// Float64 returns a uniform number in [0, 1) with 53 random bits.
func (r *Stream) Float64() float64 { return float64(r.Uint64()>>11) * 0x1p-53 }

// IntN returns a uniform integer in [0, n) (Lemire's multiply and reject). It
// panics when n is not positive: a caller's error.
func (r *Stream) IntN(n uint64) uint64 {
	if n == 0 {
		panic("dist: IntN of 0")
	}
	hi, lo := bits.Mul64(r.Uint64(), n)
	if lo < n {
		threshold := -n % n
		for lo < threshold {
			hi, lo = bits.Mul64(r.Uint64(), n)
		}
	}
	return hi
}

// Norm returns a standard normal number (Marsaglia's polar method, one of the
// pair). It takes 2.5 draws on average.
func (r *Stream) Norm() float64 {
	for {
		x, y := float64(2*r.Float64())-1, float64(2*r.Float64())-1
		d := float64(x*x) + float64(y*y)
		if d > 0 && d < 1 {
			return float64(x * math.Sqrt(-2*elementary.Log(d)/d))
		}
	}
}
