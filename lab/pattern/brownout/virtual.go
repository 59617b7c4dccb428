package brownout

import (
	"time"

	"workbench/lab"
)

// stage is the brownout in virtual time. A request's note is when it entered,
// and one more, so that 0 means that it has no optional part.
type stage struct {
	part   Part
	core   *Dimmer
	counts counts
}

func (p Part) newStage(env lab.Env, core *Dimmer) *stage {
	return &stage{part: p, core: core, counts: newCounts(env.Counters)}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	r := sim.Request(id)
	*sim.Note(id) = 0
	if s.part.Has(r) {
		*sim.Note(id) = uint64(sim.Now()) + 1
		whole := s.core.Enter(sim.Now(), sim.Uniform())
		s.counts.entered(whole)
		s.part.tell(r, whole)
	}
	sim.Forward(id)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	if n := *sim.Note(id); n > 0 {
		s.core.Leave(sim.Now(), time.Duration(n-1), res.Outcome)
	}
	sim.Reply(id, res)
}

// Wake implements lab.Stage; a brownout waits for nothing.
func (s *stage) Wake(lab.Sim, uint64) {}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.core) }

var _ lab.Stage = (*stage)(nil)
