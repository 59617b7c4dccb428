package clientbackoff

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/sim/load"
)

// Knobs are the adjustable values.
type Knobs struct {
	Base       time.Duration `knob:"base" min:"1ms" max:"1m" help:"wait before the first retry; doubles each time"`
	Cap        time.Duration `knob:"cap" min:"1ms" max:"10m" help:"longest wait"`
	Jitter     bool          `knob:"jitter" help:"draw each wait uniformly from zero to its length"`
	RetryAfter bool          `knob:"retry_after" help:"wait at least as long as the server asks"`
}

// Defaults returns the default knobs.
func Defaults() Knobs {
	return Knobs{Base: 100 * time.Millisecond, Cap: 2 * time.Second, Jitter: true, RetryAfter: true}
}

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	if k.Base <= 0 || k.Base > k.Cap {
		return knob.Wrong("base", fmt.Sprintf("%v with cap %v", k.Base, k.Cap), "more than 0s and at most the cap")
	}
	return nil
}

// Apply sets how the clients of a run wait. It leaves everything else as the
// scenario has it.
func (k Knobs) Apply(c *load.Client) {
	c.Backoff, c.BackoffCap, c.Jitter, c.RetryAfter = k.Base, k.Cap, k.Jitter, k.RetryAfter
}

// Pattern describes the clients' backoff to the catalog. The simulated clients
// are its implementation.
func Pattern() lab.Pattern {
	return lab.Define(lab.Pattern{
		Name:  "client-backoff",
		Title: "Clients: backoff and jitter",
		Line:  "clients wait ever longer, and at random, before they ask again",
		Side:  lab.Client,
	}, Defaults, nil, nil)
}
