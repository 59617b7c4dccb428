package throttle

import (
	"time"

	"workbench/lab"
)

// stage is the throttle in virtual time.
type stage struct {
	core   *Throttle
	counts counts
}

func newStage(env lab.Env, core *Throttle) *stage {
	return &stage{core: core, counts: newCounts(env.Counters)}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	now, op := sim.Now(), sim.Request(id).Op
	share := s.core.Share(now, op)
	if share <= 0 || sim.Uniform() >= share {
		sim.Forward(id)
		return
	}
	s.core.Refused(now, op)
	s.counts.refused.Add(1)
	sim.Reply(id, lab.Refuse(lab.Shed, ReasonThrottled, retryAfter))
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	r := sim.Request(id)
	accepted := Accepted(sim.Now(), r, &res)
	s.core.Called(sim.Now(), r.Op, accepted)
	s.counts.called(accepted)
	sim.Reply(id, res)
}

// Wake implements lab.Stage; a throttle waits for nothing.
func (s *stage) Wake(lab.Sim, uint64) {}

// Gauges implements lab.Stage.
func (s *stage) Gauges(now time.Duration) []lab.Gauge { return gauges(s.core, now) }

var _ lab.Stage = (*stage)(nil)
