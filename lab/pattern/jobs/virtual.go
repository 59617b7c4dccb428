package jobs

import (
	"time"

	"workbench/lab"
)

// stage is a job queue in virtual time. The work of a job is the id of its
// detached request.
type stage struct {
	core   *Queue[int32]
	counts counts
	begun  map[int32]*Job[int32] // jobs below, by detached request
	busy   bool                  // begin is at work
}

func newStage(env lab.Env, k Knobs) (lab.Stage, error) {
	core, err := New[int32](k, env.Service)
	if err != nil {
		return nil, err
	}
	return &stage{core: core, counts: newCounts(env.Counters), begun: map[int32]*Job[int32]{}}, nil
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	r := sim.Request(id)
	if !r.Async {
		sim.Forward(id)
		return
	}
	if retryAfter, full := s.core.Full(); full {
		s.counts.refused.Add(1)
		sim.Reply(id, lab.Refuse(lab.Shed, ReasonFull, retryAfter))
		return
	}
	job := r.ID // r is not valid after Detach
	copied := sim.Detach(id)
	detach(sim.Request(copied))
	s.core.Add(sim.Now(), job, copied)
	s.counts.accepted.Add(1)
	sim.Reply(id, accepted(job))
	s.begin(sim)
}

// begin gives waiting jobs to free workers. A job that is answered at once
// leaves before Forward returns and calls begin again: the loop goes on, so that
// a long queue in front of an open breaker is not a deep stack.
func (s *stage) begin(sim lab.Sim) {
	if s.busy {
		return
	}
	s.busy = true
	defer func() { s.busy = false }()
	for job, ok := s.core.Take(sim.Now()); ok; job, ok = s.core.Take(sim.Now()) {
		s.begun[job.Work] = job
		sim.Forward(job.Work)
	}
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	job, ok := s.begun[id]
	if !ok {
		sim.Reply(id, res)
		return
	}
	delete(s.begun, id)
	due, fate := s.core.Finish(sim.Now(), job, res)
	s.counts.finished(fate)
	if fate == Again {
		sim.Wake(due, 0)
	} else {
		sim.Drop(id)
	}
	s.begin(sim)
}

// Wake implements lab.Stage: a job has rested.
func (s *stage) Wake(sim lab.Sim, _ uint64) { s.begin(sim) }

// Gauges implements lab.Stage.
func (s *stage) Gauges(now time.Duration) []lab.Gauge { return gauges(s.core, now) }

var _ lab.Stage = (*stage)(nil)
