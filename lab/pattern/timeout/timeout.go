package timeout

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// ReasonTimeout is given for an answer that came at or after the deadline.
const ReasonTimeout lab.Reason = "timeout"

// Knobs are the adjustable values.
type Knobs struct {
	Limit     time.Duration `knob:"limit" min:"1ms" max:"5m" help:"longest time a request may take"`
	Propagate bool          `knob:"propagate" help:"end earlier when the caller gives up earlier"`
}

// Defaults returns the default knobs.
func Defaults() Knobs { return Knobs{Limit: time.Second, Propagate: true} }

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	if k.Limit <= 0 {
		return knob.Wrong("limit", k.Limit, "more than 0s")
	}
	return nil
}

// Timeout sets deadlines. It holds no state.
type Timeout struct{ knobs Knobs }

// New returns a Timeout.
func New(k Knobs) (Timeout, error) {
	if err := k.Validate(); err != nil {
		return Timeout{}, fmt.Errorf("timeout: %w", err)
	}
	return Timeout{k}, nil
}

// Deadline returns the deadline of r, which passes at now. It never lies after
// one that r already has.
func (t Timeout) Deadline(now time.Duration, r *lab.Request) time.Duration {
	d := now + t.knobs.Limit
	if t.knobs.Propagate && r.Patience > 0 {
		d = min(d, r.Patience)
	}
	if r.Deadline > 0 {
		d = min(d, r.Deadline)
	}
	return d
}

// Late reports whether an answer at now comes too late for a deadline.
func Late(now, deadline time.Duration) bool { return now >= deadline }
