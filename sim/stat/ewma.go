package stat

import (
	"math"
	"time"
)

// EWMA is a moving average that forgets exponentially with time: a value's
// weight falls to 1/e after tau, however often values come. The zero value,
// whose tau is 0, remembers only the last. It is not safe for concurrent use.
type EWMA struct {
	tau   time.Duration
	value float64
	last  time.Duration
	any   bool
}

// NewEWMA returns an average over about tau. Gauges on the page use 2.5 s.
func NewEWMA(tau time.Duration) *EWMA { return &EWMA{tau: tau} }

// Add puts in a value that held from the last Add until now. The first value
// is taken whole. A now before the last one counts as the last one.
func (e *EWMA) Add(now time.Duration, v float64) {
	if !e.any {
		e.value, e.last, e.any = v, now, true
		return
	}
	keep := 0.0
	if e.tau > 0 {
		keep = math.Exp(-float64(max(now-e.last, 0)) / float64(e.tau))
	}
	e.value = v + float64(keep*(e.value-v))
	e.last = max(now, e.last)
}

// Value returns the average, 0 before the first Add.
func (e *EWMA) Value() float64 { return e.value }
