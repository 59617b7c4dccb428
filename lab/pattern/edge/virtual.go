package edge

import (
	"time"

	"workbench/lab"
)

// operations bounds those whose copies a write drops.
const operations = 16

// stage is the edge in virtual time: before each instance the part of it that
// sends requests there, all over one shelf. A flight is a request of the stage's own. The
// note of one that passes as itself is its lease.
type stage struct {
	copies *Copies[*plane]
	counts counts
	flying map[int32]*Flight[*plane] // by the flight's own request
}

// plane is who waits for a flight.
type plane struct{ waiters []waiter }

type waiter struct {
	sim   lab.Sim // of the instance that the balancer chose for it
	id    int32
	leads bool
}

func newStage(env lab.Env, k Knobs) (lab.Stage, error) {
	shelf := NewShelf()
	if env.Common != nil {
		shelf = env.Common(func() any { return shelf }).(*Shelf)
	}
	return &stage{copies: Over[*plane](k, shelf), counts: newCounts(env.Counters), flying: map[int32]*Flight[*plane]{}}, nil
}

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	r, now := sim.Request(id), sim.Now()
	if !r.Read {
		sim.Forward(id)
		return
	}
	copied, offer, lease := s.copies.Look(now, r)
	switch offer {
	case Fresh:
		s.counts.hit.Add(1)
		s.counts.saved(&copied)
		sim.Reply(id, copied)
		return
	case While:
		s.counts.stale.Add(1)
		s.counts.saved(&copied)
		s.refresh(sim, id, lease)
		sim.Reply(id, copied)
		return
	}
	s.counts.miss.Add(1)
	f, leads := s.copies.Join(r, lease)
	switch {
	case f == nil:
		*sim.Note(id) = uint64(lease)
		sim.Forward(id)
	case leads:
		f.Of = &plane{waiters: []waiter{{sim: sim, id: id, leads: true}}}
		s.send(sim, id, f)
	default:
		s.counts.collapsed.Add(1)
		f.Of.waiters = append(f.Of.waiters, waiter{sim: sim, id: id})
	}
}

// refresh fetches a copy anew, unless somebody does.
func (s *stage) refresh(sim lab.Sim, id int32, lease Lease) {
	r := sim.Request(id)
	f, leads := s.copies.Refresh(r, lease)
	if !leads {
		return
	}
	s.counts.refresh.Add(1)
	f.Of = &plane{}
	s.send(sim, id, f)
}

// send starts a flight with a request of the stage's own.
func (s *stage) send(sim lab.Sim, id int32, f *Flight[*plane]) {
	own := sim.Detach(id)
	Detached(sim.Now(), sim.Request(own))
	s.flying[own] = f
	sim.Forward(own)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	r, now := sim.Request(id), sim.Now()
	f, ok := s.flying[id]
	switch {
	case !ok && !r.Read:
		s.counts.dropped.Add(uint64(s.copies.Wrote(r, operations, &res)))
		sim.Reply(id, res)
		return
	case !ok:
		s.counts.kept(s.copies.Keep(now, r, Lease(*sim.Note(id)), res))
		sim.Reply(id, s.cover(now, r, res))
		return
	}
	delete(s.flying, id)
	s.counts.kept(s.copies.Keep(now, r, s.copies.Land(f), res))
	for _, w := range f.Of.waiters {
		asked := w.sim.Request(w.id)
		answer := s.cover(now, asked, res)
		if !w.leads && !served(&answer) {
			// An error is an answer to the one who asked: the others ask for themselves.
			_, _, lease := s.copies.Look(now, asked)
			*w.sim.Note(w.id) = uint64(lease)
			w.sim.Forward(w.id)
			continue
		}
		if !w.leads && answer.Outcome == lab.OK {
			s.counts.saved(&answer) // a stale one has been counted
		}
		w.sim.Reply(w.id, answer)
	}
	sim.Drop(id)
}

// cover returns the copy in place of a failure, else the answer.
func (s *stage) cover(now time.Duration, r *lab.Request, res lab.Response) lab.Response {
	copied, ok := s.copies.OnError(now, r, &res)
	if !ok {
		return res
	}
	s.counts.staleError.Add(1)
	s.counts.saved(&copied)
	return copied
}

// Wake implements lab.Stage. The edge sets no alarms.
func (s *stage) Wake(lab.Sim, uint64) {}

// Gauges implements lab.Stage.
func (s *stage) Gauges(time.Duration) []lab.Gauge { return gauges(s.copies.Len(), s.copies.Flights()) }

var _ lab.Stage = (*stage)(nil)
