package bulkhead

import (
	"time"

	"workbench/lab"
)

// waiter is a request that waits for a place.
type waiter struct {
	id    int32
	where int
}

// stage is a bulkhead in virtual time.
type stage struct {
	core    *Bulkhead
	counts  counts
	waiters map[Ticket]waiter
}

func newStage(env lab.Env, core *Bulkhead) *stage {
	return &stage{core: core, counts: newCounts(env.Counters), waiters: map[Ticket]waiter{}}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	r := sim.Request(id)
	where := Compartment(r.Op)
	switch e := s.core.Enter(sim.Now(), where, r.Deadline); {
	case e.OK:
		sim.Forward(id)
	case e.Wait:
		s.counts.waited.Add(1)
		s.waiters[e.Ticket] = waiter{id: id, where: where}
		sim.Wake(e.Until, uint64(e.Ticket))
	default:
		s.refuse(sim, id)
	}
}

func (s *stage) refuse(sim lab.Sim, id int32) {
	s.counts.refused.Add(1)
	sim.Reply(id, refuse(sim.Request(id), sim.Now()))
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	next, ok := s.core.Leave(Compartment(sim.Request(id).Op))
	sim.Reply(id, res)
	if ok {
		w := s.waiters[next]
		delete(s.waiters, next)
		sim.Forward(w.id)
	}
}

// Wake implements lab.Stage: a wait is over, unless the place came before.
func (s *stage) Wake(sim lab.Sim, token uint64) {
	w, ok := s.waiters[Ticket(token)]
	if !ok {
		return
	}
	delete(s.waiters, Ticket(token))
	s.core.GiveUp(w.where, Ticket(token))
	s.refuse(sim, w.id)
}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.core) }

var _ lab.Stage = (*stage)(nil)
