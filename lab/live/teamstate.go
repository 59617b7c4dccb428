package live

import (
	"errors"
	"fmt"
	"math"
	"time"

	"workbench/lab/balancer"
	"workbench/lab/fleet"
	"workbench/lab/knob"
	"workbench/lab/meter"
	"workbench/lab/scenario"
	"workbench/lab/tape"
	"workbench/sim/stat"
)

// InstanceState is one instance as it stands.
type InstanceState struct {
	Name     string  `json:"name"`
	Addr     string  `json:"addr,omitempty"`
	State    string  `json:"state"` // up, cold, draining, refused, unhealthy, ejected, down
	Why      string  `json:"why,omitempty"`
	Inflight int     `json:"inflight"`
	Share    float64 `json:"share"` // of the requests of the last seconds
	Sent     uint64  `json:"sent"`
	Errors   uint64  `json:"errors"`
	Users    int     `json:"users,omitempty"` // who keep to it, by sticky sessions
	Weight   float64 `json:"weight"`
	Busy     float64 `json:"busy,omitempty"`    // slots of its own in use now, as a share
	Leaving  bool    `json:"leaving,omitempty"` // it ends when it has finished

	Process *ProcessState `json:"process,omitempty"` // it is a process of its own; nil: it is in the lab's
}

// PartState is balancer or autoscaler with its settings.
type PartState struct {
	Note     string            `json:"note"` // in a few words
	Knobs    []knob.Info       `json:"knobs"`
	Counters map[string]uint64 `json:"counters,omitempty"`
}

// shareOf follows the share of requests that one instance gets.
type shareOf struct {
	sent uint64
	mean *stat.EWMA
}

const shareWindow = 2500 * time.Millisecond

// readTeam adds what the balancer sees to a reading.
func (r *run) readTeam(now time.Duration, out *tape.Reading) {
	stats := r.front.Stats()
	up := map[string]bool{}
	for _, m := range r.members() {
		up[m.name] = m.server.Up()
		if up[m.name] {
			out.Instances++
		}
		if m.cpu != nil {
			s := m.cpu.Stats()
			out.Waiting += s.Waiting
			u := r.use("instance "+m.name, now, s)
			out.Gauges["instance."+m.name+".saturation"] = u
			out.Saturation = max(out.Saturation, u)
		}
	}
	r.readGuests(out)
	r.mu.Lock()
	defer r.mu.Unlock()
	total := uint64(0)
	for _, s := range stats {
		if r.shares[s.Name] == nil || r.shares[s.Name].sent > s.Sent { // new, or another of the same name
			r.shares[s.Name] = &shareOf{mean: stat.NewEWMA(shareWindow)}
		}
		total += s.Sent - r.shares[s.Name].sent
	}
	for _, s := range stats {
		one := r.shares[s.Name]
		if total > 0 {
			one.mean.Add(now, float64(s.Sent-one.sent)/float64(total))
		}
		one.sent = s.Sent
		out.Busiest = max(out.Busiest, s.Inflight)
		out.Gauges["instance."+s.Name+".inflight"] = float64(s.Inflight)
		out.Gauges["instance."+s.Name+".share"] = one.mean.Value()
	}
}

// instanceStates lists the instances of a team, those that are starting last.
func (r *run) instanceStates(t *team) []InstanceState {
	known := map[string]balancer.Stats{}
	for _, s := range r.front.Stats() {
		known[s.Name] = s
	}
	joined := r.guestStates(known)
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []InstanceState
	for _, m := range t.at {
		s := known[m.name]
		one := InstanceState{
			Name: m.name, Addr: m.server.Addr(), State: s.State, Why: s.Why, Inflight: s.Inflight, Sent: s.Sent, Errors: s.Errors, Users: s.Users,
			Weight: math.Round(s.Weight*100) / 100,
		}
		if sh := r.shares[m.name]; sh != nil {
			one.Share = math.Round(sh.mean.Value()*1e4) / 1e4
		}
		if m.cpu != nil {
			c := m.cpu.Stats()
			one.Busy = float64(c.Busy) / float64(c.Slots)
		}
		switch {
		case !m.server.Up():
			one.State = "down"
		case m.leaves.Load():
			one.State, one.Leaving = "draining", true
		}
		out = append(out, one)
	}
	for _, one := range joined {
		if sh := r.shares[one.Name]; sh != nil {
			one.Share = math.Round(sh.mean.Value()*1e4) / 1e4
		}
		out = append(out, one)
	}
	for _, m := range t.cold {
		out = append(out, InstanceState{Name: m.name, State: "cold"})
	}
	return out
}

