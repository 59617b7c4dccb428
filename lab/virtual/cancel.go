package virtual

import (
	"slices"

	"workbench/lab"
	"workbench/lab/gate"
)

// Cancel implements lab.Sim. A request at a gate leaves it, as one whose context
// has ended does in the live lab. One that is elsewhere, with a stage below or in
// a line, comes up when it is let go there.
func (p *port) Cancel(id int32) {
	w := p.world
	if p.member.dead {
		return
	}
	if w.leaveDoor(id) {
		w.fail(id, lab.Answer(nil, lab.ErrStop))
	}
}

// leaveDoor takes a request out of the gate it is at. One whose end there has
// happened and is only to be told stays: it comes up by itself.
func (w *world) leaveDoor(id int32) bool {
	d := w.calls[id].door
	if d == nil || d.ended(id) {
		return false
	}
	w.calls[id].door = nil
	d.tell(d.model.Leave(w.queue.Now(), w.calls[id].job, nil))
	return true
}

// ended reports whether the end of a request is among what is still to be told.
func (d *door) ended(id int32) bool {
	return slices.ContainsFunc(d.fifo[d.told:], func(e gate.Event) bool { return e.ID == uint64(id) && e.Kind != gate.Started })
}
