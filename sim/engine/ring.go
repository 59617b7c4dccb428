package engine

// ring is a first-in, first-out list of events that reuses its room. The zero
// value is empty.
type ring struct {
	room []Event // its length is a power of two
	head int     // index of the first
	n    int
}

func (r *ring) first() *Event { return &r.room[r.head] }

func (r *ring) last() *Event { return &r.room[(r.head+r.n-1)&(len(r.room)-1)] }

func (r *ring) put(e Event) {
	if r.n == len(r.room) {
		grown := make([]Event, max(64, 2*r.n))
		copied := copy(grown, r.room[r.head:])
		copy(grown[copied:], r.room[:r.head])
		r.room, r.head = grown, 0
	}
	r.room[(r.head+r.n)&(len(r.room)-1)] = e
	r.n++
}

func (r *ring) take() Event {
	e := r.room[r.head]
	r.head = (r.head + 1) & (len(r.room) - 1)
	r.n--
	return e
}
