package live

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/gate"
	"workbench/lab/scenario"
	"workbench/lab/system/kind"
	"workbench/sim/dist"
	"workbench/sim/load"
)

// settings say how a run begins.
type settings struct {
	spec     scenario.Spec // at reference scale
	given    scenario.Spec // the same before the caller's changes to balancer and autoscaler
	seed     uint64
	scale    float64
	timed    bool
	patterns []chain.Change                    // on top of the scenario's, as effective values
	solution func(pattern string) lab.Solution // what is plugged in; nil: nothing
	base     *scenario.Spec                    // as a name finds it; nil: it has none
	duration time.Duration                     // in place of the scenario's; 0: that
	opening  opening
}

// prepare turns a scenario change into settings that can be begun, or says what
// is wrong with it.
func (l *Lab) prepare(c ScenarioChange) (settings, error) {
	if c.Link != "" {
		if !c.bare() {
			return settings{}, &FieldError{Field: "link", Got: "a link beside other settings", Want: "it alone: it holds them"}
		}
		set, err := ParseLink(c.Link)
		if err != nil {
			return settings{}, err
		}
		return l.prepareLink(set)
	}
	var spec scenario.Spec
	var err error
	switch {
	case c.Name != "" && c.YAML != "":
		return settings{}, &FieldError{Field: "yaml", Got: "a file beside a name", Want: "one of the two"}
	case c.YAML != "":
		spec, err = scenario.Parse("scenario", []byte(c.YAML))
	default:
		var found bool
		if spec, found = l.own(c.Name); found {
			break // Restart of a file of one's own, or of a rehearsal's scenario
		}
		spec, err = scenario.Find(c.Name)
		if err != nil {
			err = &FieldError{Field: "name", Got: strconv.Quote(c.Name), Want: "one of " + strings.Join(scenario.Names(), ", ")}
		}
	}
	if err != nil {
		return settings{}, invalid(err)
	}
	s := settings{given: spec, seed: 1, scale: c.Scale, solution: l.solution}
	if c.YAML == "" {
		s.base = new(spec)
	}
	if s.spec, err = frontend(spec, c); err != nil {
		return settings{}, invalid(err)
	}
	for name, p := range c.Patterns {
		s.patterns = append(s.patterns, chain.Change{Pattern: name, State: p.State, Knobs: p.Knobs})
	}
	if c.Seed != nil {
		s.seed = *c.Seed
	}
	if s.scale == 0 {
		s.scale = spec.LiveScale
	}
	return s, s.check()
}

// own returns the scenario that runs, by its name, where it is not one of the
// program's: nobody else has its text.
func (l *Lab) own(name string) (scenario.Spec, bool) {
	r, err := l.current()
	if err != nil || name == "" || r.given.Name != name {
		return scenario.Spec{}, false
	}
	_, err = scenario.Find(name)
	return r.given, err != nil
}

// maxItems is how many items the service's database is filled with at most;
// more would take seconds.
const maxItems = 1_000_000

// check reports everything that would keep the settings from being begun, so
// that a run is not ended for one that cannot follow.
func (s settings) check() error {
	if math.IsNaN(s.scale) || s.scale < 0.01 || s.scale > 20 {
		return &FieldError{Field: "scale", Got: fmt.Sprint(s.scale), Want: "a number from 0.01 to 20"}
	}
	faults := []error{s.spec.Validate(Known())}
	if faults[0] != nil {
		return invalid(faults[0]) // what follows would say it again
	}
	if keys := s.spec.Population.WithDefaults().Keys; keys > maxItems {
		faults = append(faults, &FieldError{Field: "population.keys", Got: strconv.FormatUint(keys, 10), Want: fmt.Sprintf("at most %d; virtual time has no such bound", maxItems)})
	}
	scaled := s.spec.Scaled(s.scale)
	placed, err := chain.Arrange(kind.Patterns(s.spec.System), s.scale, starting(s.spec), s.patterns)
	faults = append(faults, err)
	for _, p := range placed {
		if p.State == lab.Yours && (s.solution == nil || s.solution(p.Pattern.Name) == nil) {
			faults = append(faults, notPlugged("patterns."+p.Pattern.Name+".state"))
		}
	}
	for name, g := range gateSpecs(scaled) {
		if _, err := gate.NewModel(g, dist.New(s.seed, "check")); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	if _, err := load.Draw(planOf(scaled, s.seed)); err != nil {
		faults = append(faults, err)
	}
	return invalid(errors.Join(faults...))
}

// planOf returns the traffic of a scenario that is at the run's scale: its
// whole schedule, for a service whose address is not yet known.
func planOf(s scenario.Spec, seed uint64) load.Plan {
	p := load.Plan{
		Seed: seed, Duration: min(s.Traffic.Duration(), load.MaxDuration), Schedule: s.Traffic, Arrivals: s.Arrivals,
		Population: s.Population, Client: s.Clients, Conns: load.MaxConns,
	}
	service, _ := kind.Find(s.System)
	for _, op := range service.Ops {
		p.Ops = append(p.Ops, op.Op)
	}
	return p
}

// invalid marks an error as the caller's; nil stays nil.
func invalid(err error) error {
	if err == nil || errors.Is(err, ErrInvalid) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}
