package orders

import (
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/system"
)

// Counts are the service's own counters; both engines count with them.
type Counts struct {
	Accepted, Duplicates, Replayed, InFlight, Mismatched   *atomic.Uint64
	Published, LostEvents                                  *atomic.Uint64
	Ordered, Batches, RingFull                             *atomic.Uint64
	Applied, Repeated, Redelivered, Crashed, Dead, Drained *atomic.Uint64
	LostMessages                                           *atomic.Uint64
}

// NewCounts returns the counters, from those of the choices by name.
func NewCounts(of func(choice string) *lab.Counters) Counts {
	i, o, s, b := of("idempotency"), of("outbox"), of("sequencer"), of("broker")
	return Counts{
		Accepted: i.Get("accepted"), Duplicates: i.Get("duplicates"), Replayed: i.Get("replayed"), InFlight: i.Get("in_flight"), Mismatched: i.Get("mismatched"),
		Published: o.Get("published"), LostEvents: o.Get("lost"),
		Ordered: s.Get("ordered"), Batches: s.Get("batches"), RingFull: s.Get("ring_full"),
		Applied: b.Get("applied"), Repeated: b.Get("repeated"), Redelivered: b.Get("redelivered"), Crashed: b.Get("crashed"), Dead: b.Get("dead"),
		Drained: b.Get("drained"), LostMessages: b.Get("lost"),
	}
}

// retrySoon is when to ask again while the same intent is being worked on.
const retrySoon = 100 * time.Millisecond

// Busy is the answer while the same intent is being worked on.
func Busy() lab.Response {
	res := lab.Refuse(lab.Shed, ReasonInFlight, retrySoon)
	res.Status = 409
	return res
}

// model is what virtual time remembers: which intents are inside, and which
// have had their effect.
type model struct {
	counts Counts
	inside map[uint64]bool
	done   map[uint64]bool
}

func newModel(of func(choice string) *lab.Counters) system.Model {
	return &model{counts: NewCounts(of), inside: map[uint64]bool{}, done: map[uint64]bool{}}
}

var _ system.Watcher = (*model)(nil)

// intent is the same for all tries of one user.
func intent(r *lab.Request) uint64 { return r.ID >> 8 }

// Entered implements system.Watcher.
func (m *model) Entered(_ time.Duration, r *lab.Request) (lab.Response, bool) {
	if r.Op != Submit || r.Choices[PlaceIdempotency] == nil {
		return lab.Response{}, false
	}
	if m.inside[intent(r)] {
		m.counts.InFlight.Add(1)
		return Busy(), true
	}
	m.inside[intent(r)] = true
	return lab.Response{}, false
}

// Served implements system.Model.
func (m *model) Served(_ time.Duration, r *lab.Request) lab.Response {
	if r.Op != Submit {
		return lab.Response{}
	}
	if r.Choices[PlaceSequencer] != nil {
		m.counts.Ordered.Add(1)
	}
	m.leave(r)
	if m.accept(r) {
		m.counts.Published.Add(1)
		m.counts.Applied.Add(1)
	}
	return lab.Response{Status: 202}
}

// accept has the effect of a submission, and reports whether it had one.
func (m *model) accept(r *lab.Request) bool {
	seen := m.done[intent(r)]
	switch {
	case seen && r.Choices[PlaceIdempotency] != nil:
		m.counts.Replayed.Add(1)
		return false
	case seen:
		m.counts.Duplicates.Add(1)
	}
	m.counts.Accepted.Add(1)
	m.done[intent(r)] = true
	return true
}

// Left implements system.Watcher: an order that was written, and whose event the
// request was to hand over itself, has lost it.
func (m *model) Left(_ time.Duration, r *lab.Request, calls int, res lab.Response) {
	if r.Op != Submit {
		return
	}
	m.leave(r)
	if res.Reason == ReasonRing {
		m.counts.RingFull.Add(1)
	}
	written := Locked
	if r.Choices[PlaceSequencer] != nil {
		written = 1
	}
	if calls >= written && m.accept(r) {
		m.counts.LostEvents.Add(1)
	}
}

// leave notes that a submission is not inside any more.
func (m *model) leave(r *lab.Request) {
	if r.Choices[PlaceIdempotency] != nil {
		delete(m.inside, intent(r))
	}
}

// Grouped implements system.Watcher.
func (m *model) Grouped(uint64, int) { m.counts.Batches.Add(1) }
