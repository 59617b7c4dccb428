package arrival

import (
	"math"
	"time"

	"workbench/sim/dist/elementary"
)

// Never is the instant of an arrival that will not come.
const Never = time.Duration(math.MaxInt64)

// Curved shapes are followed by chords: this many to a day, to a factor of e
// while rising, and to a half-life. A chord misses its curve by less than
// 1/5,000 of the rate (of the mean rate for a day), and the rate is defined to
// be the chord, so what RateAt says is exactly what arrives.
const (
	chordsPerDay      = 256
	chordsPerFactorE  = 32
	chordsPerHalfLife = 32
	halfLives         = 40 // after this many a flash crowd counts as gone
)

// piece is a stretch of time over which the rate is a straight line: a requests
// a second at from, b at to. A piece that ends at Never is flat.
type piece struct {
	from, to time.Duration
	a, b     float64
}

// at returns the rate at t, which lies in the piece.
func (p piece) at(t time.Duration) float64 {
	if p.a == p.b {
		return p.a
	}
	share := float64(t-p.from) / float64(p.to-p.from)
	return p.a + float64((p.b-p.a)*share)
}

// flat returns the piece of constant rate.
func flat(from, to time.Duration, rate float64) piece { return piece{from, to, rate, rate} }

// piece returns the piece of s that begins at or before t and ends after it.
// length is how long a Ramp takes. A shape that Validate refuses has some rate
// too, so that showing one is safe.
func (s *Shape) piece(t, length time.Duration) piece {
	switch s.Kind {
	case Ramp:
		if t >= length {
			return flat(length, Never, s.To)
		}
		return piece{0, length, s.Rate, s.To}
	case Step:
		if t >= s.At {
			return flat(s.At, Never, float64(s.Rate*s.Factor))
		}
		return flat(0, s.At, s.Rate)
	case Spike:
		switch {
		case t < s.At:
			return flat(0, s.At, s.Rate)
		case t-s.At < s.Hold:
			return flat(s.At, s.At+s.Hold, float64(s.Rate*s.Factor))
		}
		return flat(s.At+s.Hold, Never, s.Rate)
	case Flash:
		return s.flash(t)
	case Diurnal:
		return s.diurnal(t)
	case Sawtooth:
		if s.Period < minPeriod {
			break
		}
		from := t - t%s.Period
		return piece{from, from + s.Period, s.Rate, float64(s.Rate * s.Factor)}
	case Trace:
		return s.trace(t)
	}
	return flat(0, Never, s.Rate)
}

// flash is the piece of an exponential rise to Rate × Factor that begins at At,
// and of the decay of what is above Rate by half each HalfLife.
func (s *Shape) flash(t time.Duration) piece {
	peak := s.At + s.Rise
	switch {
	case t < s.At:
		return flat(0, s.At, s.Rate)
	case t < peak:
		growth := elementary.Log(s.Factor)
		n := int64(math.Ceil(math.Abs(growth)*chordsPerFactorE)) + 1
		i := chordAt(t-s.At, s.Rise, n)
		level := func(i int64) float64 {
			return float64(s.Rate * elementary.Exp(growth*float64(i)/float64(n)))
		}
		return piece{s.At + chord(s.Rise, i, n), s.At + chord(s.Rise, i+1, n), level(i), level(i + 1)}
	}
	if s.HalfLife <= 0 || (t-peak)/s.HalfLife >= halfLives {
		return flat(peak+halfLives*s.HalfLife, Never, s.Rate)
	}
	i := (t - peak) / s.HalfLife
	from := peak + i*s.HalfLife
	j := chordAt(t-from, s.HalfLife, chordsPerHalfLife)
	level := func(j int64) float64 {
		halvings := float64(i) + float64(j)/chordsPerHalfLife
		return s.Rate + float64(float64(s.Rate*(s.Factor-1))*elementary.Exp(-math.Ln2*halvings))
	}
	return piece{
		from + chord(s.HalfLife, j, chordsPerHalfLife), from + chord(s.HalfLife, j+1, chordsPerHalfLife),
		level(j), level(j + 1),
	}
}

// diurnal is the piece of Rate × (1 + Amplitude × sin).
func (s *Shape) diurnal(t time.Duration) piece {
	if s.Period < minPeriod {
		return flat(0, Never, s.Rate)
	}
	day := t - t%s.Period
	i := chordAt(t-day, s.Period, chordsPerDay)
	level := func(i int64) float64 {
		swing := float64(s.Amplitude * elementary.SinTurn(float64(i)/chordsPerDay))
		return float64(s.Rate * (1 + swing))
	}
	return piece{
		day + chord(s.Period, i, chordsPerDay), day + chord(s.Period, i+1, chordsPerDay),
		level(i), level(i + 1),
	}
}

// trace is the piece of one bin. After the last bin its rate goes on.
func (s *Shape) trace(t time.Duration) piece {
	if len(s.Bins) == 0 || s.Bin < minBin {
		return flat(0, Never, 0)
	}
	last := time.Duration(len(s.Bins) - 1)
	i := min(t/s.Bin, last)
	rate := s.Bins[i] / s.Bin.Seconds()
	if i == last {
		return flat(i*s.Bin, Never, rate)
	}
	return flat(i*s.Bin, (i+1)*s.Bin, rate)
}

// chord returns where the ith of n equal parts of whole begins, so that
// neighbouring parts share their end to the nanosecond.
func chord(whole time.Duration, i, n int64) time.Duration {
	part, rest := int64(whole)/n, int64(whole)%n
	return time.Duration(part*i + rest*i/n)
}

// chordAt returns which of n equal parts of whole holds t.
func chordAt(t, whole time.Duration, n int64) int64 {
	i := min(int64(float64(t)/float64(whole)*float64(n)), n-1)
	for i > 0 && chord(whole, i, n) > t {
		i--
	}
	for i < n-1 && chord(whole, i+1, n) <= t {
		i++
	}
	return i
}

// RateAt returns the mean rate of s in requests a second at t after its start.
// length is how long the shape's phase lasts: what a Ramp takes. (The method is
// not called At because that is a field.)
func (s Shape) RateAt(t, length time.Duration) float64 {
	t = min(max(t, 0), maxFor)
	return s.piece(t, length).at(t)
}

// Max returns a rate that s never exceeds: its highest, if it is let run that
// far.
func (s Shape) Max() float64 {
	switch s.Kind {
	case Ramp:
		return max(s.Rate, s.To)
	case Step, Spike, Flash, Sawtooth:
		return max(s.Rate, float64(s.Rate*s.Factor))
	case Diurnal:
		return float64(s.Rate * (1 + s.Amplitude))
	case Trace:
		top := 0.0
		for _, n := range s.Bins {
			top = max(top, n)
		}
		if s.Bin < minBin {
			return 0
		}
		return top / s.Bin.Seconds()
	}
	return s.Rate
}

// Scale returns s with all its rates multiplied by x.
func (s Shape) Scale(x float64) Shape {
	s.Rate = float64(s.Rate * x)
	s.To = float64(s.To * x)
	if s.Bins != nil {
		bins := make([]float64, len(s.Bins))
		for i, n := range s.Bins {
			bins[i] = float64(n * x)
		}
		s.Bins = bins
	}
	return s
}
