package queue

import (
	"time"

	"workbench/lab"
)

// stage is a queue in virtual time.
type stage struct {
	core    *Queue
	counts  counts
	waiters map[Ticket]int32
}

func newStage(env lab.Env, core *Queue) *stage {
	return &stage{core: core, counts: newCounts(env.Counters), waiters: map[Ticket]int32{}}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	e := s.core.Enter(sim.Now(), sim.Request(id).End())
	if e.Fate != Wait {
		s.end(sim, id, e.Fate)
		return
	}
	s.counts.waited.Add(1)
	s.waiters[e.Ticket] = id
	if e.Until > 0 {
		sim.Wake(e.Until, uint64(e.Ticket))
	}
	// Last, for an answer may bring the next request in before it returns.
	if e.Evicted != 0 {
		s.tell(sim, e.Evicted, Evicted)
	}
}

// tell ends a wait.
func (s *stage) tell(sim lab.Sim, t Ticket, f Fate) {
	id := s.waiters[t]
	delete(s.waiters, t)
	s.end(sim, id, f)
}

func (s *stage) end(sim lab.Sim, id int32, f Fate) {
	s.counts.ends[f].Add(1)
	if f == Serve {
		sim.Forward(id)
		return
	}
	sim.Reply(id, f.Response())
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	s.core.Leave()
	sim.Reply(id, res)
	for t, f, ok := s.core.Next(sim.Now()); ok; t, f, ok = s.core.Next(sim.Now()) {
		s.tell(sim, t, f)
	}
}

// Wake implements lab.Stage: a wait is over, unless its fate came before.
func (s *stage) Wake(sim lab.Sim, token uint64) {
	if f, ok := s.core.GiveUp(sim.Now(), Ticket(token)); ok {
		s.tell(sim, Ticket(token), f)
	}
}

// Gauges implements lab.Stage.
func (s *stage) Gauges(now time.Duration) []lab.Gauge { return gauges(s.core, now) }

var _ lab.Stage = (*stage)(nil)
