package scenario

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Standing is a fault that is there from a run's start to its end, as flags and
// links write it: "gate-slow", "instance-kill:target=b", "gate-error:share=0.3".
// Its names are those of the lab's switches. What is not said is the switch's
// own measure.
type Standing struct {
	Name   string
	Target string // of an instance's fault: which; empty: the last
	Factor float64
	Share  float64
	By     time.Duration
}

// What a fault does when nobody says how much.
const (
	SlowBy          = 5.0                    // times
	ErrorIn         = 0.5                    // share of the answers
	DelayBy         = 100 * time.Millisecond // more on the way
	InstanceSlowBy  = 10.0
	InstanceErrorIn = 1.0
)

// standingTerms returns what can be said of a fault that can stand; nil, false:
// there is none of that name.
func standingTerms(name string) ([]string, bool) {
	switch name {
	case "gate-slow", "provider-slow":
		return []string{"factor"}, true
	case "gate-error", "provider-error":
		return []string{"share"}, true
	case "gate-delay", "provider-delay", "replica-lag":
		return []string{"by"}, true
	case "gate-hang", "provider-hang", "cache-down", "broker-down":
		return nil, true
	case "instance-slow":
		return []string{"target", "factor"}, true
	case "instance-error":
		return []string{"target", "share"}, true
	case "instance-kill":
		return []string{"target"}, true
	}
	return nil, false
}

// StandingNames lists the faults that can stand.
func StandingNames() []string {
	return []string{
		"gate-slow", "gate-error", "gate-delay", "gate-hang", "provider-slow", "provider-error", "provider-delay", "provider-hang",
		"instance-slow", "instance-error", "instance-kill", "cache-down", "replica-lag", "broker-down",
	}
}

// ParseStanding reads a fault as String writes it.
func ParseStanding(text string) (Standing, error) {
	wrong := func(want string) error { return &FlagError{"fault", shorten(text), want} }
	name, rest, told := strings.Cut(text, ":")
	terms, ok := standingTerms(name)
	switch {
	case name == "cache-flush" || name == "worker-crash" || name == "poison":
		return Standing{}, wrong("a fault that lasts: this one happens in an instant; " + unknown("", StandingNames()))
	case !ok:
		return Standing{}, wrong(unknown(name, StandingNames()))
	case told && rest == "":
		return Standing{}, wrong("a term after the colon, or none: " + name)
	}
	s := Standing{Name: name}
	for one := range strings.SplitSeq(rest, ",") {
		if !told {
			break
		}
		term, value, _ := strings.Cut(one, "=")
		if !slices.Contains(terms, term) {
			return Standing{}, wrong(fmt.Sprintf("%s with no term but %s", name, strings.Join(terms, ", ")))
		}
		if want := s.set(term, value); want != "" {
			return Standing{}, wrong(name + ":" + term + "= with " + want)
		}
	}
	return s, nil
}

// set takes one term, or returns what would be right.
func (s *Standing) set(term, value string) (want string) {
	number := func(lo, hi float64) (float64, string) {
		x, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(x) || x < lo || x > hi {
			return 0, fmt.Sprintf("a number from %g to %g", lo, hi)
		}
		return x, ""
	}
	switch term {
	case "target":
		if len(value) != 1 || value[0] < 'a' || value[0] >= 'a'+maxInstances {
			return fmt.Sprintf("an instance from a to %c", 'a'+maxInstances-1)
		}
		s.Target = value
	case "factor":
		s.Factor, want = number(1, maxFactor)
	case "share":
		s.Share, want = number(0.001, 1)
	case "by":
		d, err := time.ParseDuration(value)
		if err != nil || d < time.Millisecond || d > maxGateTime {
			return fmt.Sprintf("a duration from 1ms to %v", maxGateTime)
		}
		s.By = d
	}
	return want
}

// String writes the fault as ParseStanding reads it.
func (s Standing) String() string {
	var terms []string
	if s.Target != "" {
		terms = append(terms, "target="+s.Target)
	}
	if s.Factor != 0 {
		terms = append(terms, "factor="+strconv.FormatFloat(s.Factor, 'g', -1, 64))
	}
	if s.Share != 0 {
		terms = append(terms, "share="+strconv.FormatFloat(s.Share, 'g', -1, 64))
	}
	if s.By != 0 {
		terms = append(terms, "by="+s.By.String())
	}
	if len(terms) == 0 {
		return s.Name
	}
	return s.Name + ":" + strings.Join(terms, ",")
}

