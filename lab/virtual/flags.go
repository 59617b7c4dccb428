package virtual

import (
	"context"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/scenario"
	"workbench/lab/system/kind"
)

// Known says what a scenario for this engine may name.
func Known() scenario.Known {
	k := scenario.Known{Patterns: map[string]lab.Pattern{}, Systems: map[string][]string{}}
	for _, p := range kind.AllPatterns() {
		k.Patterns[p.Name] = p
	}
	for _, s := range kind.All() {
		for _, op := range s.Ops {
			k.Systems[s.Name] = append(k.Systems[s.Name], op.Name)
		}
	}
	return k
}

// Resolve checks a scenario and flags as on the command line, such as
// "--on=queue", and returns the scenario under them and o with what they set.
// Its error joins everything that is wrong with them.
func Resolve(spec scenario.Spec, flags []string, o Options) (scenario.Spec, Options, error) {
	if err := spec.Validate(Known()); err != nil {
		return spec, o, err
	}
	set, err := scenario.ParseFlags(flags)
	if err == nil {
		spec, set, err = scenario.Apply(spec, set, Known())
	}
	if err != nil {
		return spec, o, err
	}
	if set.Seed != nil {
		o.Seed = *set.Seed
	}
	if set.Scale != 0 {
		o.Scale = set.Scale
	}
	for name, t := range set.Patterns {
		o.Patterns = append(o.Patterns, chain.Change{Pattern: name, State: t.State, Knobs: t.Knobs})
	}
	return spec, o, nil
}

// RunFlags runs a scenario under flags, as Resolve takes them.
func RunFlags(ctx context.Context, spec scenario.Spec, flags []string, o Options) (scenario.Report, error) {
	spec, o, err := Resolve(spec, flags, o)
	if err != nil {
		return scenario.Report{}, err
	}
	return Run(ctx, spec, o)
}