func (r *run) instanceNode(m *member) Node {
	n := Node{ID: m.name, Kind: "instance", Title: "Service " + m.name, Note: m.server.Addr(), Up: m.server.Up()}
	for _, s := range r.front.Stats() {
		if s.Name == m.name && n.Up && s.State != "up" && s.State != "refused" { // until it is probed
			n.Degraded = s.State
		}
	}
	if n.Degraded == "" {
		n.Degraded = m.guards(r.clock.Now())
	}
	if i := r.spec.Instance; i.Limited() {
		n.Note += fmt.Sprintf(", %d slots × %v", i.Slots, i.Service)
	}
	return n
}

// frontNote says what the balancer does now.
func (r *run) frontNote(t *team) string {
	note := fmt.Sprintf("%s over %d", r.front.Settings().Text(), len(t.at)+len(r.guests()))
	if r.scaling().On {
		note += ", autoscaled"
	}
	return note
}

func (r *run) balancerState() PartState {
	c := r.front.Counts()
	return PartState{
		Note: r.front.Settings().Text(), Knobs: r.front.Settings().Knobs(),
		Counters: map[string]uint64{"sessions_lost": c.Moved, "unbound": c.Unbound, "panics": c.Panics},
	}
}

func (r *run) autoscalerState() PartState {
	s := r.scaling()
	return PartState{Note: s.Text(), Knobs: s.Knobs()}
}

// capacity returns what the service can do a second with a team: the database,
// or the instances' own slots where they are fewer.
func (r *run) capacity(t *team) float64 {
	most := float64(r.spec.Gate.Slots) / r.spec.Gate.Service.Seconds()
	if i := r.spec.Instance; i.Limited() {
		up := 0
		for _, m := range t.at {
			if m.server.Up() {
				up++
			}
		}
		for _, g := range r.guestsSeen() {
			if g.rep.up {
				up++
			}
		}
		most = min(most, float64(up*i.Slots)/i.Service.Seconds())
	}
	return most
}

// memberFigures are the metrics of the instances.
func (r *run) memberFigures() []meter.MemberFigures {
	var out []meter.MemberFigures
	for _, s := range r.instanceStates(r.team.Load()) {
		out = append(out, meter.MemberFigures{Name: s.Name, State: s.State, Inflight: s.Inflight, Sent: s.Sent, Errors: s.Errors, Weight: s.Weight})
	}
	return out
}

// declareInstanceFaults lists what can go wrong in one instance that has a
// capacity of its own.
func (r *run) declareInstanceFaults(add func(string, string, func(FaultChange) error, func() error)) {
	if !r.spec.Instance.Limited() {
		return
	}
	last := r.victim("").name
	add("instance-slow", "Instance "+last+" slow",
		func(c FaultChange) error {
			return r.slow(r.victim(c.Target), either(c.Factor, scenario.InstanceSlowBy))
		},
		func() error {
			var faults []error
			for _, m := range r.members() {
				faults = append(faults, r.slow(m, 1))
			}
			return errors.Join(faults...)
		})
	add("instance-error", "Instance "+last+" failing",
		func(c FaultChange) error {
			return r.victim(c.Target).cpu.Error(either(c.Share, scenario.InstanceErrorIn))
		},
		func() error {
			var faults []error
			for _, m := range r.members() {
				faults = append(faults, m.cpu.Error(0))
			}
			return errors.Join(faults...)
		})
}

// slow makes an instance slower by a factor, on top of its being cold.
func (r *run) slow(m *member, factor float64) error {
	m.mu.Lock()
	m.slow = factor
	m.mu.Unlock()
	return r.warm(m, r.clock.Now())
}

// frontend returns a scenario with what a change says of balancer and
// autoscaler.
func frontend(spec scenario.Spec, c ScenarioChange) (scenario.Spec, error) {
	var err error
	if len(c.Balancer) > 0 {
		if spec.Balancer, err = spec.Balancer.WithDefaults().Apply(c.Balancer); err != nil {
			return spec, fmt.Errorf("balancer: %w", err)
		}
	}
	if len(c.Autoscaler) > 0 {
		if spec.Autoscaler, err = spec.Autoscaler.WithDefaults().Apply(c.Autoscaler); err != nil {
			return spec, fmt.Errorf("autoscaler: %w", err)
		}
	}
	if c.Instances != nil {
		n := *c.Instances
		if n < 1 || n > fleet.MaxInstances {
			return spec, &FieldError{Field: "instances", Got: fmt.Sprint(n), Want: fmt.Sprintf("a number from 1 to %d", fleet.MaxInstances)}
		}
		if spec, _, err = scenario.Apply(spec, scenario.Override{Instances: n}, Known()); err != nil {
			return spec, err
		}
	}
	return spec, nil
}
