package chain

import (
	"errors"
	"fmt"
	"slices"

	"workbench/lab"
	"workbench/lab/knob"
)

// Placed is a pattern with the state and knobs it begins with.
type Placed struct {
	Pattern lab.Pattern
	State   lab.State
	Knobs   any // a pointer to the room's knobs
}

// Change returns the change that puts a new chain's slot as placed.
func (p Placed) Change() Change {
	values := map[string]any{}
	for name, v := range knob.Values(p.Knobs) {
		values[name] = v
	}
	return Change{Pattern: p.Pattern.Name, State: &p.State, Knobs: values}
}

// Arrange works out how patterns begin: their defaults, then start, both at
// reference scale and so scaled; then over, whose knobs are taken as they are.
// Its error joins everything that is wrong.
func Arrange(patterns []lab.Pattern, scale float64, start, over []Change) ([]Placed, error) {
	var faults []error
	for _, c := range slices.Concat(start, over) {
		if !slices.ContainsFunc(patterns, func(p lab.Pattern) bool { return p.Name == c.Pattern }) {
			faults = append(faults, fmt.Errorf("%w: pattern %q", ErrUnknown, c.Pattern))
		}
	}
	var out []Placed
	for _, p := range patterns {
		placed, err := arrange(p, scale, start, over)
		if err != nil {
			faults = append(faults, fmt.Errorf("pattern %s: %w", p.Name, err))
		}
		out = append(out, placed)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return out, nil
}

func arrange(p lab.Pattern, scale float64, start, over []Change) (Placed, error) {
	out := Placed{Pattern: p, Knobs: p.Knobs()}
	apply := func(changes []Change) error {
		for _, c := range changes {
			if c.Pattern != p.Name {
				continue
			}
			if err := knob.Apply(out.Knobs, c.Knobs); err != nil {
				return err
			}
			if c.State != nil {
				out.State = *c.State
			}
		}
		return nil
	}
	if err := apply(start); err != nil {
		return Placed{}, err
	}
	knob.Scale(out.Knobs, scale)
	if err := apply(over); err != nil {
		return Placed{}, err
	}
	if p.Side == lab.Client && (out.State == lab.Shadow || out.State == lab.Yours) {
		return Placed{}, fmt.Errorf("state %v: the simulated clients know only off and on", out.State)
	}
	return out, nil
}
