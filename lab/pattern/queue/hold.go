package queue

import "time"

// The methods of this file let somebody else decide who may come in and who is
// next, while the room is kept here.

// Would returns what Enter would do: Serve, Wait or Full.
func (q *Queue) Would() Fate {
	switch {
	case q.busy < q.knobs.Workers && q.room.Len() == 0:
		return Serve
	case q.room.Len() < q.knobs.Length || q.knobs.Order == "lifo" && q.room.Len() > 0:
		return Wait
	}
	return Full
}

// Hold lets a request into the room whatever its length. Its fate is Wait, or
// Expired.
func (q *Queue) Hold(now, useless time.Duration) Entry {
	if !q.knobs.DropExpired {
		useless = 0
	}
	if useless > 0 && now >= useless {
		return Entry{Fate: Expired}
	}
	return q.wait(now, useless)
}

// First returns whom Next would take; 0: nobody waits.
func (q *Queue) First() Ticket {
	e := q.room.Front()
	if q.knobs.Order == "lifo" {
		e = q.room.Back()
	}
	if e == nil {
		return 0
	}
	return e.Value.(*waiter).ticket
}

// Take takes a waiting request out of the room for a worker, with its fate: Serve,
// or Expired when it is not worth one.
func (q *Queue) Take(now time.Duration, t Ticket) Fate {
	if q.remove(q.spots[t]).expired(now) {
		return Expired
	}
	q.busy++
	return Serve
}

// Remove takes a waiting request out of the room.
func (q *Queue) Remove(t Ticket) { q.remove(q.spots[t]) }
