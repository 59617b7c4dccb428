package scenario

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// By these names flags and claims speak of what stands before the instances,
// which is no pattern: "--set=balancer.picker=two-choices".
const (
	balancerName   = "balancer"
	autoscalerName = "autoscaler"
)

// frontend takes what an override says of balancer, autoscaler and alert into the
// scenario, and returns the override without it.
func (o Override) frontend(spec Spec) (Spec, Override, error) {
	var faults []error
	toggles := make(map[string]Toggle, len(o.Patterns))
	for name, t := range o.Patterns {
		switch name {
		case balancerName:
			if t.State != nil {
				faults = append(faults, &PartError{name, fmt.Errorf("got %v, want its settings: there is always one; --set=balancer.KNOB=VALUE", *t.State), name})
			}
			s, err := spec.Balancer.WithDefaults().Apply(t.Knobs)
			if err != nil {
				faults = append(faults, &PartError{name, err, name})
				continue
			}
			spec.Balancer = s
		case autoscalerName:
			s, err := spec.Autoscaler.WithDefaults().Apply(scalingChanges(t))
			if t.State != nil && *t.State == lab.Shadow {
				err = errors.Join(err, errors.New("got shadow, want on or off"))
			}
			if err != nil {
				faults = append(faults, &PartError{name, err, name})
				continue
			}
			spec.Autoscaler = s
		case alertName:
			var err error
			if spec, err = spec.alertAt(t); err != nil {
				faults = append(faults, err)
			}
		default:
			toggles[name] = t
		}
	}
	if len(toggles) < len(o.Patterns) {
		o.Patterns = toggles
	}
	return spec, o, errors.Join(faults...)
}

// scalingChanges returns a toggle as settings of the autoscaler.
func scalingChanges(t Toggle) map[string]any {
	out := map[string]any{}
	for name, v := range t.Knobs {
		out[name] = v
	}
	if t.State != nil {
		out["on"] = *t.State == lab.On
	}
	return out
}

// instances checks what instances can do and how they are used.
func (c *checker) instances() {
	s := c.spec
	if i := s.Instance; i.Gate != (Gate{}) {
		c.gate("instance", i.Gate)
	}
	i := s.Instance
	c.that(i.Start >= 0 && i.Start <= maxGateTime, "instance.start", i.Start, fmt.Sprintf("0s (the default, %v) to %v", DefaultStart, maxGateTime))
	c.that(i.Warmup >= 0 && i.Warmup <= 10*time.Minute, "instance.warmup", i.Warmup, "0s to 10m")
	if i.Warmup > 0 {
		c.that(i.Limited(), "instance.warmup", i.Warmup, "slots and service beside it: only what takes time can take longer")
		c.that(i.ColdFactor >= 1 && i.ColdFactor <= maxFactor, "instance.cold_factor", i.ColdFactor, fmt.Sprintf("1 to %d", maxFactor))
	} else {
		c.that(i.ColdFactor == 0, "instance.cold_factor", i.ColdFactor, "a warmup beside it")
	}
	c.part("balancer", s.Balancer.WithDefaults().Check())
	c.part("autoscaler", s.Autoscaler.WithDefaults().Check())
	if s.Autoscaler.On && s.Autoscaler.Metric == "utilisation" {
		c.that(i.Limited(), "autoscaler.metric", s.Autoscaler.Metric, "an instance with slots and service beside it, or the metric in-flight")
	}
	for n, r := range s.Resize {
		path := fmt.Sprintf("resize[%d]", n)
		c.that(r.At >= 0 && r.At < s.Traffic.Duration(), path+".at", r.At, "an instant of the run, which lasts "+s.Traffic.Duration().String())
		c.that(r.Instances >= 1 && r.Instances <= maxInstances, path+".instances", r.Instances, fmt.Sprintf("1 to %d", maxInstances))
		c.that(!s.Autoscaler.On, path, "a change by hand", "no autoscaler beside it: it would undo it")
	}
}

// ofInstance checks a fault of one instance's work.
func (c *checker) ofInstance(path string, f Fault) {
	if f.Name == "instance-slow" || f.Name == "instance-error" {
		c.that(c.spec.Instance.Limited(), path+".name", strconv.Quote(f.Name), "an instance with slots and service beside it: its own work is what goes wrong")
	}
}

// part notes the wrong settings of a part, each at its own line.
func (c *checker) part(path string, err error) {
	switch e := err.(type) {
	case nil:
	case *knob.Error:
		c.fault(join(path, e.Knob), e.Got, e.Want)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			c.part(path, inner)
		}
	default:
		c.fault(path, err.Error(), "settings that go together")
	}
}

// frontend checks a setting of balancer, autoscaler or alert that a claim depends on:
// it must be written as the report writes it.
func (c *checker) frontend(path, name, word, value string) {
	var knobs []knob.Info
	var err error
	switch name {
	case balancerName:
		s, wrong := c.spec.Balancer.WithDefaults().Apply(map[string]any{word: value})
		knobs, err = s.Knobs(), wrong
	case alertName:
		s, wrong := c.spec.Alert.Apply(map[string]any{word: value})
		knobs, err = s.Knobs(), wrong
	default:
		s, wrong := c.spec.Autoscaler.WithDefaults().Apply(map[string]any{word: value})
		knobs, err = s.Knobs(), wrong
	}
	if err != nil {
		c.part(strings.TrimSuffix(path, "."+word), err)
		return
	}
	for _, info := range knobs {
		if info.Name == word {
			c.that(info.Value == value, path, strconv.Quote(value), strconv.Quote(info.Value))
		}
	}
}
