package arrival

import (
	"math"
	"time"

	"workbench/sim/dist"
)

// The two states of MMPP: 3 × 0.5 s + 0.5 × 2 s over 2.5 s is a mean factor of 1.
const (
	burstFactor = 3.0
	calmFactor  = 0.5
	burstShare  = 0.2
	burstMean   = float64(500 * time.Millisecond)
	calmMean    = float64(2 * time.Second)
	slowest     = 0.01 // requests a second; below, a gap spans many bursts and MMPP is plain Poisson
)

// cursor is a position on the time axis. It is a value: a copy taken before a
// walk leads back to where the walk began, bursts included.
type cursor struct {
	at     time.Duration
	frac   float64       // nanoseconds past at, in [0, 1): else uniform arrivals would drift
	phase  int           // of the schedule
	start  time.Duration // when that phase began
	flips  dist.Stream   // draws the lengths of MMPP's states
	flipAt time.Duration // when the state changes
	bursty bool
}

// settle draws MMPP's state at now as it is after a long time, such as a jump
// or a phase of silence.
func (c *cursor) settle(now time.Duration) {
	c.bursty = c.flips.Float64() < burstShare
	c.flipAt = now + c.stay()
}

// stay draws how long MMPP's state lasts.
func (c *cursor) stay() time.Duration {
	mean := calmMean
	if c.bursty {
		mean = burstMean
	}
	return 1 + time.Duration(float64(mean*c.flips.Exp()))
}

// line returns the straight line that the rate follows from c on, in absolute
// time, and until when. It moves c's phase and MMPP's state up to c.at.
func (p *Process) line(c *cursor) (l piece, end time.Duration) {
	if len(p.schedule) == 0 {
		return flat(0, Never, 0), Never
	}
	for c.phase < len(p.schedule)-1 && c.at-c.start >= p.schedule[c.phase].For {
		c.start += p.schedule[c.phase].For
		c.phase++
	}
	phase := &p.schedule[c.phase]
	if t := c.at - c.start; t < phase.For {
		l = phase.Shape.piece(t, phase.For)
		end = c.start + min(l.to, phase.For)
	} else {
		l = flat(0, Never, phase.last())
		end = Never
	}
	l.from += c.start
	if l.to < Never {
		l.to += c.start
	}
	x := p.dial(c.at)
	if c.at < p.until {
		end = min(end, p.until)
	}
	if p.kind == MMPP && max(l.a, l.b)*x >= slowest {
		if c.at-c.flipAt > time.Hour {
			c.settle(c.at)
		}
		for c.at >= c.flipAt {
			c.bursty = !c.bursty
			c.flipAt += c.stay()
		}
		end = min(end, c.flipAt)
		if c.bursty {
			x *= burstFactor
		} else {
			x *= calmFactor
		}
	}
	l.a, l.b = float64(l.a*x), float64(l.b*x)
	return l, end
}

// straight is a walk at one rate, up to end. It gives the same bits as a walk
// along a line without slope would, without the root.
func (c *cursor) straight(rate, mass float64, end time.Duration) float64 {
	length := float64((float64(end-c.at) - c.frac) * 1e-9)
	if whole := float64(rate * length); whole < mass {
		c.at, c.frac = end, 0
		return mass - whole
	}
	t := float64(min(mass/rate, length)*1e9) + c.frac
	whole := math.Floor(t)
	c.at, c.frac = c.at+time.Duration(whole), t-whole
	return 0
}

// walk moves c forward until the rate's integral reaches mass or c reaches
// until, whichever is first, and returns the mass not reached, 0 if all was.
func (p *Process) walk(c *cursor, mass float64, until time.Duration) float64 {
	for c.at < until {
		if c.at < p.seen.since || c.at >= p.seen.end {
			p.seen.line, p.seen.end = p.line(c)
			p.seen.since = c.at
		}
		l, end := p.seen.line, min(p.seen.end, until)
		if l.a == l.b {
			if mass = c.straight(l.a, mass, end); mass == 0 {
				return 0
			}
			continue
		}
		a, b := l.at(c.at), l.at(end)
		length := float64((float64(end-c.at) - c.frac) * 1e-9)
		if whole := float64((a + b) / 2 * length); whole < mass {
			mass -= whole
			c.at, c.frac = end, 0
			continue
		}
		slope := (b - a) / length
		root := math.Sqrt(max(float64(a*a)+float64(2*slope*mass), 0))
		t := float64(min(2*mass/(a+root), length)*1e9) + c.frac
		whole := math.Floor(t)
		c.at, c.frac = c.at+time.Duration(whole), t-whole
		return 0
	}
	return mass
}
