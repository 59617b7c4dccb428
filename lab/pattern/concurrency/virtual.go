package concurrency

import (
	"time"

	"workbench/lab"
)

// stage is a concurrency limit in virtual time. A request's note is the instant
// at which it got its place.
type stage struct {
	core    *Gate
	counts  counts
	waiters map[Ticket]int32
}

func newStage(env lab.Env, core *Gate) *stage {
	return &stage{core: core, counts: newCounts(env.Counters), waiters: map[Ticket]int32{}}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	switch e := s.core.Enter(sim.Now(), sim.Request(id).Deadline); {
	case e.OK:
		s.forward(sim, id)
	case e.Wait:
		s.counts.waited.Add(1)
		s.waiters[e.Ticket] = id
		sim.Wake(e.Until, uint64(e.Ticket))
	default:
		s.refuse(sim, id, false)
	}
}

func (s *stage) forward(sim lab.Sim, id int32) {
	s.counts.admitted.Add(1)
	*sim.Note(id) = uint64(sim.Now())
	sim.Forward(id)
}

func (s *stage) refuse(sim lab.Sim, id int32, waited bool) {
	s.counts.refused.Add(1)
	sim.Reply(id, refuse(sim.Request(id), sim.Now(), waited))
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	s.core.Leave(sim.Now(), time.Duration(*sim.Note(id)), res.Outcome)
	sim.Reply(id, res)
	for t, ok := s.core.Next(); ok; t, ok = s.core.Next() {
		next := s.waiters[t]
		delete(s.waiters, t)
		s.forward(sim, next)
	}
}

// Wake implements lab.Stage: a wait is over, unless the place came before.
func (s *stage) Wake(sim lab.Sim, token uint64) {
	t := Ticket(token)
	if !s.core.GiveUp(t) {
		return
	}
	id := s.waiters[t]
	delete(s.waiters, t)
	s.refuse(sim, id, true)
}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.core) }

var _ lab.Stage = (*stage)(nil)
