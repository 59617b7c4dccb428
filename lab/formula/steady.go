package formula

import (
	"math"
	"time"

	"workbench/lab/scenario"
	"workbench/sim/dist"
	"workbench/sim/theory"
)

// part is a share of the served users and the law of their latency.
type part struct {
	weight float64
	key    float64                       // the same for those of one state
	over   func(seconds float64) float64 // share that takes longer
}

// grain is how finely waits in a backlog are told apart, in seconds.
const grain = 1e-3

// serve counts users into the law of latencies.
func (t *tally) serve(p *plan, weight float64, s state) {
	key := s.rate
	if s.busy {
		s.wait = math.Round(s.wait/grain) * grain
		key = -1 - s.wait
	}
	for i := range t.parts {
		if t.parts[i].key == key {
			t.parts[i].weight += weight
			return
		}
	}
	t.parts = append(t.parts, part{weight, key, p.inTime(s)})
}

// inTime returns the law of the response of those who are served in time.
func (p *plan) inTime(s state) func(float64) float64 {
	law, patience := p.law(s), p.clients.Timeout.Seconds()
	late := law(patience)
	return func(x float64) float64 {
		if x >= patience || late >= 1 {
			return 0
		}
		return (law(x) - late) / (1 - late)
	}
}

// law returns the law of the response, from a try to its answer: the share that
// takes longer than so many seconds.
func (p *plan) law(s state) func(float64) float64 {
	g := p.spec.Gate
	trip, service := g.RTT.Seconds(), g.Service.Seconds()
	constant := g.Law == dist.Constant
	if s.busy {
		return func(x float64) float64 {
			x -= trip + s.wait
			switch {
			case x < 0 || constant && x < service:
				return 1
			case constant:
				return 0
			}
			return math.Exp(-x / service)
		}
	}
	q, err := theory.NewMMC(s.rate, p.servers, g.Service)
	if err != nil {
		// look keeps such a rate away.
		panic("formula: a steady state of an overload: " + err.Error())
	}
	if constant {
		return func(x float64) float64 {
			if x -= trip; x < service {
				return 1
			}
			return q.WaitOver(2 * (x - service)) // a wait half as long
		}
	}
	return func(x float64) float64 { return q.ResponseOver(x - trip) }
}

// shown returns the two quantiles of a second, in milliseconds; 0 when nobody
// who comes is served in time.
func (p *plan) shown(s state) (p50, p99 float64) {
	if !s.busy && s.rate <= 0 || s.fails >= 1 {
		return 0, 0
	}
	over := []part{{weight: 1, over: p.inTime(s)}}
	return quantile(over, .5), quantile(over, .99)
}

// latency returns the quantiles over all served users. The largest of an
// endless law has no meaning; it is what one in a million exceeds.
func (t *tally) latency() scenario.Latency {
	return scenario.Latency{
		P50: quantile(t.parts, .5), P90: quantile(t.parts, .9), P95: quantile(t.parts, .95), P99: quantile(t.parts, .99),
		P999: quantile(t.parts, .999), Max: quantile(t.parts, 1-1e-6),
	}
}

// quantile returns, in milliseconds, what a share of the users do not exceed:
// by bisection, to a microsecond.
func quantile(parts []part, share float64) float64 {
	total := 0.0
	for _, p := range parts {
		total += p.weight
	}
	if total <= 0 {
		return 0
	}
	beyond := func(x float64) float64 {
		sum := 0.0
		for _, p := range parts {
			sum += p.weight * p.over(x)
		}
		return sum / total
	}
	low, high := 0.0, 1e-3
	for beyond(high) > 1-share && high < time.Hour.Seconds() {
		low, high = high, 2*high
	}
	for high-low > 1e-6 {
		if middle := (low + high) / 2; beyond(middle) > 1-share {
			low = middle
		} else {
			high = middle
		}
	}
	return math.Round(high*1e6) / 1e3
}
