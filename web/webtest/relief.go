package webtest

import (
	"math"
	"time"

	"workbench/lab/pattern/brownout"
	"workbench/lab/pattern/fallback"
	"workbench/lab/pattern/hedge"
	"workbench/lab/pattern/throttle"
)

// relief is what the patterns around the dependency's calls are set to; nil: the
// pattern is off. Their knobs are the real ones, so that a page shows their names,
// units and bounds.
type relief struct {
	hedge    *hedge.Knobs
	throttle *throttle.Knobs
	fallback *fallback.Knobs
	brownout *brownout.Knobs
	copies   bool // whether old copies are kept: the pattern stale
}

// set takes the knobs of a pattern that is on, if it is one of these.
func (r *relief) set(knobs any) {
	switch k := knobs.(type) {
	case *hedge.Knobs:
		r.hedge = k
	case *throttle.Knobs:
		r.throttle = k
	case *fallback.Knobs:
		r.fallback = k
	case *brownout.Knobs:
		r.brownout = k
	}
}

// Shares that the real lab would measure.
const (
	optional = .5  // of a request's work that a brownout may leave out
	copied   = .4  // of the readers for whom there is a copy
	chance   = .01 // of the calls that are late in calm
)

// soon is how the last tick went, which the patterns go by.
type soon struct {
	p50, p99 float64 // ms
	down     float64 // share of what came to the throttle that was not served in time, smoothed
	dimmed   float64 // share of requests without their optional part
}

// refuse returns the share of requests that the throttle refuses.
func (s *soon) refuse(k *throttle.Knobs) float64 {
	if k == nil {
		return 0
	}
	return math.Max(0, math.Min(k.Most, 1-k.K*(1-s.down)))
}

// turned notes how many of the requests that reached the throttle were served.
func (s *soon) turned(asked, served float64) {
	share := 1 - math.Min(1, served/math.Max(asked, 1))
	s.down += .25 * (share - s.down)
}

// second returns how many second calls the hedge makes for each first one, and
// after how many milliseconds.
func (s *soon) second(k *hedge.Knobs) (share, delay float64) {
	if k == nil {
		return 0, math.Inf(1)
	}
	if k.Quantile > 0 {
		return math.Min(k.Budget, 1-k.Quantile), s.p50 + (s.p99-s.p50)*k.Quantile*k.Quantile
	}
	delay = ms(k.After)
	share = chance
	if s.p50 > delay {
		share = 1
	}
	return math.Min(k.Budget, share), delay
}

// room returns how much more a dependency can do with what the brownout leaves
// out, as a factor, and moves the dimmer.
func (s *soon) room(k *brownout.Knobs) float64 {
	if k == nil {
		s.dimmed = 0
		return 1
	}
	if moves := tick / k.Every.Seconds(); s.p50 > ms(k.Target)*.75 || s.p99 > ms(k.Target) {
		s.dimmed = math.Min(1-k.Least, s.dimmed+k.Gain*moves)
	} else {
		s.dimmed = math.Max(0, s.dimmed-k.Gain*moves/4)
	}
	return 1 / (1 - optional*s.dimmed)
}

// instead returns the share of those without an answer whom the fallback gives
// another: a simpler one to each, or a copy to those who have one.
func (r relief) instead() float64 {
	switch k := r.fallback; {
	case k == nil:
		return 0
	case k.Default:
		return 1
	case r.copies && (k.OldCopy || k.CopyAge > 0):
		return copied
	}
	return 0
}

// answer gives the fallback's answers in place of failures, and of refusals where
// it is set to. Nobody gets one who has left: r.late stays.
func (r *result) answer(in relief) {
	share := in.instead()
	if share == 0 {
		return
	}
	lost := []*float64{&r.failed}
	if in.fallback.Refused {
		lost = append(lost, &r.shed, &r.open, &r.throttled)
	}
	for _, n := range lost {
		r.stale += *n * share
		*n -= *n * share
	}
	r.stale = math.Min(r.stale, math.Max(0, r.users-r.good))
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
