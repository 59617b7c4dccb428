package scenario

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/sim/arrival"
	"workbench/sim/load"
)

// The bounds of a scale.
const (
	MinScale = 0.01
	MaxScale = 1e6
	MaxUsers = uint64(1e10) // of --users: all of mankind, and some

	maxTraffic = 100 // of --traffic, as of the lab's dial
)

// Override is what flags change in a scenario. The zero Override changes
// nothing.
type Override struct {
	Seed     *uint64
	Duration time.Duration     // 0: the schedule's own
	Scale    float64           // 0: the scenario's own
	Users    uint64            // in place of Scale: so many in all, with traffic and capacity in proportion; 0: by Scale
	Variant  string            // one of the scenario's named sets of flags, taken before the others
	Patterns map[string]Toggle // by pattern

	Instances int        // at the beginning; 0: the scenario's
	Traffic   *float64   // what the scenario's traffic is multiplied by, and its capacity is not; nil: 1
	Faults    []Standing // there from the start to the end
}

// Toggle changes one pattern. A nil State keeps the state. Knobs are effective
// values: unlike a file's they do not grow with the scale.
type Toggle struct {
	State *lab.State
	Knobs map[string]any
}

// errNested is what a variant that names a variant is told.
var errNested = errors.New("flag --variant: got a variant in a variant, want its flags written out")

// FlagNames lists the flags that ParseFlags knows, as they are written.
func FlagNames() []string {
	return []string{"--duration", "--fault", "--instances", "--off", "--on", "--scale", "--seed", "--set", "--shadow", "--traffic", "--users", "--variant"}
}

// ParseFlags reads flags as on the command line: "--on=queue" or "--on",
// "queue". Its error joins everything that is wrong, each with what to write.
func ParseFlags(args []string) (Override, error) {
	var o Override
	var faults []error
	for len(args) > 0 {
		name, value, joined := strings.Cut(args[0], "=")
		args = args[1:]
		if !slices.Contains(FlagNames(), name) {
			faults = append(faults, fmt.Errorf("flag %s: unknown, want %s", shorten(name), unknown(name, FlagNames())))
			continue
		}
		if !joined {
			if len(args) == 0 {
				faults = append(faults, fmt.Errorf("flag %s: got nothing after it, want a value", name))
				break
			}
			value, args = args[0], args[1:]
		}
		if err := o.Set(strings.TrimPrefix(name, "--"), value); err != nil {
			faults = append(faults, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return Override{}, err
	}
	return o, nil
}

// Set takes one flag, by its name without dashes.
func (o *Override) Set(flag, value string) error {
	wrong := func(want string) error {
		return &FlagError{flag, shorten(value), want}
	}
	switch flag {
	case "on", "off", "shadow":
		state, err := lab.ParseState(flag)
		if err != nil {
			return err
		}
		if value == "" {
			return wrong("a pattern's name")
		}
		names := strings.Split(value, ",")
		for _, name := range names {
			if before := o.Patterns[name].State; before != nil && *before != state {
				return fmt.Errorf("flag --%s: got %q after --%s %[2]s, want one of the two", flag, shorten(name), before)
			}
		}
		for _, name := range names {
			o.toggle(name, func(t *Toggle) { t.State = &state })
		}
	case "set":
		path, setting, ok := strings.Cut(value, "=")
		name, knob, dotted := strings.Cut(path, ".")
		if !ok || !dotted || name == "" || knob == "" {
			return wrong("PATTERN.KNOB=VALUE, such as queue.length=20")
		}
		o.toggle(name, func(t *Toggle) {
			if t.Knobs == nil {
				t.Knobs = map[string]any{}
			}
			t.Knobs[knob] = setting
		})
	case "seed":
		seed, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return wrong("a whole number of at least 0")
		}
		o.Seed = &seed
	case "duration":
		d, err := time.ParseDuration(value)
		if err != nil || d < time.Second || d > load.MaxDuration {
			return wrong(fmt.Sprintf("a duration from 1s to %v", load.MaxDuration))
		}
		o.Duration = d
	case "scale":
		x, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(x) || x < MinScale || x > MaxScale {
			return wrong(fmt.Sprintf("a number from %g to %g", MinScale, MaxScale))
		}
		o.Scale = x
	case "users":
		n, err := parseCount(value)
		if err != nil || n < 1 || n > MaxUsers {
			return wrong(fmt.Sprintf("a number from 1 to %g, such as 250000, 250k or 5M", float64(MaxUsers)))
		}
		o.Users = n
	case "instances", "traffic", "fault":
		return o.setStage(flag, value, wrong)
	case "variant":
		if value == "" {
			return wrong("the name of one of the scenario's variants")
		}
		o.Variant = value
	default:
		return fmt.Errorf("flag --%s: unknown, want %s", flag, unknown("--"+flag, FlagNames()))
	}
	return nil
}

func (o *Override) toggle(name string, change func(*Toggle)) {
	if o.Patterns == nil {
		o.Patterns = map[string]Toggle{}
	}
	t := o.Patterns[name]
	change(&t)
	o.Patterns[name] = t
}

// Over returns o on top of an earlier override.
func (o Override) Over(base Override) Override {
	out := base
	out.Patterns = maps.Clone(base.Patterns)
	for name, t := range o.Patterns {
		out.toggle(name, func(b *Toggle) {
			if t.State != nil {
				b.State = t.State
			}
			knobs := map[string]any{} // not base's own map, which others may hold
			maps.Copy(knobs, b.Knobs)
			maps.Copy(knobs, t.Knobs)
			b.Knobs = knobs
		})
	}
	if o.Seed != nil {
		out.Seed = o.Seed
	}
	if o.Duration != 0 {
		out.Duration = o.Duration
	}
	if o.Scale != 0 {
		out.Scale = o.Scale
	}
	if o.Users != 0 {
		out.Users = o.Users
	}
	if o.Variant != "" {
		out.Variant = o.Variant
	}
	if o.Instances != 0 {
		out.Instances = o.Instances
	}
	if o.Traffic != nil {
		out.Traffic = o.Traffic
	}
	if o.Faults != nil {
		out.Faults = o.Faults
	}
	return out
}

// Apply returns the scenario with another length, and the override with its
// variant unfolded: what remains for an engine is the seed, the scale and the
// patterns. The error joins everything that does not fit; then nothing is
// applied.
func Apply(spec Spec, o Override, known Known) (Spec, Override, error) {
	if o.Variant != "" {
		flags, ok := spec.Variants[o.Variant]
		if !ok {
			return Spec{}, Override{}, &FlagError{"variant", shorten(o.Variant), unknown(o.Variant, sortedKeys(spec.Variants))}
		}
		base, err := ParseFlags(flags)
		if err == nil && base.Variant != "" {
			err = errNested
		}
		if err != nil {
			return Spec{}, Override{}, fmt.Errorf("variant %s: %w", o.Variant, err)
		}
		o = o.Over(base)
		o.Variant = ""
	}
	spec, o, err := o.frontend(spec)
	if err := errors.Join(err, o.crowd(spec), o.validate(spec, known)); err != nil {
		return Spec{}, Override{}, err
	}
	if o.Duration > 0 {
		if own := spec.Traffic.Duration(); o.Duration < own {
			spec.uncut = max(spec.uncut, own)
		}
		spec.Traffic = stretch(spec.Traffic, o.Duration)
		spec.Faults = slices.DeleteFunc(slices.Clone(spec.Faults), func(f Fault) bool { return f.At >= o.Duration })
		spec.Resize = slices.DeleteFunc(slices.Clone(spec.Resize), func(r Resize) bool { return r.At >= o.Duration })
	}
	spec, o, wrong := o.staged(spec)
	if err := errors.Join(wrong...); err != nil {
		return Spec{}, Override{}, err
	}
	return spec, o, nil
}

// crowd turns a number of users into a scale.
func (o *Override) crowd(spec Spec) error {
	if o.Users == 0 {
		return nil
	}
	if o.Scale != 0 {
		return errors.New("flags --users and --scale: got both, want one: each says how large the scenario is played")
	}
	has := spec.Population.WithDefaults().Users
	scale := float64(o.Users) / float64(has)
	if scale < MinScale || scale > MaxScale {
		return fmt.Errorf("flag --users: got %d, want %.0f to %.0f: the scenario has %d, and is played at a scale from %g to %g",
			o.Users, float64(has)*MinScale, math.Min(float64(has)*MaxScale, float64(MaxUsers)), has, MinScale, float64(MaxScale))
	}
	o.Scale, o.Users = scale, 0
	return nil
}

// parseCount reads a whole number that may end in k, M or G.
func parseCount(text string) (uint64, error) {
	digits, unit := text, uint64(1)
	for suffix, n := range map[string]uint64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if d, ok := strings.CutSuffix(text, suffix); ok {
			digits, unit = d, n
		}
	}
	v, err := strconv.ParseFloat(digits, 64)
	if n := v * float64(unit); err != nil || !(n >= 0 && n <= float64(MaxUsers)) || n != math.Trunc(n) {
		return 0, fmt.Errorf("%q is not a count", shorten(text))
	}
	return uint64(v * float64(unit)), nil
}

