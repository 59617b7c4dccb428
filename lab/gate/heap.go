package gate

import (
	"math"
	"time"
)

// never is later than any instant.
const never = time.Duration(math.MaxInt64)

// due is a job and the instant at which something happens to it.
type due struct {
	at  time.Duration
	seq uint64 // orders what is due at the same instant
	job int32
}

func (d due) before(o due) bool { return d.at < o.at || d.at == o.at && d.seq < o.seq }

// agenda is a 4-ary heap of due jobs, earliest first. From a loose one any job
// can be removed: where[job] is its place, or -1. From the others only the
// first can, which spares a large gate the misses of the memory's caches.
type agenda struct {
	loose bool
	heap  []due
	where []int32 // indexed by job; of a loose one
}

func (a *agenda) grow() {
	if a.loose {
		a.where = append(a.where, -1)
	}
}

func (a *agenda) head() (due, bool) {
	if len(a.heap) == 0 {
		return due{}, false
	}
	return a.heap[0], true
}

// next returns when the earliest is due.
func (a *agenda) next() time.Duration {
	if len(a.heap) == 0 {
		return never
	}
	return a.heap[0].at
}

func (a *agenda) push(d due) {
	a.heap = append(a.heap, d)
	a.up(len(a.heap) - 1)
}

// pop takes the first job off the agenda, which must have one.
func (a *agenda) pop() { a.drop(0) }

// remove takes job off a loose agenda; it does nothing for one that is not on
// it.
func (a *agenda) remove(job int32) {
	if i := int(a.where[job]); i >= 0 {
		a.drop(i)
	}
}

func (a *agenda) drop(i int) {
	if a.loose {
		a.where[a.heap[i].job] = -1
	}
	last := len(a.heap) - 1
	moved := a.heap[last]
	a.heap = a.heap[:last]
	if i == last {
		return
	}
	a.heap[i] = moved
	a.up(a.down(i))
}

func (a *agenda) up(i int) {
	d := a.heap[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !d.before(a.heap[parent]) {
			break
		}
		a.set(i, a.heap[parent])
		i = parent
	}
	a.set(i, d)
}

func (a *agenda) down(i int) int {
	d, heap := a.heap[i], a.heap
	for {
		child := 4*i + 1
		if child >= len(heap) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(heap)); c++ {
			if heap[c].before(heap[least]) {
				least = c
			}
		}
		if !heap[least].before(d) {
			break
		}
		a.set(i, heap[least])
		i = least
	}
	a.set(i, d)
	return i
}

func (a *agenda) set(i int, d due) {
	a.heap[i] = d
	if a.loose {
		a.where[d.job] = int32(i)
	}
}
