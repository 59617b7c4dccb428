package webtest

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"workbench/lab/fleet"
	"workbench/lab/knob"
	"workbench/lab/live"
	"workbench/lab/scenario"
)

// link writes how the stand-in stands, but for its faults.
func (l *Lab) link(s live.State) string {
	set := live.Setup{Scenario: s.Scenario}
	set.Seed, set.Scale, set.Patterns = &s.Seed, s.Scale, map[string]scenario.Toggle{}
	untouched := slots()
	for i, one := range l.slots {
		t := scenario.Toggle{Knobs: others(knob.Describe(one.knobs), knob.Describe(untouched[i].knobs))}
		if one.state != untouched[i].state {
			t.State = &one.state
		}
		if t.State != nil || t.Knobs != nil {
			set.Patterns[one.about.Name] = t
		}
	}
	for name, knobs := range map[string]map[string]any{
		"balancer": others(l.front.balancer.Knobs(), fleet.Defaults().Knobs()), "autoscaler": others(l.front.scaling.Knobs(), fleet.DefaultScaling().Knobs()),
	} {
		if knobs != nil {
			set.Patterns[name] = scenario.Toggle{Knobs: knobs}
		}
	}
	if l.front.count != newFront().count {
		set.Instances = l.front.count
	}
	for _, name := range slices.Sorted(maps.Keys(l.front.down)) {
		if l.front.down[name] {
			set.Down = append(set.Down, name)
		}
	}
	if l.factor != 1 {
		set.Traffic = &l.factor
	}
	return set.Link()
}

// others returns the knobs whose values are not those before.
func others(now, before []knob.Info) map[string]any {
	var out map[string]any
	for i, k := range now {
		if k.Value != before[i].Value {
			if out == nil {
				out = map[string]any{}
			}
			out[k.Name] = k.Value
		}
	}
	return out
}

// CheckLink implements web.Lab.
func (l *Lab) CheckLink(link string) (live.Setup, error) {
	if _, _, err := read(link); err != nil {
		return live.Setup{}, err
	}
	return live.ParseLink(link)
}

// read takes a link apart into what Load takes and what stands before the
// instances.
func read(link string) (live.ScenarioChange, front, error) {
	set, err := live.ParseLink(link)
	if err != nil {
		return live.ScenarioChange{}, front{}, err
	}
	if !slices.Contains(Scenarios(), set.Scenario) {
		return live.ScenarioChange{}, front{}, field("scenario", strconv.Quote(set.Scenario), "one of "+strings.Join(Scenarios(), ", "))
	}
	c, f := live.ScenarioChange{Name: set.Scenario, Seed: set.Seed, Patterns: map[string]live.PatternChange{}}, newFront()
	if set.Instances > 0 {
		f.count = set.Instances
	}
	for _, name := range set.Down {
		f.down[name] = true
	}
	var faults []error
	draft := New()
	for name, t := range set.Patterns {
		var err error
		switch name {
		case "balancer":
			f.balancer, err = f.balancer.Apply(t.Knobs)
		case "autoscaler":
			f.scaling, err = f.scaling.Apply(t.Knobs)
		default:
			c.Patterns[name] = live.PatternChange{State: t.State, Knobs: t.Knobs}
			if s := draft.slot(name); s == nil {
				err = field(name, "a pattern that there is not", "another")
			} else {
				err = s.set(c.Patterns[name])
			}
		}
		var wrong *knob.Error
		if errors.As(err, &wrong) {
			err = field(name+"."+wrong.Knob, wrong.Got, wrong.Want)
		}
		faults = append(faults, err)
	}
	return c, f, errors.Join(faults...)
}
