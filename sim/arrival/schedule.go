package arrival

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// The bounds of what a shape may say.
const (
	maxRate   = 1e9 // requests a second
	maxFor    = horizon
	maxCycles = 10_000                 // periods in one phase
	minPeriod = 100 * time.Millisecond // of diurnal and sawtooth
	minBin    = time.Millisecond
	MaxBins   = 1_000_000 // of a trace
)

// kinds lists the shapes for messages.
var kinds = [...]Kind{Steady, Ramp, Step, Spike, Flash, Diurnal, Sawtooth, Trace}

// Kinds returns the kinds of shape.
func Kinds() []Kind { return append([]Kind(nil), kinds[:]...) }

// Validate returns an error that names each field in the wrong and what it may
// be, joined; nil when s can be run. An empty kind means steady.
func (s Shape) Validate() error {
	var faults []error
	rate := func(field string, v float64) {
		if !(v >= 0 && v <= maxRate) {
			faults = append(faults, fmt.Errorf("%s is %v, want 0 to 1e9 requests a second", field, v))
		}
	}
	span := func(field string, d, least time.Duration) {
		if d < least || d > maxFor {
			faults = append(faults, fmt.Errorf("%s is %v, want %v to a year", field, d, least))
		}
	}
	factor := func(least float64) {
		if !(s.Factor >= least && s.Factor <= 1e6) {
			faults = append(faults, fmt.Errorf("factor is %v, want %v to 1e6", s.Factor, least))
		}
	}
	if s.Kind != Trace {
		rate("rate", s.Rate)
	}
	switch s.Kind {
	case "", Steady:
	case Ramp:
		rate("to", s.To)
	case Step:
		factor(0)
		span("at", s.At, 0)
	case Spike:
		factor(0)
		span("at", s.At, 0)
		span("hold", s.Hold, 1)
	case Flash:
		factor(1e-6)
		span("at", s.At, 0)
		span("rise", s.Rise, 0)
		span("half_life", s.HalfLife, time.Millisecond)
	case Diurnal:
		if !(s.Amplitude >= 0 && s.Amplitude <= 1) {
			faults = append(faults, fmt.Errorf("amplitude is %v, want 0 to 1 (the rate cannot be negative)", s.Amplitude))
		}
		span("period", s.Period, minPeriod)
	case Sawtooth:
		factor(0)
		span("period", s.Period, minPeriod)
	case Trace:
		faults = append(faults, s.validateTrace()...)
	default:
		faults = append(faults, fmt.Errorf("kind is %q, want one of %v", s.Kind, kinds))
	}
	return errors.Join(faults...)
}

func (s Shape) validateTrace() []error {
	var faults []error
	if s.Bin < minBin || s.Bin > maxFor {
		faults = append(faults, fmt.Errorf("bin is %v, want %v to a year", s.Bin, minBin))
	}
	if n := len(s.Bins); n == 0 || n > MaxBins {
		faults = append(faults, fmt.Errorf("bins has %d entries, want 1 to %d", n, MaxBins))
	} else if s.Bin > 0 && s.Bin > maxFor/time.Duration(n) {
		faults = append(faults, fmt.Errorf("bins last %d × %v, want at most a year in all", n, s.Bin))
	}
	for i, n := range s.Bins {
		if !(n >= 0 && n <= maxRate) {
			return append(faults, fmt.Errorf("bins[%d] is %v, want a count of 0 to 1e9", i, n))
		}
	}
	return faults
}

// At returns the phase's rate in requests a second at t after its start. After
// its end the last rate goes on.
func (p Phase) At(t time.Duration) float64 {
	if t >= p.For {
		return p.last()
	}
	return p.Shape.RateAt(t, p.For)
}

// last returns the rate just before the phase's end.
func (p *Phase) last() float64 {
	return p.Shape.piece(max(p.For-1, 0), p.For).at(p.For)
}

// find returns the index of the phase in force at t and when it begins; the
// last one is in force for ever. It returns -1 for an empty schedule.
func (s Schedule) find(t time.Duration) (index int, start time.Duration) {
	for i := range s {
		if i == len(s)-1 || t-start < s[i].For {
			return i, start
		}
		start += s[i].For
	}
	return -1, 0
}

// At returns the rate in requests a second at t; 0 for an empty schedule.
func (s Schedule) At(t time.Duration) float64 {
	t = max(t, 0)
	i, start := s.find(t)
	if i < 0 {
		return 0
	}
	return s[i].At(t - start)
}

// Max returns a rate that the schedule never exceeds.
func (s Schedule) Max() float64 {
	top := 0.0
	for _, p := range s {
		top = max(top, p.Shape.Max())
	}
	return top
}

// Duration returns how long the phases last together.
func (s Schedule) Duration() time.Duration {
	var d time.Duration
	for _, p := range s {
		d += p.For
	}
	return d
}

// PhaseAt returns the index and the name of the phase in force at t: after the
// end the last one, and -1 for an empty schedule.
func (s Schedule) PhaseAt(t time.Duration) (index int, name string) {
	i, _ := s.find(max(t, 0))
	if i < 0 {
		return i, ""
	}
	return i, s[i].Name
}

// Scale returns s with all its rates multiplied by x.
func (s Schedule) Scale(x float64) Schedule {
	out := make(Schedule, len(s))
	for i, p := range s {
		p.Shape = p.Shape.Scale(x)
		out[i] = p
	}
	return out
}

// Validate returns an error that names each phase and field in the wrong and
// what it may be, joined; nil when s can be run. An empty schedule is silence,
// and valid.
func (s Schedule) Validate() error {
	var faults []error
	total := 0.0
	for i, p := range s {
		name := fmt.Sprintf("phase %d", i+1)
		if p.Name != "" {
			name += fmt.Sprintf(" (%s)", p.Name)
		}
		if p.For <= 0 || p.For > maxFor {
			faults = append(faults, fmt.Errorf("%s: for is %v, want more than 0 and at most a year", name, p.For))
		}
		if err := p.Shape.Validate(); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		} else if k := p.Shape.Kind; (k == Diurnal || k == Sawtooth) && p.For/p.Shape.Period > maxCycles {
			faults = append(faults, fmt.Errorf("%s: period is %v, want at least a 10,000th of the phase", name, p.Shape.Period))
		}
		total += math.Max(float64(p.For), 0)
	}
	if total > float64(maxFor) {
		faults = append(faults, fmt.Errorf("the phases last %.0f hours together, want at most a year", total/float64(time.Hour)))
	}
	return errors.Join(faults...)
}
