package virtual

import (
	"slices"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/system"
)

// line is where requests on one thing wait for their turn.
type line struct {
	key  uint64
	door *door
	busy bool
	wait []int32
}

// ride is one call of a dependency that several requests share. Nobody's
// instance makes it: the thing's one writer does, and it outlives an instance.
type ride struct {
	line   *line
	batch  int
	riders []int32
}

// queueUp lets a request take its place in a line.
func (w *world) queueUp(id int32, l system.Line, door *door) {
	ln := w.lines[l.Key]
	if ln == nil {
		ln = &line{key: l.Key, door: door}
		w.lines[l.Key] = ln
	}
	switch {
	case !ln.busy:
		ln.busy = true
		w.admit(ln, l.Batch, []int32{id})
	case l.Most > 0 && len(ln.wait) >= l.Most:
		w.fail(id, lab.Refuse(lab.Shed, l.Full, 0))
	default:
		ln.wait = append(ln.wait, id)
	}
}

// admit lets those go in whose turn it is.
func (w *world) admit(ln *line, batch int, ids []int32) {
	if batch == 0 {
		c := &w.calls[ids[0]]
		c.held = ln
		ln.door.enter(ids[0])
		return
	}
	n := w.newCall()
	c := &w.calls[n]
	c.request, c.user, c.owner, c.member, c.held = lab.Request{}, none, none, nil, nil
	c.ride = &ride{ln, batch, ids}
	if k, ok := w.model.(system.Watcher); ok {
		k.Grouped(ln.key, len(ids))
	}
	ln.door.enter(n)
}

// release lets the next of a line in. Those for whom it is too late are told.
func (w *world) release(ln *line, batch int) {
	most := max(1, batch)
	for {
		n := min(most, len(ln.wait))
		if n == 0 {
			ln.busy = false
			delete(w.lines, ln.key)
			return
		}
		next := slices.Clone(ln.wait[:n])
		ln.wait = append(ln.wait[:0], ln.wait[n:]...)
		var late []int32
		next = slices.DeleteFunc(next, func(id int32) bool {
			expired := w.calls[id].request.Expired(w.queue.Now())
			if expired {
				late = append(late, id)
			}
			return expired
		})
		if len(next) > 0 {
			w.admit(ln, batch, next)
		}
		for _, id := range late { // after the turn is taken: an answer may bring a new request
			w.fail(id, lab.Answer(nil, lab.ErrLate))
		}
		if len(next) > 0 {
			return
		}
	}
}

// arrived ends a shared call: all who rode get what came of it.
func (w *world) arrived(id int32, k gate.Kind) {
	r := w.calls[id].ride
	w.calls[id].ride = nil
	w.freeCall(id)
	for _, rider := range r.riders {
		w.calls[rider].step++
		w.next(rider, k)
	}
	w.release(r.line, r.batch)
}

// next lets a request whose call has ended make its next one, or takes its
// answer up.
func (w *world) next(id int32, k gate.Kind) {
	if k == gate.Served && w.visit(id) {
		return
	}
	c := &w.calls[id]
	if k != gate.Served {
		c.step-- // the call that broke is not behind it
		w.fail(id, w.response(k, &c.request))
		return
	}
	w.letGo(id)
	w.up(id, c.member, len(c.member.port)-1, w.response(k, &c.request))
}

// fail takes the answer of a request up that did not come to its end.
func (w *world) fail(id int32, res lab.Response) {
	c := &w.calls[id]
	c.door = nil
	w.watch(id, res)
	w.letGo(id)
	w.up(id, c.member, len(c.member.port)-1, res)
}

// watch tells the model of a request that did not come to its end.
func (w *world) watch(id int32, res lab.Response) {
	c := &w.calls[id]
	if k, ok := w.model.(system.Watcher); ok && c.seen {
		c.seen = false
		k.Left(w.queue.Now(), &c.request, int(c.step), res)
	}
}

// letGo ends a request's turn, if it holds one.
func (w *world) letGo(id int32) {
	if ln := w.calls[id].held; ln != nil {
		w.calls[id].held = nil
		w.release(ln, 0)
	}
}

// forget takes the requests of a dead instance out of the lines.
func (w *world) forget(m *member) {
	dead := func(id int32) bool { return w.calls[id].member == m }
	for _, ln := range w.lines {
		ln.wait = slices.DeleteFunc(ln.wait, dead)
	}
	for id := range w.calls {
		if r := w.calls[id].ride; r != nil && w.calls[id].live {
			r.riders = slices.DeleteFunc(r.riders, dead)
		}
	}
}
