package virtual

import (
	"time"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/system"
	"workbench/sim/dist"
)

// call is one request inside the service: a user's try, or a request that a
// pattern has started for itself.
type call struct {
	request lab.Request
	user    int32 // whose try it is; none once nobody waits for the answer
	member  *member
	owner   int32 // depth of the port that detached it; none for a user's try
	door    *door // the gate it is at; nil when it is at no gate
	job     int32 // its number there
	step    int32 // how many calls of a dependency it has behind it
	live    bool
	seen    bool  // the model was told that it has entered
	held    *line // whose turn it holds; nil: none
	ride    *ride // of those who share this call; nil: it is one request's
}

const none int32 = -1

// port is one pattern in one instance, and that pattern's view of the world.
type port struct {
	world  *world
	member *member
	stage  lab.Stage
	name   string
	depth  int   // place in the chain, 0 first
	index  int32 // place in world.ports
	draws  *dist.Stream
}

// Now implements lab.Sim.
func (p *port) Now() time.Duration { return p.world.queue.Now() }

// Request implements lab.Sim.
func (p *port) Request(id int32) *lab.Request { return &p.world.calls[id].request }

// Note implements lab.Sim.
func (p *port) Note(id int32) *uint64 { return &p.world.notes[int(id)*p.world.depth+p.depth] }

// Uniform implements lab.Sim.
func (p *port) Uniform() float64 { return p.draws.Float64() }

// Wake implements lab.Sim.
func (p *port) Wake(at time.Duration, token uint64) {
	p.world.queue.Schedule(at, evWake, p.index, token)
}

// Forward implements lab.Sim. What a dead instance does goes nowhere.
func (p *port) Forward(id int32) {
	if !p.member.dead {
		p.world.down(id, p.member, p.depth+1)
	}
}

// Reply implements lab.Sim.
func (p *port) Reply(id int32, res lab.Response) {
	if !p.member.dead {
		p.world.up(id, p.member, p.depth-1, res)
	}
}

// Detach implements lab.Sim.
func (p *port) Detach(id int32) int32 {
	w := p.world
	n := w.newCall()
	c := &w.calls[n]
	c.request, c.member, c.user, c.owner = w.calls[id].request, p.member, none, int32(p.depth)
	return n
}

// Drop implements lab.Sim.
func (p *port) Drop(id int32) { p.world.freeCall(id) }

var _ lab.Sim = (*port)(nil)

// down hands a request to the stage at depth, or to the system below them all.
func (w *world) down(id int32, m *member, depth int) {
	if depth < len(m.port) {
		p := m.port[depth]
		p.stage.Enter(p, id)
		return
	}
	w.calls[id].step = 0
	if m.cpu != nil {
		m.cpu.enter(id)
		return
	}
	w.work(id)
}

// through ends a request's wait for its instance.
func (w *world) through(id int32, k gate.Kind) {
	if k == gate.Served {
		w.work(id)
		return
	}
	w.fail(id, w.response(k, &w.calls[id].request))
}

// work lets a request make its calls of dependencies; one that makes none is
// answered from what the service has at hand.
func (w *world) work(id int32) {
	c := &w.calls[id]
	if k, ok := w.model.(system.Watcher); ok {
		if res, answered := k.Entered(w.queue.Now(), &c.request); answered {
			w.up(id, c.member, len(c.member.port)-1, res)
			return
		}
		c.seen = true
	}
	if w.visit(id) {
		return
	}
	c = &w.calls[id]
	w.up(id, c.member, len(c.member.port)-1, w.response(gate.Served, &c.request))
}

// visit lets a request make its next call of a dependency; false: it has made
// them all.
func (w *world) visit(id int32) bool {
	c := &w.calls[id]
	w.path = w.kind.Path(&c.request, w.path[:0])
	left := int(c.step)
	for _, v := range w.path {
		first := left == 0
		if left -= v.Times; left >= 0 {
			continue
		}
		if first {
			w.letGo(id) // the turn of the visit before
		}
		// Without a second provider all goes to the first, without one to the gate.
		at := w.gates[min(int(v.Door), len(w.gates)-1)]
		if first && v.Line.Key != 0 {
			w.queueUp(id, v.Line, at)
			return true
		}
		at.enter(id)
		return true
	}
	return false
}

