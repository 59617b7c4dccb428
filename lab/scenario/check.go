package scenario

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"workbench/lab/fleet"
	"workbench/lab/gate"
	"workbench/sim/arrival"
	"workbench/sim/dist"
	"workbench/sim/load"
)

// The bounds of a scenario file.
const (
	maxInstances = fleet.MaxInstances
	maxText      = 1000 // characters of a story
	maxTitle     = 80
	maxRetries   = 20
	maxLiveScale = 20
	maxFactor    = 1000 // of a slow dependency
	maxGateTime  = time.Minute
)

// word is what names are made of: they stand in flags, URLs and labels.
var word = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// checker collects what is wrong with a spec.
type checker struct {
	spec   *Spec
	faults []error
}

func (c *checker) fault(path, got, want string) {
	c.faults = append(c.faults, c.spec.src.fault(path, got, want))
}

// that notes a fault unless ok.
func (c *checker) that(ok bool, path string, got any, want string) {
	if !ok {
		c.fault(path, shorten(fmt.Sprint(got)), want)
	}
}

// adopt notes the faults that another package found under path. Those that
// read "FIELD is GOT, want WANT" keep their field.
func (c *checker) adopt(path string, err error) {
	if err == nil {
		return
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			c.adopt(path, e)
		}
		return
	}
	if m := foreign.FindStringSubmatch(err.Error()); m != nil {
		field := m[1]
		if m[2] != "" {
			field += "." + m[2]
		}
		c.fault(join(path, field), m[3], m[4])
		return
	}
	c.fault(path, shorten(err.Error()), "a value that fits")
}

var foreign = regexp.MustCompile(`^([a-z_.]+(?:\[\d+\])?)(?:: ([a-z_]+))? is (.+), want (.+)$`)

// check reports everything that is wrong with s by itself.
func (s *Spec) check() error {
	c := &checker{spec: s}
	c.words()
	c.gates()
	c.instances()
	c.alert()
	c.traffic()
	c.clients()
	c.breakage()
	c.claims()
	c.predict()
	c.ablation()
	for _, name := range sortedKeys(s.Variants) {
		path := join("variants", name)
		c.that(word.MatchString(name) && len(name) <= maxTitle, path, strconv.Quote(name), "a name of small letters, digits and dashes")
	}
	return errors.Join(c.faults...)
}

func (c *checker) words() {
	s := c.spec
	c.that(word.MatchString(s.Name) && len(s.Name) <= maxTitle, "name", strconv.Quote(s.Name), "a name of small letters, digits and dashes, such as slow-dependency")
	for _, f := range []struct {
		path, text string
		most       int
	}{{"title", s.Title, maxTitle}, {"story", s.Story, maxText}, {"lesson", s.Lesson, maxText}} {
		c.that(len(f.text) <= f.most, f.path, fmt.Sprintf("%d bytes", len(f.text)), fmt.Sprintf("at most %d", f.most))
	}
	c.that(s.Instances >= 1 && s.Instances <= maxInstances, "instances", s.Instances, fmt.Sprintf("1 to %d", maxInstances))
	c.that(s.LiveScale >= MinScale && s.LiveScale <= maxLiveScale, "live_scale", s.LiveScale, fmt.Sprintf("%g to %d", MinScale, maxLiveScale))
}

func (c *checker) gates() {
	c.gate("gate", c.spec.Gate)
	if p := c.spec.Provider; p != (Gate{}) {
		c.gate("provider", p)
	}
	if p := c.spec.Second; p != (Gate{}) {
		c.gate("second", p)
		c.that(c.spec.Provider.Slots > 0, "second", "no provider before it", "a provider too, which it stands in for")
	}
}

func (c *checker) gate(path string, g Gate) {
	c.that(g.Slots >= 1 && g.Slots <= gate.MaxSlots, path+".slots", g.Slots, fmt.Sprintf("1 to %d", gate.MaxSlots))
	c.that(g.Service >= time.Microsecond && g.Service <= maxGateTime, path+".service", g.Service, fmt.Sprintf("1µs to %v", maxGateTime))
	c.that(g.RTT >= 0 && g.RTT <= maxGateTime, path+".rtt", g.RTT, fmt.Sprintf("0s to %v", maxGateTime))
	c.that(g.Backlog >= 0 && g.Backlog <= gate.MaxBacklog, path+".backlog", g.Backlog, fmt.Sprintf("0 to %d", gate.MaxBacklog))
	laws := []string{dist.Constant, dist.Exponential, dist.Lognormal, dist.Gamma, dist.Pareto, dist.Hyperexponential}
	if g.Law != "" && !slices.Contains(laws, g.Law) {
		c.fault(path+".law", strconv.Quote(shorten(g.Law)), unknown(g.Law, laws))
		return
	}
	if _, err := dist.NewLaw(g.Law, max(g.Service, 0), g.SCV); err != nil {
		c.fault(path+".scv", fmt.Sprint(g.SCV), "a squared coefficient of variation that the law can have: "+err.Error())
	}
}

