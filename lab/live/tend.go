package live

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"workbench/lab/fleet"
)

// beat is how often instances are looked after.
const beat = 100 * time.Millisecond

// tend looks after the instances until the run ends: they warm up, the
// autoscaler decides, and what the balancer thinks of them is told.
func (r *run) tend() {
	for r.clock.Wait(r.ctx, r.clock.Now()+beat) == nil {
		now := r.clock.Now()
		for _, m := range r.members() {
			if m.age(now) <= r.spec.Instance.Warmup+2*beat {
				if err := r.warm(m, now); err != nil {
					r.lab.cfg.Log.Error("instance not warmed", "instance", m.name, "error", err)
				}
			}
		}
		r.tendGuests()
		if text := r.autoscale(now); text != "" {
			r.noted("autoscaler: "+text, nil)
		}
		for _, text := range r.changed() {
			r.noted(text, nil)
		}
	}
}

func (m *member) age(now time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return now - m.began
}

// autoscale lets the autoscaler decide when it is due.
func (r *run) autoscale(now time.Duration) string {
	r.mu.Lock()
	due := r.scaler.Due(now) && r.phase == running
	r.mu.Unlock()
	if !due {
		return ""
	}
	var l fleet.Load
	t := r.team.Load()
	l.Starting = len(t.cold)
	inside := map[string]int{}
	for _, s := range r.front.Stats() {
		inside[s.Name] = s.Inflight
	}
	for _, m := range t.staying() {
		if !m.server.Up() {
			l.Starting++ // it is paid for and does not serve
			continue
		}
		l.Ready++
		l.Inflight += inside[m.name]
		if m.cpu != nil {
			s := m.cpu.Stats()
			l.Busy += m.meter.Share(now, s.BusyTime, s.Slots)
		}
	}
	r.loadGuests(&l, inside)
	l.Busy /= float64(max(1, l.Ready))
	r.mu.Lock()
	want := r.scaler.Decide(now, l)
	r.mu.Unlock()
	return r.resize(max(1, want-r.lab.house.count()))
}

// changed says what the balancer has come to think of instances since the last
// look.
func (r *run) changed() []string {
	var out []string
	stats := r.front.Stats()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range stats {
		was := r.notices[s.Name]
		if was == s.State || s.State == "draining" {
			continue
		}
		r.notices[s.Name] = s.State
		switch {
		case s.State == "ejected":
			out = append(out, fmt.Sprintf("instance %s ejected: %s", s.Name, s.Why))
		case s.State == "unhealthy":
			out = append(out, "instance "+s.Name+" fails its health checks")
		case s.State == "up" && (was == "ejected" || was == "unhealthy"):
			out = append(out, "instance "+s.Name+" gets requests again")
		}
	}
	return out
}

// armResizes lets each of the scenario's changes by hand happen at its time.
func (r *run) armResizes(ctx context.Context, start time.Duration) {
	for _, c := range r.spec.Resize {
		r.owned.Go(func() {
			if r.clock.Wait(ctx, start+c.At) == nil {
				r.noted(r.resize(c.Instances), nil)
			}
		})
	}
}

// resettle brings the number of instances back to what it was before an event
// that changed it by hand.
func (r *run) resettle() {
	if len(r.spec.Resize) > 0 {
		r.mu.Lock()
		wanted := r.wanted
		r.mu.Unlock()
		r.noted(r.resize(wanted), nil)
	}
}

// scaling returns how the autoscaler decides.
func (r *run) scaling() fleet.Scaling {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.scaler.Settings()
}

// InstancesChange is the body of PUT /api/lab/instances.
type InstancesChange struct {
	Count *int `json:"count"`
}

// SetInstances changes how many instances there are: new ones start, and those
// that are too many leave when they have finished.
func (l *Lab) SetInstances(_ context.Context, c InstancesChange) (State, error) {
	return l.alter(func(r *run) (string, error) {
		switch {
		case c.Count == nil:
			return "", &FieldError{Field: "count", Got: "nothing", Want: fmt.Sprintf("a number from 1 to %d", fleet.MaxInstances)}
		case *c.Count < 1 || *c.Count > fleet.MaxInstances:
			return "", &FieldError{Field: "count", Got: fmt.Sprint(*c.Count), Want: fmt.Sprintf("a number from 1 to %d", fleet.MaxInstances)}
		case r.scaling().On:
			return "", fmt.Errorf("%w: the autoscaler decides how many instances there are; switch it off first", ErrConflict)
		}
		joined := l.house.count()
		if *c.Count <= joined {
			return "", &FieldError{Field: "count", Got: fmt.Sprint(*c.Count), Want: fmt.Sprintf("a number from %d to %d: %d instances are processes of their own, which end by themselves, and one of the lab's own stays", joined+1, fleet.MaxInstances, joined)}
		}
		r.want(*c.Count - joined)
		return r.resize(*c.Count - joined), nil
	})
}

