package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"workbench/lab"
	"workbench/lab/knob"
)

// Known is what scenarios may name. The caller passes it in, because patterns
// and systems live in rooms of their own.
type Known struct {
	Patterns map[string]lab.Pattern // by name
	Systems  map[string][]string    // the operations of each system, by its name
}

// Validate reports everything that is wrong with s, joined; nil when it can be
// run. It holds it against the patterns and systems there are.
func (s Spec) Validate(known Known) error {
	c := &checker{spec: &s}
	c.system(known)
	c.patterns(known)
	for i, k := range s.Claims {
		for _, name := range sortedKeys(k.When) {
			c.known(known, fmt.Sprintf("claims[%d].when.%s", i, name), name)
		}
		for _, setting := range sortedKeys(k.Knobs) {
			c.setting(known, fmt.Sprintf("claims[%d].knobs.%s", i, setting), setting, k.Knobs[setting])
		}
	}
	c.flags("ablation.with", s.Ablation.With, known)
	c.flags("ablation.without", s.Ablation.Without, known)
	for _, name := range sortedKeys(s.Variants) {
		c.flags(join("variants", name), s.Variants[name], known)
	}
	return errors.Join(s.check(), errors.Join(c.faults...))
}

func (c *checker) system(known Known) {
	s := c.spec
	ops, ok := known.Systems[s.System]
	if !ok {
		c.fault("system", strconv.Quote(shorten(s.System)), unknown(s.System, sortedKeys(known.Systems)))
		return
	}
	c.adopt("population", s.Population.Validate(ops))
	named := func(path, name string) {
		if m, op, ok := metric(name); ok && m.PerOp && !slices.Contains(ops, op) {
			c.fault(path, strconv.Quote(shorten(op)), unknown(op, ops))
		} else if ok && m.Event {
			c.event(known, path, op)
		}
	}
	for i, k := range s.Claims {
		named(fmt.Sprintf("claims[%d].metric", i), k.Metric)
	}
	named("predict.metric", s.Predict.Metric)
	named("ablation.metric", s.Ablation.Metric)
}

// event checks what is counted: a pattern, and one of its events.
func (c *checker) event(known Known, path, text string) {
	name, event, _ := strings.Cut(text, ".")
	if p, ok := c.known(known, path, name); ok && !slices.Contains(p.Events, event) {
		c.fault(path, strconv.Quote(shorten(event)), unknown(event, p.Events))
	}
}

// known notes a pattern that does not exist.
func (c *checker) known(known Known, path, name string) (lab.Pattern, bool) {
	p, ok := known.Patterns[name]
	if !ok {
		c.fault(path, "an unknown pattern", unknown(name, sortedKeys(known.Patterns)))
	} else if p.System != "" && p.System != c.spec.System {
		c.fault(path, "a choice of system "+p.System, "a pattern that system "+c.spec.System+" has")
	}
	return p, ok
}

// setting checks the knob that a claim depends on. The value must be written as
// the pattern itself writes it, since reports are compared with it as text; a
// knob that grows with the scale has no one value.
func (c *checker) setting(known Known, path, setting, value string) {
	name, word, _ := strings.Cut(setting, ".")
	if name == balancerName || name == autoscalerName || name == alertName {
		c.frontend(path, name, word, value)
		return
	}
	p, ok := c.known(known, path, name)
	if !ok {
		return
	}
	k, err := p.Settings(map[string]any{word: value})
	if err != nil {
		c.knobs(path, err)
		return
	}
	for _, info := range knob.Describe(k) {
		if info.Name == word {
			c.that(info.Value == value, path, strconv.Quote(value), strconv.Quote(info.Value))
			c.that(!info.Scales, path, word, "a knob that does not grow with the scale")
		}
	}
}

func (c *checker) patterns(known Known) {
	s := c.spec
	if s.Teaches != "" && s.Teaches != balancerName && s.Teaches != autoscalerName && s.Teaches != alertName {
		c.known(known, "teaches", s.Teaches)
	}
	for _, name := range sortedKeys(s.Patterns) {
		path := join("patterns", name)
		p, ok := c.known(known, path, name)
		if !ok {
			continue
		}
		setting := s.Patterns[name]
		if setting.State == lab.Yours {
			c.fault(path+".state", "yours", "off, shadow or on: a learner's solution is plugged in by hand")
		}
		if p.Side == lab.Client && setting.State == lab.Shadow {
			c.fault(path+".state", "shadow", "off or on: the simulated clients have no shadow")
		}
		_, err := p.Settings(setting.Knobs)
		c.knobs(path+".knobs", err)
	}
}

// knobs notes each wrong setting at its own line, and at path what the room
// says of several together.
func (c *checker) knobs(path string, err error) {
	switch e := err.(type) {
	case nil:
	case *knob.Error:
		c.fault(join(path, e.Knob), e.Got, e.Want)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			c.knobs(path, inner)
		}
	case interface{ Unwrap() error }:
		c.knobs(path, e.Unwrap())
	default:
		c.fault(path, err.Error(), "settings that go together")
	}
}

// flags checks a named set of flags as if it were given.
func (c *checker) flags(path string, args []string, known Known) {
	o, err := ParseFlags(args)
	if err == nil && o.Variant != "" {
		err = errNested
	}
	if err == nil {
		_, _, err = Apply(*c.spec, o, known)
	}
	if err != nil {
		c.fault(path, err.Error(), "flags that fit the scenario")
	}
}