// validate holds the toggles against the patterns that exist, on top of what
// the scenario sets.
func (o Override) validate(spec Spec, known Known) error {
	var faults []error
	for _, name := range sortedKeys(o.Patterns) {
		t := o.Patterns[name]
		p, ok := known.Patterns[name]
		if !ok {
			faults = append(faults, &PartError{shorten(name), fmt.Errorf("unknown, want %s", unknown(name, sortedKeys(known.Patterns))), fmt.Sprintf("pattern %q", shorten(name))})
			continue
		}
		if p.System != "" && p.System != spec.System {
			faults = append(faults, &PartError{name, fmt.Errorf("a choice of system %s, and scenario %s runs %s", p.System, spec.Name, spec.System), "pattern " + name})
		}
		if p.Side == lab.Client && t.State != nil && *t.State == lab.Shadow {
			faults = append(faults, &PartError{name, errors.New("got shadow, want on or off: the simulated clients have no shadow"), "pattern " + name})
		}
		knobs := maps.Clone(spec.Patterns[name].Knobs)
		if knobs == nil {
			knobs = map[string]any{}
		}
		maps.Copy(knobs, t.Knobs)
		if err := knob.Apply(p.Knobs(), knobs); err != nil {
			faults = append(faults, &PartError{name, err, "pattern " + name})
		}
	}
	return errors.Join(faults...)
}

// stretch cuts a schedule at d, or lets its last phase go on until then. A
// ramp that is lengthened takes the longer time.
func stretch(s arrival.Schedule, d time.Duration) arrival.Schedule {
	out := slices.Clone(s)
	at := time.Duration(0)
	for i := range out {
		if at+out[i].For >= d {
			out[i].For = d - at
			return out[:i+1]
		}
		at += out[i].For
	}
	if len(out) > 0 {
		out[len(out)-1].For += d - at
	}
	return out
}
