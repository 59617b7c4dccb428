package clientbudget

import (
	"workbench/lab"
	"workbench/lab/knob"
	"workbench/sim/load"
)

// Knobs are the adjustable values.
type Knobs struct {
	Share float64 `knob:"share" min:"0.001" max:"10" help:"retries for each first try"`
}

// Defaults returns the default knobs.
func Defaults() Knobs { return Knobs{Share: 0.1} }

// Validate implements knob.Validator. A share of 0 would mean no budget to the
// clients, the opposite of what it says.
func (k *Knobs) Validate() error {
	if !(k.Share > 0) {
		return knob.Wrong("share", k.Share, "a share above 0 (switch the pattern off for no budget)")
	}
	return nil
}

// Apply sets the retry budget of a run's clients. It leaves everything else as
// the scenario has it.
func (k Knobs) Apply(c *load.Client) { c.Budget = k.Share }

// Pattern describes the clients' retry budget to the catalog. The simulated
// clients are its implementation.
func Pattern() lab.Pattern {
	return lab.Define(lab.Pattern{
		Name:  "client-budget",
		Title: "Clients: retry budget",
		Line:  "clients retry only a share of their requests, however many fail",
		Side:  lab.Client,
	}, Defaults, nil, nil)
}
