package fleet

import (
	"fmt"
	"math"
	"strings"
	"time"

	"workbench/lab/knob"
)

// MaxInstances is how many instances a service may have.
const MaxInstances = 8

// The figures that an autoscaler can hold near a target.
const (
	Utilisation = "utilisation"
	InFlight    = "in-flight"
)

// Scaling says how the number of instances follows the load. The zero Scaling
// stands for DefaultScaling.
type Scaling struct {
	On     bool          `yaml:"on" knob:"on" help:"let the number of instances follow the load"`
	Metric string        `yaml:"metric" knob:"metric" options:"utilisation,in-flight" help:"what is held near the target: the busy share of an instance's slots, or the requests inside one"`
	Target float64       `yaml:"target" knob:"target" min:"0.05" max:"10000" help:"of that figure; what is above pays for instances that are still starting"`
	Min    int           `yaml:"min" knob:"min" min:"1" max:"8" help:"fewest instances"`
	Max    int           `yaml:"max" knob:"max" min:"1" max:"8" help:"most instances"`
	Step   int           `yaml:"step" knob:"step" min:"1" max:"8" help:"most instances added at once"`
	Period time.Duration `yaml:"period" knob:"period" min:"200ms" max:"1m" help:"how often it decides"`
	Out    time.Duration `yaml:"out_cooldown" knob:"out_cooldown" min:"0s" max:"10m" help:"rest after adding, before adding again"`
	In     time.Duration `yaml:"in_cooldown" knob:"in_cooldown" min:"0s" max:"1h" help:"how long fewer must have been enough before one is removed"`
}

// DefaultScaling is off, with settings that suit most services: out fast, in
// slowly, a third of the capacity kept free.
func DefaultScaling() Scaling {
	return Scaling{Metric: Utilisation, Target: .65, Min: 1, Max: MaxInstances, Step: 2, Period: time.Second, Out: 3 * time.Second, In: 30 * time.Second}
}

// WithDefaults returns s, or the defaults for the zero Scaling.
func (s Scaling) WithDefaults() Scaling {
	if s == (Scaling{}) {
		return DefaultScaling()
	}
	return s
}

// Knobs lists the settings.
func (s Scaling) Knobs() []knob.Info { return knob.Describe(&s) }

// Apply returns the settings with the named ones changed, or everything that is
// wrong.
func (s Scaling) Apply(changes map[string]any) (Scaling, error) {
	if err := knob.Apply(&s, changes); err != nil {
		return Scaling{}, err
	}
	if s.Min > s.Max {
		return Scaling{}, &knob.Error{Knob: "min", Got: fmt.Sprint(s.Min), Want: fmt.Sprintf("at most max, %d", s.Max)}
	}
	if s.Metric == Utilisation && s.Target > 1 {
		return Scaling{}, &knob.Error{Knob: "target", Got: fmt.Sprint(s.Target), Want: "a share of at most 1, for the metric utilisation"}
	}
	return s, nil
}

// Check reports what is wrong with s.
func (s Scaling) Check() error {
	all := map[string]any{}
	for _, k := range s.Knobs() {
		all[k.Name] = k.Value
	}
	_, err := DefaultScaling().Apply(all)
	return err
}

// Text says in a few words what it does.
func (s Scaling) Text() string {
	if !s.On {
		return "off"
	}
	target := fmt.Sprintf("%.0f %% busy", s.Target*100)
	if s.Metric == InFlight {
		target = strings.TrimSuffix(fmt.Sprintf("%.1f", s.Target), ".0") + " inside each"
	}
	return fmt.Sprintf("%d to %d instances, %s", s.Min, s.Max, target)
}

// Autoscaler decides how many instances there should be. It is not safe for
// concurrent use. Use NewAutoscaler.
type Autoscaler struct {
	settings Scaling
	due      time.Duration
	rested   time.Duration // when it may add again
	lower    time.Duration // since when fewer would do; 0: they would not
	least    int           // most that were needed since then
}

// NewAutoscaler returns one that decides for the first time a period after now.
func NewAutoscaler(now time.Duration, s Scaling) (*Autoscaler, error) {
	s = s.WithDefaults()
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("autoscaler: %w", err)
	}
	return &Autoscaler{settings: s, due: now + s.Period}, nil
}

// Settings returns how it decides.
func (a *Autoscaler) Settings() Scaling { return a.settings }

// Load is what an autoscaler sees.
type Load struct {
	Ready    int     // instances that serve
	Starting int     // instances that will
	Busy     float64 // share of the slots in use, the mean over those that serve
	Inflight int     // requests inside all of them
}

// tolerance is how far a figure may be from its target before anything is done.
const tolerance = 0.1

// Due reports whether it is time to decide.
func (a *Autoscaler) Due(now time.Duration) bool { return a.settings.On && now >= a.due }

// Decide returns how many instances there should be, those that are starting
// among them. Between two periods it wants what there is.
func (a *Autoscaler) Decide(now time.Duration, l Load) int {
	s, have := a.settings, l.Ready+l.Starting
	if !a.Due(now) {
		return have
	}
	a.due = now + s.Period
	need := min(max(a.need(l), s.Min), s.Max)
	if need >= have {
		a.lower = 0
	}
	switch {
	case need > have:
		if now < a.rested && have >= s.Min {
			return have
		}
		a.rested = now + s.Out
		return max(s.Min, min(need, have+s.Step))
	case need < have:
		return a.fewer(now, need, have)
	}
	return have
}

// need is the target tracking itself.
func (a *Autoscaler) need(l Load) int {
	if l.Ready == 0 {
		return l.Ready + l.Starting
	}
	figure := l.Busy
	if a.settings.Metric == InFlight {
		figure = float64(l.Inflight) / float64(l.Ready)
	}
	ratio := figure / a.settings.Target
	if math.Abs(ratio-1) <= tolerance {
		return l.Ready + l.Starting
	}
	need := int(math.Ceil(float64(l.Ready)*ratio - 1e-9))
	if ratio > 1 { // those that are starting were asked for by the same load
		return max(need, l.Ready+l.Starting)
	}
	return need
}

// fewer removes one instance once fewer have been enough for long enough.
func (a *Autoscaler) fewer(now time.Duration, need, have int) int {
	if a.lower == 0 {
		a.lower, a.least = now, need
	}
	a.least = max(a.least, need)
	if now-a.lower < a.settings.In || a.least >= have {
		return have
	}
	a.lower = 0
	return have - 1
}

// Meter measures which share of an instance's slots was busy between two looks.
// The zero value is ready.
type Meter struct{ at, busy time.Duration }

// Share returns the busy share since the last look, given all slot time so far.
func (m *Meter) Share(now, busy time.Duration, slots int) float64 {
	share := 0.0
	if span := float64(now-m.at) * float64(slots); span > 0 {
		share = min(1, max(0, float64(busy-m.busy)/span))
	}
	m.at, m.busy = now, busy
	return share
}
