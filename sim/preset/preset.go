// Package preset holds named loads: published measurements of real services,
// each with its source, and the generic shapes that every service meets.
//
// A preset is data. Rates are as published, however large; Fit brings them to
// what a machine can send. Figures that are quoted from memory, and not read
// again in their source, or that the source leaves open and we assume, mark the
// preset as Unverified and are named in Doubt.
package preset

import (
	"fmt"
	"time"

	"workbench/sim/arrival"
	"workbench/sim/load"
	"workbench/sim/population"
)

// Preset is one named load.
type Preset struct {
	Name       string // as on the command line and in links
	Title      string
	Story      string // what happened, what the figures stand for, and what to look for
	Source     string // where the figures come from; "generic" for shapes that are not a measurement
	Unverified bool   // some figures are quoted from memory or assumed
	Doubt      string // which ones; empty unless Unverified
	Arrivals   string // kind of process; empty means poisson
	Schedule   arrival.Schedule
	Population population.Spec // Mix names the operations of the source; see Ops
	Client     load.Client
	Lifetimes  []Lifetime // of cached items, where the source gives them
}

// Lifetime is how long a share of the cached items lives. With Until above For
// lifetimes are spread evenly between the two.
type Lifetime struct {
	For, Until time.Duration
	Share      float64
}

// Ops returns the names of the operations that the preset's mix asks for, in
// the mix's order; nil when it leaves that to the service.
func (p Preset) Ops() []string {
	var names []string
	for _, w := range p.Population.Mix {
		names = append(names, w.Op)
	}
	return names
}

// Fit returns the preset's schedule with the rates multiplied by scale, the
// largest number of at most 1 that keeps them within rate requests a second.
func (p Preset) Fit(rate float64) (s arrival.Schedule, scale float64) {
	scale = 1
	if top := p.Schedule.Max(); top > rate {
		scale = max(rate, 0) / top
	}
	return p.Schedule.Scale(scale), scale
}

// Presets returns every preset: the generic ones first, then those measured.
func Presets() []Preset {
	all := generic()
	all = append(all, crowds()...)
	all = append(all, caches()...)
	return all
}

// Find returns the preset of a name, and an error that lists the names when
// there is none.
func Find(name string) (Preset, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Preset{}, fmt.Errorf("unknown preset %q, want one of %v", name, names)
}

// one returns a schedule of one phase.
func one(d time.Duration, s arrival.Shape) arrival.Schedule {
	return arrival.Schedule{{For: d, Shape: s}}
}

// patient is how users of a preset that says nothing of them behave: they wait
// two seconds and go away.
func patient() load.Client { return load.Client{Timeout: 2 * time.Second} }