func (c *checker) traffic() {
	s := c.spec
	c.that(len(s.Traffic) > 0, "traffic", "no phase", "at least one, such as {for: 60s, kind: steady, rate: 500}")
	for i, p := range s.Traffic {
		path := fmt.Sprintf("traffic[%d]", i)
		c.that(p.For > 0 && p.For <= load.MaxDuration, path+".for", p.For, fmt.Sprintf("more than 0s and at most %v", load.MaxDuration))
		c.adopt(path, p.Shape.Validate())
	}
	if d := s.Traffic.Duration(); d > load.MaxDuration {
		c.fault("traffic", d.String()+" in all", fmt.Sprintf("at most %v", load.MaxDuration))
	}
	if kinds := arrival.Processes(); s.Arrivals != "" && !slices.Contains(kinds, s.Arrivals) {
		c.fault("arrivals", strconv.Quote(shorten(s.Arrivals)), unknown(s.Arrivals, kinds))
	}
}

// clients also refuses what the client-side patterns set: it would do nothing.
func (c *checker) clients() {
	k := c.spec.Clients
	c.that(k.Timeout == 0 || k.Timeout >= time.Millisecond && k.Timeout <= load.MaxDuration, "clients.timeout", k.Timeout, fmt.Sprintf("1ms to %v", load.MaxDuration))
	c.that(k.Retries >= 0 && k.Retries <= maxRetries, "clients.retries", k.Retries, fmt.Sprintf("0 to %d", maxRetries))
	c.that(k.ReadBps >= 0, "clients.read_bps", k.ReadBps, "0 (as fast as they come) or more bytes a second")
	c.that(k.Budget == 0, "clients.budget", k.Budget, "it under patterns: client-budget: {state: on, knobs: {share: …}}")
	c.that(k.Backoff == 0 && k.BackoffCap == 0 && !k.Jitter && !k.RetryAfter, "clients.backoff", "a habit of waiting",
		"it under patterns: client-backoff: {state: on, knobs: {base: …, cap: …, jitter: …, retry_after: …}}")
}

// faultNames lists what can go wrong.
var faultNames = [...]string{"slow", "error", "hang", "kill", "cache-down", "cache-flush", "delay", "instance-slow", "instance-error"}

func (c *checker) breakage() {
	s := c.spec
	for i, f := range s.Faults {
		path := fmt.Sprintf("faults[%d]", i)
		if !slices.Contains(faultNames[:], f.Name) {
			c.fault(path+".name", strconv.Quote(shorten(f.Name)), unknown(f.Name, faultNames[:]))
			continue
		}
		c.that(f.At >= 0 && f.At < s.Traffic.Duration(), path+".at", f.At, "an instant of the run, which lasts "+s.Traffic.Duration().String())
		c.that(f.For >= 0 && f.For <= load.MaxDuration, path+".for", f.For, fmt.Sprintf("0s to %v", load.MaxDuration))
		c.that(f.For > 0 || f.Name == "cache-flush", path+".for", f.For, "how long it lasts")
		c.ofInstance(path, f)
		c.only(f.Name == "slow" || f.Name == "instance-slow", path+".factor", f.Factor, 1, maxFactor, f.Name)
		c.only(f.Name == "error" || f.Name == "instance-error", path+".share", f.Share, 0.001, 1, f.Name)
		c.only(f.Name == "delay", path+".by", f.By.Seconds(), 0.001, maxGateTime.Seconds(), f.Name)
		if targets := s.targets(f.Name); f.Target != "" && !slices.Contains(targets, f.Target) {
			c.fault(path+".target", strconv.Quote(shorten(f.Target)), unknown(f.Target, targets))
		}
	}
}

// only checks a field that one fault needs and the others must not have.
func (c *checker) only(needed bool, path string, v, lo, hi float64, name string) {
	switch {
	case needed && !(v >= lo && v <= hi):
		c.fault(path, fmt.Sprint(v), fmt.Sprintf("%g to %g", lo, hi))
	case !needed && v != 0:
		c.fault(path, fmt.Sprint(v), "nothing: fault "+name+" has none")
	}
}

// targets lists what a fault may strike; its absence means the first.
func (s *Spec) targets(fault string) []string {
	switch fault {
	case "cache-down", "cache-flush":
		return []string{"cache"}
	case "kill", "instance-slow", "instance-error":
		var out []string
		for i := range min(max(s.Instances, 1), maxInstances) {
			out = append(out, string(rune('a'+i)))
		}
		return out
	}
	if s.Provider.Slots > 0 {
		return []string{"gate", "provider"}
	}
	return []string{"gate"}
}
