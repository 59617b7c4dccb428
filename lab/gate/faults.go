package gate

import (
	"fmt"
	"strings"
	"time"

	"workbench/sim/dist"
)

// Resize changes the capacity for services that begin from now on. Slots taken
// beyond a smaller number are lost as they come free.
func (m *Model) Resize(now time.Duration, slots int, service time.Duration, out []Event) ([]Event, error) {
	spec := m.spec
	spec.Slots, spec.Service = slots, service
	if err := spec.Validate(); err != nil {
		return out, err
	}
	law, err := dist.NewLaw(spec.Law, spec.Service, spec.SCV)
	if err != nil {
		return out, fmt.Errorf("gate: %w", err)
	}
	out = m.Advance(now, out)
	m.spec, m.law = spec, law
	return m.Advance(now, m.fill(now, now, out)), nil
}

// Slow multiplies service times that begin from now on; 1 is no fault.
func (m *Model) Slow(factor float64) error {
	if !(factor > 0 && factor <= 1e6) {
		return fmt.Errorf("gate: factor is %v (want above 0, at most 1e6; 1 is no fault)", factor)
	}
	m.slow = factor
	return nil
}

// Error lets a share of the services that begin from now on end in an error; 0
// is no fault.
func (m *Model) Error(share float64) error {
	if !(share >= 0 && share <= 1) {
		return fmt.Errorf("gate: error share is %v (want 0 to 1; 0 is no fault)", share)
	}
	m.broken = share
	return nil
}

// Delay lengthens the round trip of answers that leave from now on.
func (m *Model) Delay(by time.Duration) error {
	if by < 0 || by > time.Minute {
		return fmt.Errorf("gate: delay is %v (want 0 to 1m; 0 is no fault)", by)
	}
	m.delay = by
	return nil
}

// Hang holds every slot until it is called with false; what was to end
// meanwhile ends then.
func (m *Model) Hang(now time.Duration, on bool, out []Event) []Event {
	out = m.Advance(now, out)
	if m.hung && !on {
		m.thawed = now
	}
	m.hung = on
	return m.Advance(now, out)
}

// fault describes the faults at work in a few words.
func (m *Model) fault() string {
	var words []string
	if m.hung {
		words = append(words, "hung")
	}
	if m.slow != 1 {
		words = append(words, fmt.Sprintf("service time × %g", m.slow))
	}
	if m.broken > 0 {
		words = append(words, fmt.Sprintf("%g %% errors", m.broken*100))
	}
	if m.delay > 0 {
		words = append(words, fmt.Sprintf("%v further away", m.delay))
	}
	return strings.Join(words, ", ")
}
