package retry

import (
	"time"

	"workbench/lab"
)

// stage is the retry in virtual time. A request's note is how often it was
// forwarded.
type stage struct {
	core    *Retry
	counts  counts
	pausing int
}

func newStage(env lab.Env, core *Retry) *stage {
	return &stage{core: core, counts: newCounts(env.Counters)}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	s.core.First(sim.Request(id))
	*sim.Note(id) = 0
	s.try(sim, id)
}

func (s *stage) try(sim lab.Sim, id int32) {
	s.counts.tries.Add(1)
	*sim.Note(id)++
	sim.Forward(id)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	r := sim.Request(id)
	if !Retryable(r, res) {
		sim.Reply(id, res)
		return
	}
	verdict, pause := s.core.Next(sim.Now(), r, int(*sim.Note(id)), res, sim.Uniform())
	s.counts.decided(verdict)
	if verdict != Again {
		sim.Reply(id, res)
		return
	}
	s.pausing++
	sim.Wake(sim.Now()+pause, uint64(id))
}

// Wake implements lab.Stage: the pause of the request that is the token is
// over. Nothing else can have ended it.
func (s *stage) Wake(sim lab.Sim, token uint64) {
	s.pausing--
	s.try(sim, int32(token))
}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.core, s.pausing) }

var _ lab.Stage = (*stage)(nil)
