package concurrency

import (
	"math"
	"time"
)

// The constants of the gradient. Each window takes windowSamples answers: with
// exponential service times their mean is right to an eighth. Between windows it
// lets a new limit settle: answers that come right after a change were begun
// before it.
const (
	windowSamples = 64
	tolerance     = 1.5 // how much longer than undisturbed is still no congestion
	steepest      = 0.5 // the limit at most halves in one window
	probeShare    = 4   // a probe leaves one in so many places
	settling      = 2   // mean times between two windows
	smoothing     = 0.5 // how far the limit goes towards its target in one window
	baseSmoothing = 0.2 // how far the undisturbed time follows a faster window
)

// gradient finds the limit. It is in one of two modes: measuring windows at its
// limit, or probing, when it has lowered the load to see the undisturbed time.
type gradient struct {
	lowest, highest float64
	every           time.Duration // between probes

	limit float64
	base  float64 // the undisturbed mean time in ns; 0: unknown

	begin time.Duration // answers before it belong to the last limit
	n     int           // answers in this window
	sum   float64       // of their times in ns
	peak  int           // most requests inside at once

	probing bool
	before  float64       // the limit to return to after the probe
	due     time.Duration // when the next probe is due
}

func newGradient(k Knobs) *gradient {
	g := &gradient{lowest: float64(k.MinLimit), highest: float64(k.MaxLimit), every: k.Probe}
	g.limit = g.clamp(float64(k.Limit))
	return g
}

func (g *gradient) clamp(limit float64) float64 { return min(max(limit, g.lowest), g.highest) }

// sample takes the time of an answer that left at now.
func (g *gradient) sample(now, took time.Duration) {
	if now < g.begin {
		return
	}
	g.n++
	g.sum += float64(took)
	if g.n < windowSamples {
		return
	}
	mean := g.sum / float64(g.n)
	switch {
	case g.probing:
		g.base, g.limit, g.probing = mean, g.before, false
		g.due = now + g.every
	default:
		g.adjust(mean)
		if now >= g.due {
			g.before, g.probing = g.limit, true
			g.limit = g.clamp(g.limit / probeShare)
		}
	}
	g.begin = now + time.Duration(settling*mean)
	g.n, g.sum, g.peak = 0, 0, 0
}

// adjust moves the limit after a window of the given mean time.
func (g *gradient) adjust(mean float64) {
	switch {
	case g.base == 0:
		g.base = mean
	case mean < g.base:
		g.base += baseSmoothing * (mean - g.base)
	}
	slope := 1.0
	if mean > 0 {
		slope = min(max(tolerance*g.base/mean, steepest), 1)
	}
	// The root is the queue that is allowed to form: without it the limit could
	// never grow again.
	target := slope*g.limit + math.Sqrt(g.limit)
	if float64(g.peak) < g.limit/2 {
		target = min(target, g.limit) // unused places prove nothing
	}
	g.limit = g.clamp(g.limit + smoothing*(target-g.limit))
}
