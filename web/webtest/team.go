package webtest

import (
	"context"
	"errors"
	"fmt"

	"workbench/lab/fleet"
	"workbench/lab/live"
)

// front is what stands before the stand-in's instances.
type front struct {
	count    int
	down     map[string]bool
	balancer fleet.Settings
	scaling  fleet.Scaling
}

func newFront() front {
	return front{count: 2, down: map[string]bool{}, balancer: fleet.Defaults(), scaling: fleet.DefaultScaling()}
}

// team adds the instances to a state.
func (l *Lab) team(s *live.State) {
	f := l.front
	for i := range f.count {
		name := string(rune('a' + i))
		one := live.InstanceState{Name: name, Addr: fmt.Sprintf("127.0.0.1:%d", 9000+i), State: "up", Inflight: 3, Share: 1 / float64(f.count), Weight: 1}
		if f.down[name] || name == "b" && l.fault("instance-kill") {
			one.State, one.Inflight, one.Share = "down", 0, 0
		}
		s.Instances = append(s.Instances, one)
		if i >= 2 {
			s.Nodes = append(s.Nodes, live.Node{ID: name, Kind: "instance", Title: "Service " + name, Up: one.State == "up"})
		}
	}
	s.Balancer = live.PartState{Note: f.balancer.Text(), Knobs: f.balancer.Knobs(), Counters: map[string]uint64{"sessions_lost": 0}}
	s.Autoscaler = live.PartState{Note: f.scaling.Text(), Knobs: f.scaling.Knobs()}
}

// SetInstances implements web.Lab.
func (l *Lab) SetInstances(_ context.Context, c live.InstancesChange) (live.State, error) {
	return l.change(func() (string, error) {
		if c.Count == nil || *c.Count < 1 || *c.Count > fleet.MaxInstances {
			return "", field("count", "another", "a number from 1 to 8")
		}
		was := l.front.count
		l.front.count = *c.Count
		return fmt.Sprintf("instances %d → %d", was, *c.Count), nil
	})
}

// SetInstance implements web.Lab.
func (l *Lab) SetInstance(_ context.Context, name string, c live.InstanceChange) (live.State, error) {
	return l.change(func() (string, error) {
		if len(name) != 1 || name[0] < 'a' || int(name[0]-'a') >= l.front.count {
			return "", fmt.Errorf("%w: instance %q", live.ErrUnknown, name)
		}
		if c.State != "up" && c.State != "down" && c.State != "draining" {
			return "", field("state", c.State, "up, draining or down")
		}
		l.front.down[name] = c.State == "down"
		return "instance " + name + " " + c.State, nil
	})
}

// SetBalancer implements web.Lab.
func (l *Lab) SetBalancer(_ context.Context, c live.PartChange) (live.State, error) {
	return l.change(func() (string, error) {
		s, err := l.front.balancer.Apply(c.Knobs)
		if err != nil {
			return "", errors.Join(live.ErrInvalid, err)
		}
		l.front.balancer = s
		return "balancer set", nil
	})
}

// SetAutoscaler implements web.Lab.
func (l *Lab) SetAutoscaler(_ context.Context, c live.PartChange) (live.State, error) {
	return l.change(func() (string, error) {
		s, err := l.front.scaling.Apply(c.Knobs)
		if err != nil {
			return "", errors.Join(live.ErrInvalid, err)
		}
		l.front.scaling = s
		return "autoscaler set", nil
	})
}
