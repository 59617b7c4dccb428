// Package track holds the four tracks: one system each, from its requirements
// with numbers through an estimate, a diagram, the lab and the exercises to the
// interview.
package track

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"

	"gopkg.in/yaml.v3"
)

//go:embed *.yaml
var files embed.FS

// Path is where a site serves the tracks.
const Path = "/tracks/"

// Track is the way through one system.
type Track struct {
	Name         string        `yaml:"name"` // login, feed, orders or notify, as questions and exercises name it
	Title        string        `yaml:"title"`
	Story        string        `yaml:"story"`
	Requirements []Requirement `yaml:"requirements"`
	Estimate     Estimate      `yaml:"estimate"` // the numbers that the calculator begins with
	Diagram      []Box         `yaml:"diagram"`  // in the order in which a request meets them
	Hazards      []Hazard      `yaml:"hazards"`
	Exercises    []string      `yaml:"exercises"` // slugs
	MustSay      []string      `yaml:"must_say"`  // what an interviewer waits for
}

// Requirement is one line of the task, with its number.
type Requirement struct {
	What   string `yaml:"what"`
	Number string `yaml:"number"`
}

// Box is one part of the architecture.
type Box struct {
	Title string `yaml:"title"`
	Note  string `yaml:"note"` // why it is there
}

// Hazard is something that goes wrong in this system, and the run that shows it.
type Hazard struct {
	Title    string   `yaml:"title"`
	Text     string   `yaml:"text"`
	Scenario string   `yaml:"scenario"` // of the lab, which plays the hazard on its own service
	Flags    []string `yaml:"flags"`    // what helps
	Trial    string   `yaml:"trial"`    // that shows it on the parts themselves; empty: none does
}

// Estimate is what a capacity is worked out from.
type Estimate struct {
	Users    float64 `yaml:"users"`      // a day
	PerUser  float64 `yaml:"per_user"`   // requests of one of them a day
	Peak     float64 `yaml:"peak"`       // times the mean
	Millis   float64 `yaml:"ms"`         // in service, each
	PerBox   float64 `yaml:"per_box"`    // requests that one instance works on at once
	Headroom float64 `yaml:"busy_share"` // how busy an instance may be at the peak, as a share
}

// Need is what an estimate comes to.
type Need struct {
	Mean      float64 // requests a second
	Peak      float64 // requests a second
	Inside    float64 // at once, at the peak: Little's law
	PerBox    float64 // requests a second that one instance can do
	Instances float64 // at the peak, with headroom, and one more for a failure
}

const day = 24 * 3600 // s

// Check says which number of an estimate cannot be.
func (e Estimate) Check() error {
	var faults []error
	between := func(name string, v, lo, hi float64) {
		if !(v >= lo && v <= hi) {
			faults = append(faults, fmt.Errorf("%s is %g, want %g to %g", name, v, lo, hi))
		}
	}
	between("users", e.Users, 1, 1e10)
	between("per_user", e.PerUser, 0.001, 1e5)
	between("peak", e.Peak, 1, 1000)
	between("ms", e.Millis, 0.01, 600_000)
	between("per_box", e.PerBox, 1, 1e6)
	between("busy_share", e.Headroom, 0.05, 0.95)
	return errors.Join(faults...)
}

// Work works the estimate out: Little's law, and enough instances that one may
// fail at the peak. Its numbers must pass Check.
func (e Estimate) Work() Need {
	n := Need{Mean: e.Users * e.PerUser / day}
	n.Peak = n.Mean * e.Peak
	n.Inside = n.Peak * e.Millis / 1000
	n.PerBox = e.PerBox * 1000 / e.Millis
	n.Instances = math.Ceil(n.Peak/(n.PerBox*e.Headroom)) + 1
	return n
}

// All returns the tracks in their order. Its error joins what is wrong with any.
func All() ([]Track, error) {
	var out []Track
	var faults []error
	for _, name := range []string{"login", "feed", "orders", "notify"} {
		src, err := fs.ReadFile(files, name+".yaml")
		if err != nil {
			return nil, err
		}
		var t Track
		if err := yaml.Unmarshal(src, &t); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", path.Join("docs/track", name+".yaml"), err))
			continue
		}
		if t.Name != name || t.Title == "" || len(t.Requirements) == 0 || len(t.Diagram) == 0 || len(t.Hazards) == 0 || len(t.Exercises) == 0 || len(t.MustSay) == 0 {
			faults = append(faults, fmt.Errorf("docs/track/%s.yaml: a part is empty, or the name is another", name))
		}
		if err := t.Estimate.Check(); err != nil {
			faults = append(faults, fmt.Errorf("docs/track/%s.yaml: estimate: %w", name, err))
		}
		out = append(out, t)
	}
	return out, errors.Join(faults...)
}
