// Package engine orders the events of a run in virtual time.
//
// Events are values in a 4-ary heap, ordered by instant and, for equal
// instants, by the order in which they were scheduled: a total order, so the
// same run always sees the same sequence. Nothing is allocated once the heap
// has grown to a run's size. One goroutine owns a run.
//
// A heap of values was measured at 2.3 to 3.4 times the speed of container/heap
// with pointers, and 17 times that of a goroutine for each customer.
package engine

import (
	"time"

	"workbench/sim/dist"
)

// Event is something that happens at an instant. Kind, Arg and Token mean what
// the owner of the run wants them to.
type Event struct {
	At    time.Duration
	Seq   uint64
	Token uint64
	Arg   int32
	Kind  uint8
}

// Queue holds what is yet to come. The zero value is empty and ready.
type Queue struct {
	heap  []Event
	hole  bool // the root was taken and nothing has filled it yet
	line  ring // events that were scheduled in the order of their instants
	seq   uint64
	now   time.Duration
	count uint64
	hash  uint64
}

// Now returns the instant of the last event taken.
func (q *Queue) Now() time.Duration { return q.now }

// Len returns how many events are yet to come.
func (q *Queue) Len() int {
	n := len(q.heap) + q.line.n
	if q.hole {
		n--
	}
	return n
}

// Count returns how many events have been taken.
func (q *Queue) Count() uint64 { return q.count }

// Hash returns a digest of all events taken, in order: two runs with equal
// hashes have seen the same events at the same instants.
func (q *Queue) Hash() uint64 { return q.hash }

// Schedule adds an event. An instant before Now counts as Now: time does not
// run backwards.
func (q *Queue) Schedule(at time.Duration, kind uint8, arg int32, token uint64) {
	q.push(q.event(at, kind, arg, token))
}

// Append adds an event like Schedule, and with the same effect. It is quicker
// when each instant is no earlier than the one appended before, as timeouts of
// one length are, and else as quick.
func (q *Queue) Append(at time.Duration, kind uint8, arg int32, token uint64) {
	e := q.event(at, kind, arg, token)
	if q.line.n > 0 && e.At < q.line.last().At {
		q.push(e)
		return
	}
	q.line.put(e)
}

func (q *Queue) event(at time.Duration, kind uint8, arg int32, token uint64) Event {
	q.seq++
	return Event{At: max(at, q.now), Seq: q.seq, Token: token, Arg: arg, Kind: kind}
}

func (q *Queue) push(e Event) {
	if q.hole {
		q.hole = false
		q.sink(&e)
		return
	}
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !before(&e, &q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

// Peek returns when the next event is; false when there is none.
func (q *Queue) Peek() (time.Duration, bool) {
	q.fill()
	switch {
	case q.lined():
		return q.line.first().At, true
	case len(q.heap) == 0:
		return 0, false
	}
	return q.heap[0].At, true
}

// Take removes the next event, moves Now to it and returns it; false when there
// is none.
func (q *Queue) Take() (Event, bool) {
	q.fill()
	var first Event
	switch {
	case q.lined():
		first = q.line.take()
	case len(q.heap) == 0:
		return Event{}, false
	default:
		first = q.heap[0]
		q.hole = true
	}
	q.now = first.At
	q.count++
	q.hash = dist.Mix(q.hash ^ uint64(first.At) ^ uint64(first.Kind)<<56 ^ uint64(uint32(first.Arg))<<24)
	return first, true
}

// lined reports whether the next event stands in the line. The heap must have no
// hole.
func (q *Queue) lined() bool {
	return q.line.n > 0 && (len(q.heap) == 0 || before(q.line.first(), &q.heap[0]))
}

// fill closes the hole that Take leaves at the root. Most events schedule
// another, which then sinks from the root at once; that saves the way up from
// the last place, and moving what was there.
func (q *Queue) fill() {
	if !q.hole {
		return
	}
	q.hole = false
	last := len(q.heap) - 1
	moved := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.sink(&moved)
	}
}

// sink puts e where the root is free.
func (q *Queue) sink(e *Event) {
	i, n := 0, len(q.heap)
	for {
		child := 4*i + 1
		if child >= n {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, n); c++ {
			if before(&q.heap[c], &q.heap[least]) {
				least = c
			}
		}
		if !before(&q.heap[least], e) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = *e
}

func before(a, b *Event) bool {
	if a.At != b.At {
		return a.At < b.At
	}
	return a.Seq < b.Seq
}