// want notes how many instances were asked for by hand.
func (r *run) want(count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted = count
}

// InstanceChange is the body of PUT /api/lab/instances/{name}.
type InstanceChange struct {
	State string `json:"state"` // up, down, draining
}

// SetInstance kills, restarts or drains one instance.
func (l *Lab) SetInstance(_ context.Context, name string, c InstanceChange) (State, error) {
	return l.alter(func(r *run) (string, error) {
		all := r.members()
		i := slices.IndexFunc(all, func(m *member) bool { return m.name == name })
		if g := l.guest(name); i < 0 && g != nil {
			return r.setGuest(g, c.State)
		}
		if i < 0 {
			return "", fmt.Errorf("%w: instance %q (there are %s; one that is starting can only be removed)", ErrUnknown, name, r.names())
		}
		m := all[i]
		if m.leaves.Load() {
			return "", fmt.Errorf("%w: instance %s is leaving", ErrConflict, name)
		}
		return r.set(m, c.State)
	})
}

// set brings an instance into a state and returns the marker's text.
func (r *run) set(m *member, state string) (string, error) {
	r.switching.Lock()
	defer r.switching.Unlock()
	switch state {
	case "down":
		if !m.server.Up() {
			return "", nil
		}
		return "instance " + m.name + " killed", r.kill(m)
	case "draining":
		if !m.server.Up() {
			return "", fmt.Errorf("%w: instance %s is down", ErrConflict, m.name)
		}
		m.drained.Store(true)
		m.server.Drain(true)
		r.front.Drain(m.name, true)
		return "instance " + m.name + " drains", nil
	case "up":
		text := "instance " + m.name + " gets requests again"
		if !m.server.Up() {
			text = "instance " + m.name + " restarted"
			if err := r.revive(m); err != nil {
				return "", err
			}
		}
		m.drained.Store(false)
		m.server.Drain(false)
		r.front.Drain(m.name, false)
		return text, nil
	}
	return "", &FieldError{Field: "state", Got: fmt.Sprintf("%q", state), Want: "up, draining or down"}
}

func (r *run) names() string {
	var out []string
	for _, m := range r.members() {
		out = append(out, m.name)
	}
	for _, g := range r.lab.house.list() {
		out = append(out, g.name)
	}
	return strings.Join(out, ", ")
}

// PartChange is the body of PUT /api/lab/balancer and PUT /api/lab/autoscaler.
type PartChange struct {
	Knobs map[string]any `json:"knobs"`
}

func (c PartChange) check() error {
	if len(c.Knobs) == 0 {
		return &FieldError{Field: "knobs", Got: "nothing", Want: "settings by name; GET /api/lab lists them"}
	}
	return nil
}

func (c PartChange) text(part string) string {
	for _, k := range slices.Sorted(maps.Keys(c.Knobs)) {
		part += fmt.Sprintf(" %s=%v", k, c.Knobs[k])
	}
	return part
}

// SetBalancer changes how requests are spread, from the next one on.
func (l *Lab) SetBalancer(_ context.Context, c PartChange) (State, error) {
	return l.alter(func(r *run) (string, error) {
		if err := c.check(); err != nil {
			return "", err
		}
		s, err := r.front.Settings().Apply(c.Knobs)
		if err == nil {
			err = r.front.Set(s)
		}
		if err != nil {
			return "", invalid(err)
		}
		return c.text("balancer"), nil
	})
}

// SetAutoscaler changes how the number of instances follows the load.
func (l *Lab) SetAutoscaler(_ context.Context, c PartChange) (State, error) {
	return l.alter(func(r *run) (string, error) {
		if err := c.check(); err != nil {
			return "", err
		}
		s, err := r.scaling().Apply(c.Knobs)
		if err != nil {
			return "", invalid(err)
		}
		if s.On && s.Metric == fleet.Utilisation && !r.spec.Instance.Limited() {
			return "", &FieldError{Field: "metric", Got: s.Metric, Want: "in-flight: in this scenario instances have no slots of their own that could be busy"}
		}
		if s.On && len(r.spec.Resize) > 0 {
			return "", &FieldError{Field: "on", Got: "true", Want: "false: this scenario's event changes the number of instances by hand, and an autoscaler would undo it"}
		}
		next, err := fleet.NewAutoscaler(r.clock.Now(), s)
		if err != nil {
			return "", invalid(err)
		}
		r.mu.Lock()
		if r.scaler.Settings().On && !s.On {
			r.wanted = r.team.Load().count() // what it leaves is what stays
		}
		r.scaler = next
		r.mu.Unlock()
		return c.text("autoscaler"), nil
	})
}
