package timeout

import (
	"time"

	"workbench/lab"
)

// stage is the timeout in virtual time. A request's note is its deadline.
type stage struct {
	core   Timeout
	counts counts
}

func newStage(env lab.Env, core Timeout) *stage {
	return &stage{core: core, counts: newCounts(env.Counters)}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	r := sim.Request(id)
	deadline := s.core.Deadline(sim.Now(), r)
	if Late(sim.Now(), deadline) {
		s.counts.entry.Add(1)
		sim.Reply(id, lab.Refuse(lab.Late, ReasonTimeout, 0))
		return
	}
	r.Deadline = deadline
	*sim.Note(id) = uint64(deadline)
	sim.Forward(id)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	if Late(sim.Now(), time.Duration(*sim.Note(id))) {
		s.counts.late.Add(1)
		res = lab.Refuse(lab.Late, ReasonTimeout, 0)
	}
	sim.Reply(id, res)
}

// Wake implements lab.Stage; the leaves watch the deadline themselves.
func (s *stage) Wake(lab.Sim, uint64) {}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.core) }

var _ lab.Stage = (*stage)(nil)
