package breaker

import (
	"time"

	"workbench/lab"
)

// stage is a breaker in virtual time. A request's note is the place of its pass
// in passes, counted from 1.
type stage struct {
	core   *Breaker
	counts counts
	passes []Pass
	free   []uint64 // places in passes that may be used again
}

func newStage(env lab.Env, core *Breaker) *stage {
	s := &stage{core: core, counts: newCounts(env.Counters)}
	core.OnChange = s.counts.changed
	return s
}

// keep stores a pass and returns its place.
func (s *stage) keep(p Pass) uint64 {
	if last := len(s.free) - 1; last >= 0 {
		place := s.free[last]
		s.free = s.free[:last]
		s.passes[place-1] = p
		return place
	}
	s.passes = append(s.passes, p)
	return uint64(len(s.passes))
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	d := s.core.Allow(sim.Now())
	if d.Reason != "" {
		s.counts.refused.Add(1)
		sim.Reply(id, lab.Refuse(lab.Open, d.Reason, d.RetryAfter))
		return
	}
	*sim.Note(id) = s.keep(d.Pass)
	sim.Forward(id)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	place := *sim.Note(id)
	p := s.passes[place-1]
	s.free = append(s.free, place)
	s.counts.settled(s.core.Done(sim.Now(), p, Judge(sim.Request(id), p.at, res)))
	sim.Reply(id, res)
}

// Wake implements lab.Stage; a breaker changes when it is next asked.
func (s *stage) Wake(lab.Sim, uint64) {}

// Gauges implements lab.Stage.
func (s *stage) Gauges(now time.Duration) []lab.Gauge { return gauges(s.core, now) }

var _ lab.Stage = (*stage)(nil)
