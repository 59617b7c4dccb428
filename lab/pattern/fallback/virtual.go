package fallback

import (
	"time"

	"workbench/lab"
)

// stage is the fallback in virtual time.
type stage struct {
	env    lab.Env
	core   *Ladder
	counts counts
}

func newStage(env lab.Env, core *Ladder) *stage {
	return &stage{env: env, core: core, counts: newCounts(env.Counters)}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) { sim.Forward(id) }

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	r := sim.Request(id)
	var simple []byte
	if res.Outcome != lab.OK {
		simple = simpler(s.env, r)
	}
	step := s.core.Decide(sim.Now(), r, &res, simple != nil)
	s.counts.decided(step)
	sim.Reply(id, Answer(step, res, simple))
}

// Wake implements lab.Stage; a fallback waits for nothing.
func (s *stage) Wake(lab.Sim, uint64) {}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.core) }

var _ lab.Stage = (*stage)(nil)