// up hands an answer to the stage at depth, or to the user above them all.
func (w *world) up(id int32, m *member, depth int, res lab.Response) {
	if depth >= 0 && depth >= int(w.calls[id].owner) {
		p := m.port[depth]
		p.stage.Leave(p, id, res)
		return
	}
	w.answer(id, res)
}

func (w *world) newCall() int32 {
	var n int32
	if last := len(w.freeCalls) - 1; last >= 0 {
		n = w.freeCalls[last]
		w.freeCalls = w.freeCalls[:last]
		clear(w.notes[int(n)*w.depth : (int(n)+1)*w.depth])
	} else {
		n = int32(len(w.calls))
		w.calls = append(w.calls, call{})
		w.notes = append(w.notes, make([]uint64, w.depth)...)
	}
	w.calls[n].live, w.calls[n].seen, w.calls[n].door = true, false, nil
	return n
}

func (w *world) freeCall(id int32) {
	if !w.calls[id].live {
		panic("virtual: a request ended twice")
	}
	w.calls[id].live = false
	w.freeCalls = append(w.freeCalls, id)
}

// door is a capacity gate in the world.
type door struct {
	world    *world
	model    *gate.Model
	index    int32
	kind     uint8        // of its events
	own      bool         // of an instance: what it has served goes on to a dependency
	fifo     []gate.Event // happened and not yet told
	told     int          // of fifo, how many have been told
	draining bool
	wakeAt   time.Duration // the earliest wake that is scheduled; 0: none
	lastBusy time.Duration
	lastAt   time.Duration
	share    float64
}

func (d *door) enter(id int32) {
	var buf [4]gate.Event
	c := &d.world.calls[id]
	c.door = d
	job, out := d.model.Enter(d.world.queue.Now(), uint64(id), c.request.Deadline, buf[:0])
	d.world.calls[id].job = job
	d.tell(out)
}

// wake lets the gate do what is due.
func (d *door) wake(at time.Duration) {
	if at == d.wakeAt {
		d.wakeAt = 0
	}
	var buf [4]gate.Event
	d.tell(d.model.Advance(at, buf[:0]))
}

// tell passes on what happened. Telling one request may let another enter, so
// events wait in line: the model is never called from within itself.
func (d *door) tell(events []gate.Event) {
	d.fifo = append(d.fifo, events...)
	if d.draining {
		return
	}
	d.draining = true
	for d.told = 0; d.told < len(d.fifo); {
		e := d.fifo[d.told]
		d.told++
		if e.Kind != gate.Started {
			w := d.world
			c := &w.calls[e.ID]
			c.door = nil
			if c.ride != nil {
				w.arrived(int32(e.ID), e.Kind)
				continue
			}
			if d.own {
				w.through(int32(e.ID), e.Kind)
				continue
			}
			c.step++
			w.next(int32(e.ID), e.Kind)
		}
	}
	d.fifo, d.told = d.fifo[:0], 0
	d.draining = false
	if at, ok := d.model.Next(); ok && (d.wakeAt == 0 || at < d.wakeAt) {
		d.wakeAt = at
		d.world.queue.Schedule(at, d.kind, d.index, 0)
	}
}

// response is what the system answers about an item: the store has those that
// the population knows, and no other.
func (w *world) response(k gate.Kind, r *lab.Request) lab.Response {
	switch k {
	case gate.Served:
		if w.model != nil {
			return w.model.Served(w.queue.Now(), r)
		}
		return lab.Response{Missing: r.Key > w.items}
	case gate.Broken:
		return lab.Answer(nil, lab.ErrFail)
	case gate.Late:
		return lab.Answer(nil, lab.ErrLate)
	default:
		return lab.Answer(nil, lab.ErrFull)
	}
}
