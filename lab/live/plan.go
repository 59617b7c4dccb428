package live

import (
	"context"
	"reflect"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/join"
	"workbench/lab/knob"
)

// shared is what a run has for instances of other processes.
type shared struct {
	slots   atomic.Pointer[[]join.Slot]   // the patterns as they stand
	choices atomic.Pointer[[]lab.Chooser] // of the service, that are on
	guests  atomic.Pointer[[]*guest]      // those that the balancer has; changed under shaping
	closing atomic.Int64                  // how long accepted work may go on; 0: the run does not end
	noRedis atomic.Bool                   // by the fault
	calls   crew                          // requests of guests that the service works on
	epochs  map[string]uint64             // guarded by shaping; by pattern
	began   time.Duration                 // on the lab's clock
}

// outline writes down the patterns for other processes after a change. shaping
// must be held.
func (r *run) outline(changes []chain.Change) {
	if r.shared.epochs == nil {
		r.shared.epochs = map[string]uint64{}
	}
	for _, c := range changes {
		r.shared.epochs[c.Pattern]++
	}
	first := r.members()[0]
	var slots []join.Slot
	var choices []lab.Chooser
	for _, s := range first.chain.Slots(r.clock.Now()) {
		one := join.Slot{Pattern: s.Pattern.Name, State: s.State, Knobs: map[string]any{}, Epoch: r.shared.epochs[s.Pattern.Name]}
		for name, v := range knob.Values(s.Knobs) {
			one.Knobs[name] = v
		}
		slots = append(slots, one)
		if c, ok := first.chain.Live(s.Pattern.Name).(lab.Chooser); ok && s.State == lab.On {
			choices = append(choices, c)
		}
	}
	r.shared.slots.Store(&slots)
	r.shared.choices.Store(&choices)
}

// guestPlan returns what a guest shall be now. The house's mu must be held.
func (l *Lab) guestPlan(g *guest) join.Plan {
	next := join.Plan{Ended: l.house.ended || l.closed.Load(), Kill: g.killed, Released: g.released, Draining: g.drained || g.leaving}
	r, err := l.current()
	if err != nil || r.shared.slots.Load() == nil {
		next = g.plan // between two runs it stays as it is
		next.Ended, next.Kill, next.Released = l.house.ended || l.closed.Load(), g.killed, g.released
	} else {
		next.Run, next.System, next.Seed, next.Slots, next.Instance = r.id, r.kind.Name, r.seed, *r.shared.slots.Load(), r.spec.Instance
		next.GateSlots, next.Service, next.Control = r.spec.Gate.Slots, r.spec.Gate.Service, r.control()
		next.Closing, next.Warm = time.Duration(r.shared.closing.Load()), g.since < r.shared.began
		next.RedisDown, next.Trace = r.shared.noRedis.Load(), l.observe.tracer.Settings()
	}
	next.Number, next.Now = g.plan.Number, g.plan.Now
	if !reflect.DeepEqual(next, g.plan) {
		next.Number++
		g.plan = next
	}
	if r != nil {
		next.Now = r.clock.Now()
	}
	return next
}

// redisFault has the lab's Redis go away and come back, for all instances.
func (r *run) redisFault(add func(string, string, func(FaultChange) error, func() error)) {
	redis := r.lab.redis
	tell := func(down bool, err error) error {
		if err == nil {
			r.shared.noRedis.Store(down)
			r.confirm()
		}
		return err
	}
	add("cache-down", "Redis down", func(FaultChange) error { return tell(true, redis.Kill()) }, func() error { return tell(false, redis.Revive(r.ctx)) })
}

// await waits until nobody is among those who are waited for, or ctx ends, and
// returns who is left then. waiting is called with mu held.
func (h *house) await(ctx context.Context, waiting func(*guest) bool) []*guest {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		var left []*guest
		for _, g := range h.all {
			if !g.lost && waiting(g) {
				left = append(left, g)
			}
		}
		if len(left) == 0 || ctx.Err() != nil {
			return left
		}
		bell := h.next()
		h.mu.Unlock()
		select {
		case <-bell:
		case <-ctx.Done():
		}
		h.mu.Lock()
	}
}

// confirm waits until every guest that serves has carried out what has changed.
// One that has not in time gets no more requests until it has.
func (r *run) confirm() {
	h := &r.lab.house
	h.wake()
	limited, cancel := context.WithTimeout(r.ctx, confirmLimit)
	defer cancel()
	for _, g := range h.await(limited, func(g *guest) bool {
		return g.at == r && !g.leaving && !g.killed && r.lab.guestPlan(g).Number != g.report.Done
	}) {
		h.mu.Lock()
		g.behind = true
		h.mu.Unlock()
		r.front.Drain(g.name, true)
		r.noted("instance "+g.name+" has not carried out the change: it gets no requests until it has", nil)
	}
}

// wind has the guests close their patterns, and waits until what these have
// accepted is done, or the grace is over.
func (r *run) wind(ctx context.Context, grace time.Duration) {
	h := &r.lab.house
	r.shared.closing.Store(int64(max(grace, 1)))
	h.wake()
	limited, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if left := h.await(limited, func(g *guest) bool {
		return g.at == r && (r.lab.guestPlan(g).Number != g.report.Done || g.report.Accepted > 0)
	}); len(left) > 0 {
		r.lab.cfg.Log.Warn("accepted work of joined instances may be cut off", "instances", len(left), "after", grace)
	}
}