// Fits returns why a scenario cannot have the fault, or nil.
func (s Standing) Fits(spec Spec) error {
	wrong := func(want string) error { return &FlagError{"fault", s.String(), want} }
	switch {
	case strings.HasPrefix(s.Name, "provider-") && spec.Provider.Slots == 0:
		return wrong("a fault of what scenario " + spec.Name + " has: it has no provider")
	case (s.Name == "instance-slow" || s.Name == "instance-error") && !spec.Instance.Limited():
		return wrong("a fault of what scenario " + spec.Name + " has: its instances have no capacity of their own")
	case s.Target != "" && int(s.Target[0]-'a') >= spec.Begin():
		return wrong(fmt.Sprintf("an instance from a to %c: there are %d", 'a'+spec.Begin()-1, spec.Begin()))
	case s.Name == "broker-down" && spec.System != "orders":
		return wrong("a fault of what scenario " + spec.Name + " has: it has no broker")
	}
	return nil
}

// fault returns s as a scenario's fault for so long; false: a scenario has no
// such fault.
func (s Standing) fault(run time.Duration) (Fault, bool) {
	f := Fault{For: run, Factor: s.Factor, Share: s.Share, By: s.By, Target: s.Target, Standing: true}
	either := func(v *float64, otherwise float64) {
		if *v == 0 {
			*v = otherwise
		}
	}
	switch s.Name {
	case "cache-down", "instance-slow", "instance-error":
		f.Name = s.Name
	case "instance-kill":
		f.Name = "kill"
	case "replica-lag", "broker-down":
		return Fault{}, false
	default:
		f.Target, f.Name, _ = strings.Cut(s.Name, "-")
	}
	switch s.Name {
	case "instance-slow":
		either(&f.Factor, InstanceSlowBy)
	case "instance-error":
		either(&f.Share, InstanceErrorIn)
	case "gate-slow", "provider-slow":
		either(&f.Factor, SlowBy)
	case "gate-error", "provider-error":
		either(&f.Share, ErrorIn)
	case "gate-delay", "provider-delay":
		if f.By == 0 {
			f.By = DelayBy
		}
	}
	return f, true
}

// stand adds a fault to what an override has, or says that it is there already.
func (o *Override) stand(s Standing) error {
	if slices.ContainsFunc(o.Faults, func(f Standing) bool { return f.Name == s.Name && f.Target == s.Target }) {
		return &FlagError{"fault", s.String(), "each fault once"}
	}
	o.Faults = append(o.Faults, s)
	return nil
}

// setStage takes one flag of how many instances there are, how much traffic, and
// which faults.
func (o *Override) setStage(flag, value string, wrong func(want string) error) error {
	switch flag {
	case "instances":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxInstances {
			return wrong(fmt.Sprintf("a whole number from 1 to %d", maxInstances))
		}
		o.Instances = n
	case "traffic":
		x, err := strconv.ParseFloat(value, 64)
		if err != nil || !(x >= 0 && x <= maxTraffic) {
			return wrong(fmt.Sprintf("a number from 0 to %d", maxTraffic))
		}
		o.Traffic = &x
	case "fault":
		s, err := ParseStanding(value)
		if err != nil {
			return err
		}
		return o.stand(s)
	}
	return nil
}

// staged takes into a scenario how many instances it begins with, how much more
// traffic there is, and which faults stand.
func (o Override) staged(spec Spec) (Spec, Override, []error) {
	var faults []error
	if o.Instances > 0 {
		spec.Instances = o.Instances
		spec.Faults = slices.Clone(spec.Faults)
		for i := range spec.Faults { // one that strikes an instance that is not there strikes the last
			f := &spec.Faults[i]
			if ofInstances(f.Name) && f.Target != "" && int(f.Target[0]-'a') >= o.Instances {
				f.Target = ""
			}
		}
	}
	if o.Traffic != nil {
		spec.Traffic = spec.Traffic.Scale(*o.Traffic)
	}
	for _, s := range o.Faults {
		f, ok := s.fault(spec.Traffic.Duration())
		if err := s.Fits(spec); err != nil {
			faults = append(faults, err)
			continue
		}
		if !ok {
			faults = append(faults, &FlagError{"fault", s.String(), "a fault that a scenario can have: this one is in the lab of a browser alone"})
			continue
		}
		spec.Faults = append(slices.Clip(spec.Faults), f)
	}
	o.Instances, o.Traffic, o.Faults = 0, nil, nil
	return spec, o, faults
}

func ofInstances(fault string) bool {
	return fault == "kill" || fault == "instance-slow" || fault == "instance-error"
}

// FlagError is one wrong flag: which, what was given and what to give.
type FlagError struct{ Flag, Got, Want string }

// Error implements error.
func (e *FlagError) Error() string {
	return fmt.Sprintf("flag --%s: got %q, want %s", e.Flag, e.Got, e.Want)
}

// PartError is what is wrong with the settings of one part: a pattern, balancer,
// autoscaler or alert. Beneath it are the wrong settings, as knob.Errors.
type PartError struct {
	Part  string
	Err   error
	label string
}

// Error implements error.
func (e *PartError) Error() string { return e.label + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *PartError) Unwrap() error { return e.Err }
