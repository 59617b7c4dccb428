package fleet

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"workbench/lab/knob"
)

// Settings say how requests are spread. The zero Settings stand for Defaults.
type Settings struct {
	Picker    string    `yaml:"picker" knob:"picker" options:"round-robin,least-connections,two-choices,consistent-hash" help:"how an instance is chosen"`
	HashBy    string    `yaml:"hash_by" knob:"hash_by" options:"key,user" help:"consistent-hash: what decides where a request belongs"`
	Bound     float64   `yaml:"load_bound" knob:"load_bound" min:"1.05" max:"10" help:"consistent-hash: most requests inside one instance, as a multiple of the mean"`
	Health    Health    `yaml:"health"`
	Ejection  Ejection  `yaml:"ejection"`
	SlowStart SlowStart `yaml:"slow_start"`
	Sticky    Sticky    `yaml:"sticky"`
}

// Health is how instances are asked whether they are ready.
type Health struct {
	On       bool          `yaml:"on" knob:"on" help:"ask each instance for /readyz"`
	Interval time.Duration `yaml:"interval" knob:"interval" min:"100ms" max:"1m" help:"time between two questions"`
	Timeout  time.Duration `yaml:"timeout" knob:"timeout" min:"10ms" max:"10s" help:"time for an answer"`
	Rise     int           `yaml:"rise" knob:"rise" min:"1" max:"10" help:"good answers in a row until it gets requests again"`
	Fall     int           `yaml:"fall" knob:"fall" min:"1" max:"10" help:"bad answers in a row until it gets none"`
}

// Ejection is what makes an instance an outlier, and what follows.
type Ejection struct {
	On       bool          `yaml:"on" knob:"on" help:"leave out an instance that answers worse than its peers"`
	Failures int           `yaml:"failures" knob:"failures" min:"0" max:"1000" help:"failed answers in a row that eject at once; 0: never"`
	Share    float64       `yaml:"error_share" knob:"error_share" min:"0" max:"1" help:"share of failed answers in an interval that ejects; 0: never"`
	Latency  float64       `yaml:"latency_factor" knob:"latency_factor" min:"0" max:"100" help:"mean latency in an interval, as a multiple of the peers' median, that ejects; 0: never"`
	Interval time.Duration `yaml:"interval" knob:"interval" min:"100ms" max:"1m" help:"how often shares and latencies are compared"`
	Least    int           `yaml:"least" knob:"least" min:"1" max:"10000" help:"answers in an interval below which nothing is concluded"`
	Time     time.Duration `yaml:"time" knob:"time" min:"100ms" max:"10m" help:"first ejection; the second is twice as long, the third three times"`
	Cap      time.Duration `yaml:"cap" knob:"cap" min:"100ms" max:"1h" help:"longest ejection"`
	Most     float64       `yaml:"max_share" knob:"max_share" min:"0" max:"1" help:"most instances that are out at once, as a share of all"`
}

// SlowStart is how an instance that has just come is broken in.
type SlowStart struct {
	On   bool          `yaml:"on" knob:"on" help:"let the weight of a new instance grow"`
	For  time.Duration `yaml:"for" knob:"for" min:"100ms" max:"10m" help:"until it has its whole weight"`
	From float64       `yaml:"from" knob:"from" min:"0.01" max:"1" help:"weight at the beginning"`
}

// Sticky is whether a user keeps an instance.
type Sticky struct {
	On bool `yaml:"on" knob:"on" help:"keep sessions in the memory of an instance, and each user at theirs"`
}

// Defaults are how requests are spread when nobody says how: in turn.
func Defaults() Settings {
	return Settings{
		Picker: RoundRobin, HashBy: "key", Bound: 1.25,
		Health:    Health{Interval: time.Second, Timeout: 500 * time.Millisecond, Rise: 2, Fall: 2},
		Ejection:  Ejection{Failures: 5, Share: .5, Latency: 3, Interval: time.Second, Least: 10, Time: 5 * time.Second, Cap: time.Minute, Most: .5},
		SlowStart: SlowStart{For: 10 * time.Second, From: .1},
	}
}

