package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/balancer"
	"workbench/lab/chain"
	"workbench/lab/fleet"
	"workbench/lab/gate"
	"workbench/lab/knob"
	"workbench/sim/dist"
)

// team is who works for a run at one moment. It is replaced whole and never
// changed, so that whoever reads it needs no lock.
type team struct {
	at   []*member // those that have started, in order; also those that are dead or leaving
	cold []*member // those that are starting: names without a process
}

// members returns the instances that have started.
func (r *run) members() []*member { return r.team.Load().at }

// with returns the team with one more who has started, in the order of names.
func (t *team) with(m *member) *team {
	at := append(slices.Clone(t.at), m)
	slices.SortFunc(at, func(a, b *member) int { return strings.Compare(a.name, b.name) })
	return &team{at, slices.DeleteFunc(slices.Clone(t.cold), func(o *member) bool { return o == m })}
}

// without returns the team without one.
func (t *team) without(m *member) *team {
	gone := func(o *member) bool { return o == m }
	return &team{slices.DeleteFunc(slices.Clone(t.at), gone), slices.DeleteFunc(slices.Clone(t.cold), gone)}
}

// free returns the first name that nobody has.
func (t *team) free() string {
	for i := 0; ; i++ {
		name := string(rune('a' + i))
		has := func(m *member) bool { return m.name == name }
		if !slices.ContainsFunc(t.at, has) && !slices.ContainsFunc(t.cold, has) {
			return name
		}
	}
}

// staying lists those who have started and are not on their way out by a
// smaller number of instances.
func (t *team) staying() []*member {
	return slices.DeleteFunc(slices.Clone(t.at), func(m *member) bool { return m.leaves.Load() })
}

// count is how many instances there are or will be.
func (t *team) count() int { return len(t.staying()) + len(t.cold) }

func (t *team) backends() []balancer.Backend {
	var out []balancer.Backend
	for _, m := range t.at {
		out = append(out, balancer.Backend{Name: m.name, Addr: m.server.Addr()})
	}
	return out
}

// resize brings the number of the lab's own instances to count, as far as those
// in other processes leave room, and returns the marker's text; none when it is
// so already. New ones start in the background, and those that
// leave finish what is inside.
func (r *run) resize(count int) string {
	r.shaping.Lock()
	defer r.shaping.Unlock()
	t := r.team.Load()
	before := t.count()
	count = min(count, max(1, fleet.MaxInstances-r.lab.house.count()))
	if count == before || r.ctx.Err() != nil {
		return ""
	}
	for range count - before {
		m := &member{name: r.team.Load().free(), slow: 1}
		var ctx context.Context
		ctx, m.quit = context.WithCancel(r.ctx)
		now := r.team.Load()
		r.team.Store(&team{now.at, append(slices.Clone(now.cold), m)})
		r.owned.Go(func() { r.boot(ctx, m) })
	}
	for range before - count {
		now := r.team.Load()
		if n := len(now.cold); n > 0 { // whoever has not come yet goes first
			now.cold[n-1].quit()
			r.team.Store(now.without(now.cold[n-1]))
			continue
		}
		stay := now.staying()
		m := stay[len(stay)-1]
		m.leaves.Store(true)
		r.front.Drain(m.name, true)
		m.server.Drain(true)
		r.owned.Go(func() { r.dismiss(m) })
	}
	return fmt.Sprintf("instances %d → %d", before, count)
}

// boot waits for the cold start of an instance and lets it serve.
func (r *run) boot(ctx context.Context, m *member) {
	defer m.quit()
	if r.clock.Wait(ctx, r.clock.Now()+r.spec.Instance.Start) != nil {
		return
	}
	if err := r.enlist(ctx, m); err != nil {
		r.lab.cfg.Log.Error("instance not started", "instance", m.name, "error", err)
		r.noted("instance "+m.name+" did not start: "+err.Error(), nil)
		return
	}
	r.noted("instance "+m.name+" serves", nil)
}

