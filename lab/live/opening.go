package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/knob"
	"workbench/lab/scenario"
	"workbench/lab/store/replica"
	"workbench/lab/system/kind"
	"workbench/lab/system/orders"
)

// opening is what a link has set up beyond scenario and patterns when the
// traffic begins. The zero opening is a scenario's own.
type opening struct {
	traffic        *float64
	faults         []scenario.Standing
	down, draining []string
	database       *replica.Settings // nil: it stays as it is
}

// CheckLink returns what a link holds, or why it could not be opened now. It
// changes nothing.
func (l *Lab) CheckLink(link string) (Setup, error) {
	set, err := ParseLink(link)
	if err == nil {
		_, err = l.prepareLink(set)
	}
	if err != nil {
		return Setup{}, invalid(err)
	}
	return set, nil
}

// prepareLink turns a link into settings that can be begun. Its error joins
// FieldErrors.
func (l *Lab) prepareLink(set Setup) (settings, error) {
	spec, err := scenario.Find(set.Scenario)
	if err != nil {
		return settings{}, &FieldError{Field: "scenario", Got: strconv.Quote(short(set.Scenario)), Want: "one of " + strings.Join(scenario.Names(), ", ")}
	}
	base, o := spec, set.Override
	open := opening{traffic: o.Traffic, faults: o.Faults, down: set.Down, draining: set.Draining}
	changes, told := o.Patterns[databaseName]
	o.Traffic, o.Faults, o.Patterns = nil, nil, maps.Clone(o.Patterns)
	delete(o.Patterns, databaseName)
	spec, o, err = scenario.Apply(spec, o, Known())
	if err != nil {
		return settings{}, errors.Join(linkFaults("", err)...)
	}
	s := settings{spec: spec, base: &base, duration: set.Duration, seed: 1, scale: o.Scale, solution: l.solution}
	for name, t := range o.Patterns {
		s.patterns = append(s.patterns, chain.Change{Pattern: name, State: t.State, Knobs: t.Knobs})
	}
	if o.Seed != nil {
		s.seed = *o.Seed
	}
	if s.scale == 0 {
		s.scale = spec.LiveScale
	}
	if err := s.check(); err != nil {
		return settings{}, errors.Join(linkFaults("", err)...)
	}
	var faults []error
	if spec.System == "profile" { // the others keep tables of their own
		r := replica.Default()
		open.database = &r
	}
	if told {
		faults = append(faults, l.linkDatabase(open.database, changes)...)
	}
	faults = append(faults, open.check(l, s)...)
	s.opening = open
	return s, errors.Join(faults...)
}

// linkDatabase takes what a link says of the database into r; nil: the service
// has none that replicas follow.
func (l *Lab) linkDatabase(r *replica.Settings, t scenario.Toggle) []error {
	switch {
	case t.State != nil:
		return []error{&FieldError{Field: databaseName, Got: t.State.String(), Want: "its settings: set=database.reads=replicas"}}
	case r == nil:
		return []error{&FieldError{Field: databaseName, Got: "settings of it", Want: "none: the service keeps tables of its own, without replicas"}}
	}
	if err := knob.Apply(r, t.Knobs); err != nil {
		return linkFaults(databaseName, err)
	}
	if err := l.data.can(*r); err != nil {
		var f *FieldError
		if errors.As(err, &f) {
			return []error{&FieldError{Field: databaseName + "." + f.Field, Got: f.Got, Want: f.Want}}
		}
		return []error{err}
	}
	return nil
}

// check reports what the lab could not bring about when a run of s begins.
func (o opening) check(l *Lab, s settings) []error {
	var faults []error
	for _, f := range o.faults {
		wrong := func(want string) {
			faults = append(faults, &FieldError{Field: "fault", Got: strconv.Quote(f.String()), Want: want})
		}
		if err := f.Fits(s.spec); err != nil {
			faults = append(faults, flagFault(err))
			continue
		}
		switch {
		case f.Name == "replica-lag" && (o.database == nil || o.database.Reads != replica.Replicas):
			wrong("set=database.reads=replicas beside it: no replica is read, so none can lag")
		case f.Name == "broker-down" && l.theirs(s.broker()):
			wrong("a broker that the lab has started: " + s.broker() + " is a server of its own, which the lab does not touch")
		}
	}
	last := s.spec.Begin()
	away := map[string]bool{}
	for _, list := range []struct {
		word  string
		names []string
	}{{"down", o.down}, {"drain", o.draining}} {
		for _, name := range list.names {
			switch {
			case int(name[0]-'a') >= last:
				faults = append(faults, &FieldError{Field: list.word, Got: strconv.Quote(name), Want: fmt.Sprintf("instances from a to %c: there are %d", 'a'+last-1, last)})
			case away[name]:
				faults = append(faults, &FieldError{Field: list.word, Got: strconv.Quote(name), Want: "each instance once, down or draining"})
			}
			away[name] = true
		}
	}
	return faults
}

// broker returns which broker carries orders under the settings; empty: the
// service has none.
func (s settings) broker() string {
	placed, err := chain.Arrange(kind.Patterns(s.spec.System), s.scale, starting(s.spec), s.patterns)
	if err != nil {
		return "" // check has said it
	}
	for _, p := range placed {
		if k, ok := p.Knobs.(*orders.Broker); ok && p.State == lab.On {
			return k.Kind
		}
	}
	return orders.Naive().Kind
}

// furnish brings a new run's database into the state that a link asks for.
func (o opening) furnish(ctx context.Context, l *Lab) error {
	if o.database == nil {
		return nil
	}
	if err := l.data.set(ctx, *o.database); err != nil {
		return fmt.Errorf("set the database as the link says: %w", err)
	}
	return nil
}

// arrive brings about the rest, once the traffic flows.
func (o opening) arrive(r *run) error {
	if o.traffic != nil {
		if err := r.turn(running, *o.traffic); err != nil {
			return fmt.Errorf("turn the traffic as the link says: %w", err)
		}
	}
	var said []string
	for _, f := range o.faults {
		text, err := r.setFault(f.Name, FaultChange{On: true, Factor: f.Factor, Share: f.Share, By: f.By, Target: f.Target})
		if err != nil {
			return err
		}
		said = append(said, text)
	}
	for _, list := range []struct {
		state string
		names []string
	}{{"down", o.down}, {"draining", o.draining}} {
		for _, name := range list.names {
			text, err := r.set(r.victim(name), list.state)
			if err != nil {
				return err
			}
			said = append(said, text)
		}
	}
	if text := strings.Join(present(said), ", "); text != "" {
		r.noteHand(text)
	}
	return nil
}

// present leaves out what is empty.
func present(texts []string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}
