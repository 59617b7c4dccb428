package hedge

import (
	"time"

	"workbench/lab"
)

// stage is the hedge in virtual time. Both calls are requests of the stage's
// own, so that the one that loses can be cancelled.
type stage struct {
	core   *Hedge
	counts counts
	asked  map[int32]*asked  // by the stage's own request
	alarms map[uint64]*asked // by token: those whose second call may come
	token  uint64
	twice  int
}

// asked is a request and its calls.
type asked struct {
	id       int32 // the request that waits
	op       uint8
	began    time.Duration
	token    uint64
	calls    [2]int32 // the stage's own; none when not under way
	hedged   bool
	answered bool
	failed   *lab.Response // the first bad answer of two
}

const none int32 = -1

func newStage(env lab.Env, core *Hedge) *stage {
	return &stage{core: core, counts: newCounts(env.Counters), asked: map[int32]*asked{}, alarms: map[uint64]*asked{}}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	r := sim.Request(id)
	if !Hedged(r) {
		sim.Forward(id)
		return
	}
	s.counts.calls.Add(1)
	s.token++
	a := &asked{id: id, op: r.Op, began: sim.Now(), token: s.token, calls: [2]int32{none, none}}
	s.alarms[a.token] = a
	sim.Wake(a.began+s.core.First(a.op), a.token)
	s.ask(sim, a, 0)
}

// ask makes call n of a request.
func (s *stage) ask(sim lab.Sim, a *asked, n int) {
	own := sim.Detach(a.id)
	a.calls[n] = own
	s.asked[own] = a
	sim.Forward(own)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	a, ok := s.asked[id]
	if !ok {
		sim.Reply(id, res)
		return
	}
	delete(s.asked, id)
	sim.Drop(id)
	second := id == a.calls[1]
	if second {
		a.calls[1] = none
	} else {
		a.calls[0] = none
	}
	if a.answered {
		return // it lost
	}
	if under := a.calls[0] != none || a.calls[1] != none; under && !res.Outcome.Good() {
		a.failed = &res
		return // the other may still be good
	}
	if a.failed != nil && !res.Outcome.Good() {
		res = *a.failed
	}
	s.answer(sim, a, res, second && res.Outcome.Good())
}

// answer ends a request, and the call that lost.
func (s *stage) answer(sim lab.Sim, a *asked, res lab.Response, won bool) {
	a.answered = true
	delete(s.alarms, a.token)
	s.core.Took(a.op, sim.Now()-a.began)
	if won {
		s.counts.won.Add(1)
	}
	if a.hedged {
		s.twice--
	}
	for _, call := range a.calls {
		if call != none {
			sim.Cancel(call)
		}
	}
	sim.Reply(a.id, res)
}

// Wake implements lab.Stage: a first call is late.
func (s *stage) Wake(sim lab.Sim, token uint64) {
	a, ok := s.alarms[token]
	if !ok {
		return
	}
	delete(s.alarms, token)
	v := s.core.Second(sim.Now(), sim.Request(a.id))
	s.counts.decided(v)
	if v == Ask {
		a.hedged = true
		s.twice++
		s.ask(sim, a, 1)
	}
}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.core, s.twice) }

var _ lab.Stage = (*stage)(nil)
