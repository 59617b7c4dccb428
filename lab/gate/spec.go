package gate

import (
	"errors"
	"fmt"
	"time"

	"workbench/sim/dist"
)

// DefaultBacklog is how many requests may wait when Spec.Backlog is 0.
const DefaultBacklog = 4096

// The bounds of a Spec.
const (
	MaxSlots   = 1 << 20
	MaxBacklog = 1 << 24
	MaxService = time.Hour // of the mean; no single service is longer than a day
)

// Spec is the capacity of a dependency.
type Spec struct {
	Slots   int           // how many requests are served at once
	Service time.Duration // mean service time; 0: none, only the real work counts
	Law     string        // a kind of dist.Law; empty means exponential
	SCV     float64       // squared coefficient of variation; 0 means the law's own
	RTT     time.Duration // network round trip, taken after the service and outside the slot
	Backlog int           // most requests that may wait; 0 means DefaultBacklog
}

// Capacity returns how many requests a second the gate serves when always busy;
// 0 when Service is 0, where only the real work limits it.
func (s Spec) Capacity() float64 {
	if s.Service <= 0 {
		return 0
	}
	return float64(s.Slots) / s.Service.Seconds()
}

// Validate reports every field that is wrong, with what it may be.
func (s Spec) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("gate: "+format, args...))
		}
	}
	check(s.Slots >= 1 && s.Slots <= MaxSlots, "slots is %d (want 1 to %d)", s.Slots, MaxSlots)
	check(s.Service >= 0 && s.Service <= MaxService, "service is %v (want 0 to %v)", s.Service, MaxService)
	check(s.RTT >= 0 && s.RTT <= time.Minute, "rtt is %v (want 0 to 1m)", s.RTT)
	check(s.Backlog >= 0 && s.Backlog <= MaxBacklog, "backlog is %d (want 0 to %d)", s.Backlog, MaxBacklog)
	if _, err := dist.NewLaw(s.Law, max(s.Service, 0), s.SCV); err != nil {
		faults = append(faults, fmt.Errorf("gate: %w", err))
	}
	return errors.Join(faults...)
}