// WithDefaults returns s, or the defaults for the zero Settings.
func (s Settings) WithDefaults() Settings {
	if s == (Settings{}) {
		return Defaults()
	}
	return s
}

// part is a group of knobs under one name; that of the settings themselves is
// empty.
type part struct {
	name string
	ptr  any
}

func (s *Settings) parts() []part {
	return []part{{"", s}, {"health", &s.Health}, {"ejection", &s.Ejection}, {"slow_start", &s.SlowStart}, {"sticky", &s.Sticky}}
}

// Knobs lists the settings by name, "picker" and "health.interval".
func (s Settings) Knobs() []knob.Info {
	var out []knob.Info
	for _, p := range s.parts() {
		for _, k := range knob.Describe(p.ptr) {
			k.Name = join(p.name, k.Name)
			out = append(out, k)
		}
	}
	return out
}

// Apply returns the settings with the named ones changed. Its error joins
// everything that is wrong, and then nothing is changed.
func (s Settings) Apply(changes map[string]any) (Settings, error) {
	groups := map[string]map[string]any{}
	for name, v := range changes {
		group, field, nested := strings.Cut(name, ".")
		if !nested {
			group, field = "", name
		}
		if groups[group] == nil {
			groups[group] = map[string]any{}
		}
		groups[group][field] = v
	}
	var faults []error
	for _, p := range s.parts() {
		if g := groups[p.name]; g != nil {
			faults = append(faults, prefix(p.name, knob.Apply(p.ptr, g))...)
			delete(groups, p.name)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		for _, field := range slices.Sorted(maps.Keys(groups[group])) {
			faults = append(faults, &knob.Error{Knob: join(group, field), Got: "an unknown group", Want: "one of health, ejection, slow_start, sticky"})
		}
	}
	if len(faults) == 0 {
		faults = append(faults, s.together())
	}
	if err := errors.Join(faults...); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// together checks settings that depend on each other.
func (s Settings) together() error {
	var faults []error
	if s.Health.Timeout > s.Health.Interval {
		faults = append(faults, &knob.Error{Knob: "health.timeout", Got: s.Health.Timeout.String(), Want: fmt.Sprintf("at most health.interval, %v", s.Health.Interval)})
	}
	if s.Ejection.Cap < s.Ejection.Time {
		faults = append(faults, &knob.Error{Knob: "ejection.cap", Got: s.Ejection.Cap.String(), Want: fmt.Sprintf("at least ejection.time, %v", s.Ejection.Time)})
	}
	return errors.Join(faults...)
}

// Check reports every setting that is out of its bounds.
func (s Settings) Check() error {
	all := map[string]any{}
	for _, k := range s.Knobs() {
		all[k.Name] = k.Value
	}
	_, err := Defaults().Apply(all)
	return err
}

// Values returns the settings as text by name.
func Values(knobs []knob.Info) map[string]string {
	out := map[string]string{}
	for _, k := range knobs {
		out[k.Name] = k.Value
	}
	return out
}

// Text says in a few words what the balancer does: what its box in the diagram
// shows.
func (s Settings) Text() string {
	words := []string{strings.ReplaceAll(s.Picker, "-", " ")}
	if s.Picker == ConsistentHash {
		words[0] += " by " + s.HashBy
	}
	for _, p := range []struct {
		on   bool
		word string
	}{{s.Sticky.On, "sticky"}, {s.Health.On, "health checks"}, {s.Ejection.On, "ejection"}, {s.SlowStart.On, "slow start"}} {
		if p.on {
			words = append(words, p.word)
		}
	}
	return strings.Join(words, ", ")
}

func join(group, name string) string {
	if group == "" {
		return name
	}
	return group + "." + name
}

// prefix returns the faults of a group under their whole names.
func prefix(group string, err error) []error {
	switch e := err.(type) {
	case nil:
		return nil
	case *knob.Error:
		return []error{&knob.Error{Knob: join(group, e.Knob), Got: e.Got, Want: e.Want}}
	case interface{ Unwrap() []error }:
		var out []error
		for _, one := range e.Unwrap() {
			out = append(out, prefix(group, one)...)
		}
		return out
	}
	return []error{err}
}
