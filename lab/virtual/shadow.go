package virtual

import (
	"time"

	"workbench/lab"
)

// shadow lets a stage live through what it would have done without acting. Each
// request passes at once; a copy of it, the phantom, goes through the stage. To
// a phantom the world below takes as long, and answers the same, as it did to
// the request itself, unless the stage has set an earlier deadline.
//
// It is sound as long as the world below would not have changed much: what a
// stage would have relieved it of is still there.
type shadow struct {
	port     *port
	stage    lab.Stage
	phantoms []phantom
	free     []int32
	origins  []origin
	freeOnes []int32
}

// phantom is a copy of a request inside the stage.
type phantom struct {
	request lab.Request
	note    uint64
	origin  int32
	epoch   uint32        // grows each time it is sent below and comes back, so that an old event means nothing
	sent    time.Duration // when it was last sent below
	below   bool
	live    bool
}

// origin is the request that phantoms are copies of.
type origin struct {
	begun    time.Duration
	took     time.Duration // what the world below took; valid when done
	res      lab.Response
	done     bool
	phantoms int32   // how many there are
	waiting  []int32 // phantoms below before it was done
}

// Enter implements lab.Stage.
func (s *shadow) Enter(sim lab.Sim, id int32) {
	n := s.newOrigin()
	s.origins[n].begun = sim.Now()
	*sim.Note(id) = uint64(n)
	s.stage.Enter(view{s}, s.copy(*sim.Request(id), n))
	sim.Forward(id)
}

// Leave implements lab.Stage.
func (s *shadow) Leave(sim lab.Sim, id int32, res lab.Response) {
	n := int32(*sim.Note(id))
	o := &s.origins[n]
	o.done, o.took, o.res = true, sim.Now()-o.begun, res
	for _, p := range o.waiting {
		if f := &s.phantoms[p]; f.live && f.below && f.origin == n {
			s.schedule(p, f.sent+o.took)
		}
	}
	o.waiting = o.waiting[:0]
	s.release(n)
	sim.Reply(id, res)
}

// Wake implements lab.Stage.
func (s *shadow) Wake(_ lab.Sim, token uint64) { s.stage.Wake(view{s}, token) }

// Gauges implements lab.Stage.
func (s *shadow) Gauges(now time.Duration) []lab.Gauge { return s.stage.Gauges(now) }

// Clear empties the stage, if it can be.
func (s *shadow) Clear() {
	if c, ok := s.stage.(interface{ Clear() }); ok {
		c.Clear()
	}
}

// Down takes Redis from the stage, if it keeps something there, or gives it back.
func (s *shadow) Down(down bool) {
	if c, ok := s.stage.(interface{ Down(bool) }); ok {
		c.Down(down)
	}
}

// schedule lets a phantom's answer come at an instant.
func (s *shadow) schedule(id int32, at time.Duration) {
	s.port.world.queue.Schedule(at, evShadow, s.port.index, uint64(s.phantoms[id].epoch)<<32|uint64(uint32(id)))
}

// due brings a phantom its answer, or the end of its deadline.
func (s *shadow) due(token uint64) {
	id := int32(uint32(token))
	p := &s.phantoms[id]
	if !p.live || !p.below || p.epoch != uint32(token>>32) {
		return
	}
	p.below = false
	p.epoch++
	res := lab.Answer(nil, lab.ErrLate)
	if o := &s.origins[p.origin]; o.done && p.sent+o.took <= s.Now() {
		res = o.res
	}
	s.stage.Leave(view{s}, id, res)
}

// view is the world as the stage in the shadow sees it.
type view struct{ *shadow }

// Wake implements lab.Sim.
func (v view) Wake(at time.Duration, token uint64) { v.port.Wake(at, token) }

// Now implements lab.Sim.
func (s *shadow) Now() time.Duration { return s.port.Now() }

// Request implements lab.Sim.
func (s *shadow) Request(id int32) *lab.Request { return &s.phantoms[id].request }

// Note implements lab.Sim.
func (s *shadow) Note(id int32) *uint64 { return &s.phantoms[id].note }

// Uniform implements lab.Sim.
func (s *shadow) Uniform() float64 { return s.port.Uniform() }

// Forward implements lab.Sim by waiting as long as the request itself does.
func (s *shadow) Forward(id int32) {
	p := &s.phantoms[id]
	p.below, p.sent = true, s.Now()
	p.epoch++
	if p.request.Deadline > 0 {
		s.schedule(id, p.request.Deadline)
	}
	if o := &s.origins[p.origin]; o.done {
		s.schedule(id, p.sent+o.took)
	} else {
		o.waiting = append(o.waiting, id)
	}
}

// Reply implements lab.Sim: the phantom has seen what it came for.
func (s *shadow) Reply(id int32, _ lab.Response) { s.Drop(id) }

// Detach implements lab.Sim.
func (s *shadow) Detach(id int32) int32 {
	p := s.phantoms[id]
	return s.copy(p.request, p.origin)
}

// Drop implements lab.Sim.
func (s *shadow) Drop(id int32) {
	p := &s.phantoms[id]
	p.live, p.below = false, false
	p.epoch++
	s.free = append(s.free, id)
	s.origins[p.origin].phantoms--
	s.release(p.origin)
}

// Cancel implements lab.Sim: a phantom below comes back at once.
func (s *shadow) Cancel(id int32) {
	p := &s.phantoms[id]
	if !p.live || !p.below {
		return
	}
	p.below = false
	p.epoch++
	s.stage.Leave(view{s}, id, lab.Answer(nil, lab.ErrStop))
}

// copy returns a new phantom of origin n.
func (s *shadow) copy(r lab.Request, n int32) int32 {
	var id int32
	if last := len(s.free) - 1; last >= 0 {
		id = s.free[last]
		s.free = s.free[:last]
	} else {
		id = int32(len(s.phantoms))
		s.phantoms = append(s.phantoms, phantom{})
	}
	s.phantoms[id] = phantom{request: r, origin: n, epoch: s.phantoms[id].epoch + 1, live: true}
	s.origins[n].phantoms++
	return id
}

func (s *shadow) newOrigin() int32 {
	if last := len(s.freeOnes) - 1; last >= 0 {
		n := s.freeOnes[last]
		s.freeOnes = s.freeOnes[:last]
		s.origins[n] = origin{waiting: s.origins[n].waiting[:0]}
		return n
	}
	s.origins = append(s.origins, origin{})
	return int32(len(s.origins) - 1)
}

// release forgets an origin that is done and has no phantom left.
func (s *shadow) release(n int32) {
	if o := &s.origins[n]; o.done && o.phantoms == 0 {
		s.freeOnes = append(s.freeOnes, n)
	}
}

var (
	_ lab.Stage = (*shadow)(nil)
	_ lab.Sim   = view{}
)
