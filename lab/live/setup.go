package live

import (
	"fmt"
	"slices"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/knob"
	"workbench/lab/scenario"
	"workbench/lab/store/replica"
)

// baseline is what a run of its scenario begins with when nobody has set
// anything: what a link need not say.
type baseline struct {
	spec     *scenario.Spec // at reference scale; nil: no link can name it
	length   time.Duration  // in place of the scenario's; 0: that
	patterns map[string]placedAs
}

type placedAs struct {
	state lab.State
	knobs map[string]string
}

func (r *run) takeBaseline(s settings) error {
	r.base = baseline{spec: s.base, length: s.duration, patterns: map[string]placedAs{}}
	r.wanted = max(1, s.spec.Instances)
	if s.base == nil {
		return nil
	}
	placed, err := chain.Arrange(r.patterns(), s.scale, starting(*s.base), nil)
	for _, p := range placed {
		r.base.patterns[p.Pattern.Name] = placedAs{p.State, knob.Values(p.Knobs)}
	}
	return err
}

// link returns the query of the link that opens the lab as it stands, and what
// it leaves out; no query: why there is none. s is the state but for these.
func (r *run) link(s *State) (query string, leftOut []string) {
	if r.lab.rehearsing(r.id) {
		return "", []string{"how it stands is not to be told now"}
	}
	if r.base.spec == nil {
		return "", []string{"this scenario is a file of your own; send the file"}
	}
	base := *r.base.spec
	set := Setup{Scenario: base.Name}
	set.Seed, set.Scale, set.Duration = &s.Seed, s.Scale, r.base.length
	set.Patterns = map[string]scenario.Toggle{}
	for _, p := range s.Patterns {
		was := r.base.patterns[p.Name]
		t := scenario.Toggle{Knobs: differing(p.Knobs, was.knobs)}
		if p.State != was.state {
			t.State = &p.State
		}
		set.put(p.Name, t)
	}
	part := func(name string, now []knob.Info, was []knob.Info) {
		before := map[string]string{}
		for _, k := range was {
			before[k.Name] = k.Value
		}
		set.put(name, scenario.Toggle{Knobs: differing(now, before)})
	}
	part("balancer", s.Balancer.Knobs, base.Balancer.WithDefaults().Knobs())
	part("autoscaler", s.Autoscaler.Knobs, base.Autoscaler.WithDefaults().Knobs())
	if base.Alert.On() {
		part("alert", r.spec.Alert.Knobs(), base.Alert.Knobs())
	}
	if r.replicated() {
		untouched := replica.Default()
		part(databaseName, s.Database.Knobs, knob.Describe(&untouched))
	}
	leftOut = r.linkTeam(&set, base)
	return set.Link(), leftOut
}

// put notes a part's toggle unless it says nothing.
func (s *Setup) put(name string, t scenario.Toggle) {
	if t.State != nil || len(t.Knobs) > 0 {
		s.Patterns[name] = t
	}
}

// differing returns the knobs whose values are others than before; nil: none.
func differing(now []knob.Info, before map[string]string) map[string]any {
	var out map[string]any
	for _, k := range now {
		if k.Value == before[k.Name] {
			continue
		}
		if out == nil {
			out = map[string]any{}
		}
		out[k.Name] = k.Value
	}
	return out
}

// linkTeam adds the dial, the faults and the instances to a setup, and returns
// what a link cannot hold of the lab.
func (r *run) linkTeam(set *Setup, base scenario.Spec) (leftOut []string) {
	now := r.clock.Now()
	staying := r.team.Load().staying()
	// A link's run names its instances anew, without gaps.
	place := func(m *member) string {
		if i := slices.Index(staying, m); i >= 0 {
			return string(rune('a' + i))
		}
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.factor != 1 {
		set.Traffic = new(r.factor)
	}
	if r.wanted != max(1, base.Instances) {
		set.Instances = r.wanted
	}
	timed := r.playing != nil || now < r.spikeEnd
	struck := map[*member]bool{}
	for _, name := range r.faultNames() {
		f := r.faults[name]
		if !f.state.On {
			continue
		}
		timed = timed || f.state.Until > 0
		for _, c := range f.terms {
			if name == "instance-kill" {
				struck[c.at] = true
			}
			if f.state.Until > 0 {
				continue // it ends by itself: it is no setting
			}
			one := scenario.Standing{Name: name, Factor: c.Factor, Share: c.Share, By: c.By}
			if c.at != nil {
				if one.Target = place(c.at); one.Target == "" {
					continue // it has left
				}
			}
			set.Faults = append(set.Faults, one)
		}
	}
	for _, m := range staying {
		switch {
		case !m.server.Up() && !struck[m]:
			set.Down = append(set.Down, place(m))
		case m.server.Up() && m.drained.Load():
			set.Draining = append(set.Draining, place(m))
		}
	}
	return r.leftOut(timed)
}

// leftOut says what of the lab a link cannot hold. mu must be held.
func (r *run) leftOut(timed bool) (out []string) {
	if n := r.lab.house.count(); n > 0 {
		out = append(out, fmt.Sprintf("%d instances that are processes of their own", n))
	}
	if timed {
		out = append(out, "what is under way and ends by itself")
	}
	if r.phase == paused {
		out = append(out, "that the traffic is paused")
	}
	return out
}