// enlist starts an instance with the patterns as they stand, and gives it to the
// balancer.
func (r *run) enlist(ctx context.Context, m *member) error {
	r.shaping.Lock()
	defer r.shaping.Unlock()
	if ctx.Err() != nil {
		return nil // it was taken back in the last moment
	}
	t := r.team.Load()
	m.began = r.clock.Now()
	if err := r.openMember(r.life, m); err != nil {
		r.team.Store(t.without(m))
		return err
	}
	var like []chain.Change
	for _, s := range t.at[0].chain.Slots(r.clock.Now()) {
		c := chain.Change{Pattern: s.Pattern.Name, State: &s.State, Knobs: map[string]any{}}
		for name, v := range knob.Values(s.Knobs) {
			c.Knobs[name] = v
		}
		like = append(like, c)
	}
	if err := m.chain.Set(like...); err != nil {
		r.team.Store(t.without(m))
		return fmt.Errorf("set the patterns of instance %s: %w", m.name, err)
	}
	if err := r.warm(m, m.began); err != nil {
		return err
	}
	r.team.Store(t.with(m))
	return r.front.SetBackends(r.backends())
}

// How long an instance that leaves may finish, and how often it is looked at.
const (
	leaveTime = 10 * time.Second
	lookAgain = 20 * time.Millisecond
)

// dismiss waits until nothing is inside an instance that gets no new requests,
// and ends it.
func (r *run) dismiss(m *member) {
	limit := r.clock.Now() + leaveTime
	for r.inside(m) > 0 && r.clock.Now() < limit {
		if r.clock.Wait(r.ctx, r.clock.Now()+lookAgain) != nil {
			return // the run ends, and the instance with it
		}
	}
	cut, err := r.inside(m), r.release(m)
	if err != nil {
		r.lab.cfg.Log.Warn("instance did not end cleanly", "instance", m.name, "error", err)
	}
	r.noted(fmt.Sprintf("instance %s has left, %d requests cut", m.name, cut), nil)
}

// inside returns how many requests an instance still works on, or is about to
// be sent.
func (r *run) inside(m *member) int {
	n := m.server.Inside()
	for _, s := range r.front.Stats() {
		if s.Name == m.name {
			n = max(n, s.Inflight)
		}
	}
	return n
}

// release takes an instance out of the balancer and ends it.
func (r *run) release(m *member) error {
	r.shaping.Lock()
	defer r.shaping.Unlock()
	if r.ctx.Err() != nil {
		return nil // close ends it
	}
	r.team.Store(r.team.Load().without(m))
	err := r.front.SetBackends(r.backends())
	ctx, cancel := context.WithTimeout(r.life, time.Second)
	defer cancel()
	err = errors.Join(err, m.chain.Close(), m.server.Close(ctx))
	m.closeCPU()
	return err
}

// openCPU gives an instance the capacity that the scenario says each has, and
// returns what its chain ends in.
func (r *run) openCPU(m *member) (lab.Handler, error) {
	i := r.spec.Instance
	if !i.Limited() {
		return r.sys, nil
	}
	var err error
	m.cpu, err = gate.New(gate.Spec{Slots: i.Slots, Service: i.Service, Law: i.Law, SCV: i.SCV, RTT: i.RTT, Backlog: i.Backlog}, r.clock, dist.New(r.seed, "instance "+m.name))
	if err != nil {
		return nil, fmt.Errorf("open the slots of instance %s: %w", m.name, err)
	}
	return lab.HandlerFunc(func(ctx context.Context, q *lab.Request) lab.Response {
		if _, err := m.cpu.Do(ctx, q, ownWork); err != nil {
			return lab.Answer(nil, err)
		}
		return r.sys.Serve(ctx, q)
	}), nil
}

// ownWork is what an instance does by itself: its slot is held for the service
// time, and no processor is burnt.
func ownWork(context.Context) ([]byte, error) { return nil, nil }

// closeCPU answers those who wait for an instance's slots.
func (m *member) closeCPU() {
	if m.cpu != nil {
		m.cpu.Close()
	}
}

// meet is the instance's memory of sessions.
func (m *member) meet(user uint64, how fleet.Session) (lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions.Meet(user, how)
}

// warm sets how slow an instance is at its age, and by a fault.
func (r *run) warm(m *member, now time.Duration) error {
	if m.cpu == nil {
		return nil
	}
	m.mu.Lock()
	factor := max(1, m.slow) * r.spec.Instance.Warmth(now-m.began)
	m.mu.Unlock()
	return m.cpu.Slow(factor)
}
