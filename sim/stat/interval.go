package stat

import (
	"fmt"
	"math"
)

// Moments accumulates the mean and the variance of numbers (Welford's method).
// The zero value is empty and ready.
type Moments struct {
	n        int
	mean, m2 float64
}

// Add puts in one number.
func (m *Moments) Add(x float64) {
	m.n++
	d := x - m.mean
	m.mean += d / float64(m.n)
	m.m2 += float64(d * (x - m.mean))
}

// N returns how many numbers were put in.
func (m *Moments) N() int { return m.n }

// Mean returns their mean, 0 when there are none.
func (m *Moments) Mean() float64 { return m.mean }

// Variance returns the unbiased variance, 0 for fewer than two numbers.
func (m *Moments) Variance() float64 {
	if m.n < 2 {
		return 0
	}
	return m.m2 / float64(m.n-1)
}

// SCV returns the squared coefficient of variation: variance over squared mean.
func (m *Moments) SCV() float64 {
	if m.mean == 0 {
		return 0
	}
	return m.Variance() / float64(m.mean*m.mean)
}

// Interval is an estimate with its 95 % confidence interval: Mean ± Half. With
// fewer than two samples Half is +Inf, since nothing is known.
type Interval struct {
	Mean, Half float64
	N          int // independent samples
}

// NewInterval returns the interval of independent samples, such as the results
// of replications with different seeds (Student's t). For the values of one
// run, which resemble their neighbours, use Batches.
func NewInterval(samples []float64) Interval {
	var m Moments
	for _, x := range samples {
		m.Add(x)
	}
	half := math.Inf(1)
	if m.n >= 2 {
		half = student(m.n-1) * math.Sqrt(m.Variance()/float64(m.n))
	}
	return Interval{Mean: m.mean, Half: half, N: m.n}
}

// Batches returns the interval of a long run's mean from the means of n equal
// batches, which are nearly independent when each is much longer than the run's
// memory. Values left over at the beginning are dropped with the warm-up, which
// the caller has cut off; 30 batches are usual.
func Batches(values []float64, n int) Interval {
	if n < 2 || len(values) < n {
		return Interval{Half: math.Inf(1)}
	}
	size := len(values) / n
	values = values[len(values)-n*size:]
	means := make([]float64, n)
	for i := range means {
		var m Moments
		for _, x := range values[i*size : (i+1)*size] {
			m.Add(x)
		}
		means[i] = m.mean
	}
	return NewInterval(means)
}

// Low returns the lower end.
func (i Interval) Low() float64 { return i.Mean - i.Half }

// High returns the upper end.
func (i Interval) High() float64 { return i.Mean + i.Half }

// Contains reports whether x lies within the interval.
func (i Interval) Contains(x float64) bool { return i.Low() <= x && x <= i.High() }

// String returns the interval as "4.02 ± 0.05".
func (i Interval) String() string { return fmt.Sprintf("%.4g ± %.2g", i.Mean, i.Half) }

// students holds the 97.5 % quantiles of Student's t for 1 to 30 degrees of
// freedom.
var students = [...]float64{
	12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
	2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
	2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
}

// student returns the 97.5 % quantile of Student's t. Beyond the table it uses
// the first terms of the expansion in 1/df (Abramowitz and Stegun 26.7.5),
// right to four digits there.
func student(df int) float64 {
	if df <= len(students) {
		return students[df-1]
	}
	const z = 1.959964
	const c1, c2 = (z*z*z + z) / 4, (5*z*z*z*z*z + 16*z*z*z + 3*z) / 96
	v := float64(df)
	return z + c1/v + c2/(v*v)
}
