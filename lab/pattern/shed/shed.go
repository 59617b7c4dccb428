package shed

import (
	"fmt"
	"math"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// Reasons for a refusal, by the request's priority.
const (
	ReasonLow    lab.Reason = "shed_low"
	ReasonNormal lab.Reason = "shed_normal"
	ReasonHigh   lab.Reason = "shed_high"
)

// priorities is how many there are.
const priorities = int(lab.High) + 1

// retryAfter is the advice to those refused: how long the overload lasts is not
// known here, and a second is the least that HTTP's Retry-After can say.
const retryAfter = time.Second

// Knobs are the adjustable values.
type Knobs struct {
	Capacity int     `knob:"capacity" unit:"requests" min:"1" max:"1000000" scale:"yes" help:"requests in flight at which the service is full"`
	Low      float64 `knob:"low" unit:"share" min:"0" max:"1" help:"share of the capacity at which low priority is refused"`
	Normal   float64 `knob:"normal" unit:"share" min:"0" max:"1" help:"share of the capacity at which normal priority is refused"`
	High     float64 `knob:"high" unit:"share" min:"0" max:"1" help:"share of the capacity at which high priority is refused"`
}

// Defaults returns the default knobs.
func Defaults() Knobs { return Knobs{Capacity: 60, Low: 0.5, Normal: 0.8, High: 1} }

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	share := func(name string, v, least float64) error {
		if v >= least && v <= 1 {
			return nil
		}
		return knob.Wrong(name, v, fmt.Sprintf("a share from %g to 1 (low ≤ normal ≤ high)", least))
	}
	if k.Capacity < 1 {
		return knob.Wrong("capacity", k.Capacity, "at least 1")
	}
	if err := share("low", k.Low, 0); err != nil {
		return err
	}
	if err := share("normal", k.Normal, k.Low); err != nil {
		return err
	}
	return share("high", k.High, k.Normal)
}

// Shedder says who is refused. It holds no state, so it is safe for concurrent
// use. Use New.
type Shedder struct {
	limits [priorities]int64 // requests in flight from which each priority is refused
}

// New returns a shedder.
func New(k Knobs) (*Shedder, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("shed: %w", err)
	}
	s := &Shedder{}
	for i, share := range [priorities]float64{k.Low, k.Normal, k.High} {
		// In flight ≥ share × capacity, in whole requests. The margin keeps a
		// product such as 0.07 × 100 = 7.000000000000001 from counting as 8.
		s.limits[i] = int64(math.Ceil(share*float64(k.Capacity) - 1e-9))
	}
	return s, nil
}

// Limit returns the requests in flight from which a priority is refused.
// Priorities above High count as High.
func (s *Shedder) Limit(p lab.Priority) int64 { return s.limits[min(int(p), priorities-1)] }

// Admits reports whether a request of priority p may join inflight others.
func (s *Shedder) Admits(inflight int64, p lab.Priority) bool { return inflight < s.Limit(p) }

// Refuse returns the response for a refused request of priority p.
func (s *Shedder) Refuse(p lab.Priority) lab.Response {
	return lab.Refuse(lab.Shed, [priorities]lab.Reason{ReasonLow, ReasonNormal, ReasonHigh}[min(int(p), priorities-1)], retryAfter)
}

// lowest returns the least important priority that is still admitted, or
// priorities if none is.
func (s *Shedder) lowest(inflight int64) int {
	for p := range priorities {
		if s.Admits(inflight, lab.Priority(p)) {
			return p
		}
	}
	return priorities
}
