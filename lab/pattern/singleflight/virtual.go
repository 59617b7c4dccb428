package singleflight

import (
	"time"

	"workbench/lab"
)

// stage is single-flight in virtual time. A flight is a request of the stage's
// own; those who wait are kept by a token, which is also their alarm's.
type stage struct {
	group   *Group[*plane]
	counts  counts
	flying  map[int32]*Flight[*plane] // by the flight's own request
	waiters map[uint64]waiter         // by token
	token   uint64                    // the last one given
}

// plane is a flight's list of tokens, the leader's first.
type plane struct{ tokens []uint64 }

type waiter struct {
	id    int32
	leads bool
}

func newStage(env lab.Env, k Knobs) (lab.Stage, error) {
	return &stage{
		group: New[*plane](k), counts: newCounts(env.Counters),
		flying: map[int32]*Flight[*plane]{}, waiters: map[uint64]waiter{},
	}, nil
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	r := sim.Request(id)
	if !r.Read || r.Useless(sim.Now()) {
		sim.Forward(id)
		return
	}
	f, leads := s.group.Join(sim.Now(), r)
	s.counts.entered(leads)
	s.token++
	s.waiters[s.token] = waiter{id: id, leads: leads}
	sim.Wake(Until(r, f.End), s.token)
	if !leads {
		f.Of.tokens = append(f.Of.tokens, s.token)
		return
	}
	f.Of = &plane{tokens: []uint64{s.token}}
	own := sim.Detach(id)
	Detached(sim.Request(own), f.End)
	s.flying[own] = f
	sim.Forward(own)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	f, ok := s.flying[id]
	if !ok { // a write, or one that asked alone
		if r := sim.Request(id); !r.Read {
			s.group.Forget(r.Key)
		}
		sim.Reply(id, res)
		return
	}
	delete(s.flying, id)
	s.group.Land(f)
	for _, token := range f.Of.tokens {
		w, ok := s.waiters[token]
		if !ok {
			continue // it gave up
		}
		delete(s.waiters, token)
		s.group.Leave()
		if s.group.Alone(w.leads, &res) {
			s.counts.alone.Add(1)
			sim.Forward(w.id)
			continue
		}
		sim.Reply(w.id, res)
	}
	sim.Drop(id)
}

// Wake implements lab.Stage: one who waits gives up.
func (s *stage) Wake(sim lab.Sim, token uint64) {
	w, ok := s.waiters[token]
	if !ok {
		return
	}
	delete(s.waiters, token)
	s.group.Leave()
	s.counts.gaveUp.Add(1)
	sim.Reply(w.id, lab.Refuse(lab.Late, ReasonWait, 0))
}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.group) }

var _ lab.Stage = (*stage)(nil)
