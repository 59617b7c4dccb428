package virtual

import (
	"fmt"
	"slices"
	"time"

	"workbench/lab"
	"workbench/lab/fleet"
	"workbench/lab/gate"
	"workbench/lab/scenario"
	"workbench/sim/dist"
)

// member is one service instance.
type member struct {
	name     string
	dead     bool
	port     []*port
	cpu      *door // nil: it has no capacity of its own
	meter    fleet.Meter
	seat     *fleet.Member // its place with the balancer; nil while it starts
	sessions fleet.Sessions
	began    time.Duration // when it could serve: what is older than its warm-up is warm
	slow     float64       // by a fault
	gone     bool          // removed: those inside finish
}

// serves reports whether users can get an answer from it.
func (m *member) serves() bool { return !m.dead && m.seat != nil }

// buildFleet makes the balancer, the autoscaler and the instances that there
// are from the start.
func (w *world) buildFleet() error {
	var err error
	if w.fleet, err = fleet.New(w.spec.Balancer, dist.New(w.seed, "balancer")); err != nil {
		return err
	}
	if w.scaler, err = fleet.NewAutoscaler(0, w.spec.Autoscaler); err != nil {
		return err
	}
	for range w.spec.Begin() {
		m, err := w.newMember()
		if err != nil {
			return err
		}
		m.began = -w.spec.Instance.Warmup
		w.seat(m, true)
	}
	return nil
}

// buildCPU gives an instance the capacity that the scenario says each has.
func (w *world) buildCPU(m *member) error {
	i := w.spec.Instance
	if !i.Limited() {
		return nil
	}
	model, err := gate.NewModel(gate.Spec{Slots: i.Slots, Service: i.Service, Law: i.Law, SCV: i.SCV, RTT: i.RTT, Backlog: i.Backlog}, dist.New(w.seed, "instance "+m.name))
	if err != nil {
		return fmt.Errorf("instance: %w", err)
	}
	m.cpu = &door{world: w, model: model, index: int32(len(w.cpus)), kind: evCPU, own: true, lastAt: w.queue.Now()}
	w.cpus = append(w.cpus, m.cpu)
	return nil
}

// newMember makes an instance under the first free name. It does not serve yet.
func (w *world) newMember() (*member, error) {
	name := ""
	for i := 0; name == "" || slices.ContainsFunc(w.members, func(m *member) bool { return m.name == name }); i++ {
		name = string(rune('a' + i))
	}
	m, err := w.buildMember(name)
	if err != nil {
		return nil, err
	}
	w.members = append(w.members, m)
	return m, nil
}

// seat gives an instance its place with the balancer.
func (w *world) seat(m *member, warm bool) {
	m.seat = w.fleet.Join(w.queue.Now(), m.name, warm)
	m.seat.Tag = int32(len(w.born))
	w.born = append(w.born, m)
}

// route sends a request to an instance: the balancer's choice, or the next one
// when that refuses the connection. nil: none accepts one.
func (w *world) route(r *lab.Request) (*member, fleet.Session) {
	ask := fleet.Ask{User: r.User, Key: r.CacheKey()}
	if !w.ops[r.Op].keyed {
		ask.Key = fleet.Spread(r.User)
	}
	now := w.queue.Now()
	for {
		seat, session := w.fleet.Pick(now, ask)
		if seat == nil {
			return nil, session
		}
		if m := w.born[seat.Tag]; !m.dead {
			w.fleet.Connected(now, seat)
			return m, session
		}
		w.fleet.Refused(now, seat)
		ask.Tried = append(ask.Tried, seat)
	}
}

// left tells the balancer how a request has left its instance.
func (w *world) left(c *call, r fleet.Result) {
	if c.member == nil {
		return // it never reached one
	}
	r.Took = w.queue.Now() - c.request.At
	w.fleet.Done(w.queue.Now(), c.member.seat, r)
}

// resize brings the number of instances to count: new ones begin to start, and
// the youngest get no more requests.
func (w *world) resize(count int) error {
	if count == len(w.members) {
		return nil
	}
	w.marks = append(w.marks, scenario.Change{Version: uint64(len(w.marks) + 1), At: w.queue.Now(), Text: fmt.Sprintf("instances %d → %d", len(w.members), count)})
	for len(w.members) < count {
		m, err := w.newMember()
		if err != nil {
			return err
		}
		w.born = append(w.born, m)
		w.queue.Schedule(w.queue.Now()+w.spec.Instance.Start, evReady, int32(len(w.born)-1), 0)
	}
	for len(w.members) > count {
		last := len(w.members) - 1
		m := w.members[last]
		m.gone = true
		if m.seat != nil {
			w.fleet.Leave(m.seat)
		}
		w.members = w.members[:last]
	}
	return nil
}

// ready lets an instance serve that has started, unless it was removed
// meanwhile.
func (w *world) ready(m *member) error {
	if m.gone {
		return nil
	}
	m.began = w.queue.Now()
	m.meter.Share(m.began, 0, 1)
	w.seat(m, false)
	w.redis()
	return w.warm(m, m.began)
}

// warm sets how slow an instance is at its age, and by a fault.
func (w *world) warm(m *member, now time.Duration) error {
	if m.cpu == nil {
		return nil
	}
	return m.cpu.model.Slow(max(1, m.slow) * w.spec.Instance.Warmth(now-m.began))
}

// tend does ten times a second what does not wait for a request: health checks,
// the comparison of the instances, the autoscaler's decision, and warming up.
func (w *world) tend(now time.Duration) error {
	w.fleet.Tick(now)
	for _, seat := range w.fleet.Due(now) {
		w.fleet.Checked(now, seat, !w.born[seat.Tag].dead)
	}
	for _, m := range w.members {
		if m.serves() && now-m.began <= w.spec.Instance.Warmup+frame {
			if err := w.warm(m, now); err != nil {
				return err
			}
		}
	}
	if !w.scaler.Due(now) || now >= w.end {
		return nil
	}
	var l fleet.Load
	for _, m := range w.members {
		if !m.serves() {
			l.Starting++
			continue
		}
		l.Ready++
		l.Inflight += m.seat.Inflight()
		if m.cpu != nil {
			s := m.cpu.model.Stats(now)
			l.Busy += m.meter.Share(now, s.BusyTime, s.Slots)
		}
	}
	l.Busy /= float64(max(1, l.Ready))
	return w.resize(w.scaler.Decide(now, l))
}
