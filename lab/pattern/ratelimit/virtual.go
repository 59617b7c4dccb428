package ratelimit

import (
	"time"

	"workbench/lab"
)

// stage is a rate limit in virtual time. There is no Redis there: with the store
// redis the instances share one limiter where the world lets them share (see
// lab.Env), and otherwise each has its own, whatever the knob says.
type stage struct {
	core   *Limiter
	counts counts
}

func newStage(env lab.Env, k Knobs) (lab.Stage, error) {
	core, err := New(k)
	if err != nil {
		return nil, err
	}
	if k.Store == "redis" && env.Shared != nil {
		if shared, ok := env.Shared["ratelimit"].(*Limiter); ok {
			core = shared
		}
		env.Shared["ratelimit"] = core
	}
	return &stage{core: core, counts: newCounts(env.Counters)}, nil
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	v := s.core.Take(sim.Now(), s.core.Key(sim.Request(id)))
	if v.Evicted {
		s.counts.evicted.Add(1)
	}
	if !v.OK {
		s.counts.limited.Add(1)
		sim.Reply(id, s.core.Refuse(v.Retry))
		return
	}
	s.counts.admitted.Add(1)
	sim.Forward(id)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) { sim.Reply(id, res) }

// Wake implements lab.Stage; a limit asks for none.
func (s *stage) Wake(lab.Sim, uint64) {}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge {
	keys := 0
	for i := range s.core.shards {
		keys += s.core.shards[i].Len()
	}
	return gauges(keys, false)
}

var _ lab.Stage = (*stage)(nil)
