package arrival

import (
	"fmt"
	"math"
	"time"

	"workbench/sim/dist"
)

// The kinds of process: what the gaps between arrivals look like at a given
// mean rate.
const (
	Poisson = "poisson" // independent users: exponential gaps, SCV 1; the default
	Uniform = "uniform" // a metronome: equal gaps, for contrast
	GPareto = "gpareto" // SCV 1.45: the gaps of Facebook's ETC cache pool, brought to the mean rate
	MMPP    = "mmpp"    // Poisson in bursts: three times the rate for about 0.5 s, half of it for about 2 s
)

// Processes returns the kinds of process, the default first.
func Processes() []string { return []string{Poisson, Uniform, GPareto, MMPP} }

// etcShape is the shape of the generalised Pareto gaps that Atikoglu and others
// fitted to Facebook's ETC pool ("Workload analysis of a large-scale key-value
// store", SIGMETRICS 2012). With scale 1-etcShape the mean gap is 1.
const etcShape = 0.154971

const (
	maxFactor = 1e6                  // of the live dial
	horizon   = 366 * 24 * time.Hour // a gap longer than this counts as for ever
	lastNow   = 100 * horizon        // no process runs later
	minGap    = 1e-12                // requests; keeps a gap from being nothing at all
)

// Process yields the instants at which requests arrive. It does not allocate
// while it runs and is not safe for concurrent use. Use New.
//
// Gaps are drawn in operational time, in which one request arrives per unit on
// average, and mapped back through the integral of the rate. This is exact for
// a rate that varies, costs the same however far the rate is below its
// maximum, and gives every kind of gap the same schedule to follow.
type Process struct {
	kind     string
	gaps     *dist.Stream
	schedule Schedule
	origin   time.Duration // when the schedule's clock starts
	factor   float64
	spike    float64
	until    time.Duration // the spike's end

	begin     cursor  // where the current gap begins
	gap       float64 // its length in operational time
	end       cursor  // where it ends; valid if announced
	announced bool    // end was returned by Next and not withdrawn

	seen struct { // what line found last, true from since to end
		line       piece
		since, end time.Duration
	}
}

// New returns the process of a kind ("" means poisson) that follows s and draws
// from seed. It returns an error if s is not valid or the kind unknown.
func New(kind string, seed *dist.Stream, s Schedule) (*Process, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if kind == "" {
		kind = Poisson
	}
	p := &Process{kind: kind, gaps: seed, schedule: s, factor: 1, spike: 1}
	switch kind {
	case Poisson, Uniform, GPareto:
	case MMPP:
		p.begin.flips = *dist.New(seed.Uint64(), "mmpp")
		p.begin.settle(0)
	default:
		return nil, fmt.Errorf("arrivals is %q, want one of %v", kind, Processes())
	}
	p.gap = p.draw()
	return p, nil
}

// Next returns the instant of the next arrival: after now, and at least 1 ns
// after every arrival returned before. It returns Never when the rate stays 0,
// and for a gap of over a year; only SetFactor, Spike and SetSchedule bring
// such a process back.
//
// To replay a schedule, pass 0 and then the arrival returned last. If now is
// later than that, the time between is skipped and the gap begins at now.
func (p *Process) Next(now time.Duration) time.Duration {
	if now > lastNow {
		return Never
	}
	if p.announced {
		p.begin, p.gap, p.announced = p.end, p.draw(), false
	}
	if now > p.begin.at {
		p.jump(now)
	}
	p.end = p.begin
	if p.walk(&p.end, p.gap, p.begin.at+horizon) > 0 {
		return Never
	}
	if p.end.at <= p.begin.at {
		p.end.at, p.end.frac = p.begin.at+1, 0
	}
	p.announced = true
	return p.end.at
}

// draw returns a gap of mean 1.
func (p *Process) draw() float64 {
	switch p.kind {
	case Uniform:
		return 1
	case GPareto:
		return max(p.gaps.GPareto(1-etcShape, etcShape), minGap)
	}
	return max(p.gaps.Exp(), minGap)
}

// SetFactor multiplies the schedule's rate by x from now on; 1 is as written. An
// arrival that Next has announced for later than now is withdrawn: ask Next
// again. The factor stays when SetSchedule replaces the schedule. On an error
// nothing changes.
func (p *Process) SetFactor(now time.Duration, x float64) error {
	if !(x >= 0 && x <= maxFactor) {
		return fmt.Errorf("factor is %v, want 0 to %.0f", x, float64(maxFactor))
	}
	p.rewind(now)
	p.factor = x
	return nil
}

// Spike multiplies the rate by factor from now on for a while, on top of
// SetFactor's. It replaces a spike that is under way, and withdraws announced
// arrivals like SetFactor. On an error nothing changes.
func (p *Process) Spike(now time.Duration, factor float64, length time.Duration) error {
	if !(factor >= 0 && factor <= maxFactor) {
		return fmt.Errorf("spike: factor is %v, want 0 to %.0f", factor, float64(maxFactor))
	}
	if length <= 0 || length > horizon {
		return fmt.Errorf("spike: for is %v, want more than 0 and at most a year", length)
	}
	p.rewind(now)
	p.spike, p.until = factor, now+length
	return nil
}

// SetSchedule replaces the schedule; the new one's clock starts now. It
// withdraws announced arrivals like SetFactor. On an error nothing changes.
func (p *Process) SetSchedule(now time.Duration, s Schedule) error {
	if err := s.Validate(); err != nil {
		return err
	}
	p.rewind(now)
	p.schedule, p.origin = s, now
	p.begin.phase, p.begin.start = 0, now
	return nil
}

// RateAt returns the mean rate at t in requests a second, with the factor and
// the spike as they are set now. It does not show the bursts of MMPP.
func (p *Process) RateAt(t time.Duration) float64 {
	return float64(p.schedule.At(t-p.origin) * p.dial(t))
}

// dial returns what the schedule's rate is multiplied by at t.
func (p *Process) dial(t time.Duration) float64 {
	if t < p.until {
		return float64(p.factor * p.spike)
	}
	return p.factor
}

// rewind withdraws an arrival announced for later than now and moves the
// beginning of its gap to now, so that a change of rate acts on what is left of
// the gap. An arrival that is due although nobody asked for it comes at once.
func (p *Process) rewind(now time.Duration) {
	if p.announced && now >= p.end.at {
		p.begin, p.gap = p.end, p.draw()
	}
	p.announced = false
	if now > p.begin.at && now <= lastNow {
		p.gap = max(p.walk(&p.begin, p.gap, now), minGap)
		p.jump(now)
	}
	p.seen.end = 0 // the rate is about to change
}

// jump moves the beginning of the gap to now.
func (p *Process) jump(now time.Duration) {
	if p.kind == MMPP && now-p.begin.flipAt > time.Hour {
		p.begin.settle(now)
		p.seen.end = 0 // it may be of the old state
	}
	p.walk(&p.begin, math.Inf(1), now)
}
