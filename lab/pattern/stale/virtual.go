package stale

import (
	"time"

	"workbench/lab"
)

// stage is serving stale in virtual time. Calls that may go on behind are
// requests of the stage's own. The note of one that passes as itself is its
// lease.
type stage struct {
	copies *Copies
	counts *counts
	after  time.Duration
	own    map[int32]*errand  // by the stage's own request
	alarms map[uint64]*errand // by token: those that may still be abandoned
	token  uint64
}

// errand is a call that the stage makes itself.
type errand struct {
	id      int32 // the request that waits for it
	lease   Lease
	token   uint64
	renewal bool // nobody waits
	left    bool // the one who waited has its answer
}

func newStage(env lab.Env, copies *Copies) *stage {
	return &stage{
		copies: copies, counts: newCounts(env.Counters), after: copies.knobs.After,
		own: map[int32]*errand{}, alarms: map[uint64]*errand{},
	}
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	r, now := sim.Request(id), sim.Now()
	if !r.Read {
		sim.Forward(id)
		return
	}
	copied, offer, lease := s.copies.Look(now, r.Key, r.Op)
	switch {
	case offer == Fresh:
		s.counts.fresh.Add(1)
		sim.Reply(id, copied)
	case offer == AtOnce:
		s.counts.stale.Add(1)
		if s.copies.Renew(now, r.Key, r.Op) {
			s.counts.refresh.Add(1)
			s.send(sim, &errand{id: id, lease: lease, renewal: true})
		}
		sim.Reply(id, copied)
	case offer == Backup && s.after > 0:
		s.token++
		e := &errand{id: id, lease: lease, token: s.token}
		s.alarms[e.token] = e
		sim.Wake(now+s.after, e.token)
		s.send(sim, e)
	default:
		*sim.Note(id) = uint64(lease)
		sim.Forward(id)
	}
}

// send starts an errand.
func (s *stage) send(sim lab.Sim, e *errand) {
	own := sim.Detach(e.id)
	Detached(sim.Now(), sim.Request(own), e.renewal)
	s.own[own] = e
	sim.Forward(own)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	r, now := sim.Request(id), sim.Now()
	e, ok := s.own[id]
	switch {
	case !ok && !r.Read:
		s.counts.dropped.Add(uint64(s.copies.Wrote(r.Key, &res)))
		sim.Reply(id, res)
		return
	case !ok:
		s.counts.keep(s.copies, now, r, Lease(*sim.Note(id)), &res)
		sim.Reply(id, s.counts.cover(s.copies, now, r, res))
		return
	}
	delete(s.own, id)
	delete(s.alarms, e.token)
	switch {
	case e.renewal:
		s.counts.endRenew(s.copies, now, r, e.lease, &res)
	case e.left:
		s.counts.keep(s.copies, now, r, e.lease, &res)
		s.copies.FreeRoom()
	default:
		s.counts.keep(s.copies, now, r, e.lease, &res)
		sim.Reply(e.id, s.counts.cover(s.copies, now, r, res))
	}
	sim.Drop(id)
}

// Wake implements lab.Stage: a call is slow.
func (s *stage) Wake(sim lab.Sim, token uint64) {
	e, ok := s.alarms[token]
	if !ok {
		return
	}
	delete(s.alarms, token)
	r := sim.Request(e.id)
	copied, ok, _ := s.copies.Last(sim.Now(), r.Key, r.Op)
	if !ok || !s.copies.TakeRoom() {
		return // it waits on
	}
	e.left = true
	s.counts.after.Add(1)
	s.counts.stale.Add(1)
	sim.Reply(e.id, copied)
}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.copies) }

var _ lab.Stage = (*stage)(nil)
