package shed

import (
	"time"

	"workbench/lab"
)

// stage sheds load in virtual time.
type stage struct {
	core     *Shedder
	counts   counts
	inflight int64
}

func newStage(env lab.Env, core *Shedder) *stage {
	return &stage{core: core, counts: newCounts(env.Counters)}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	p := sim.Request(id).Priority
	if !s.core.Admits(s.inflight, p) {
		s.counts.refused(p)
		sim.Reply(id, s.core.Refuse(p))
		return
	}
	s.inflight++
	s.counts.admitted.Add(1)
	sim.Forward(id)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	s.inflight--
	sim.Reply(id, res)
}

// Wake implements lab.Stage; shedding asks for none.
func (s *stage) Wake(lab.Sim, uint64) {}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.core, s.inflight) }

var _ lab.Stage = (*stage)(nil)
