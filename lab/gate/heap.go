package gate

import "time"

// due is a job and the instant at which something happens to it.
type due struct {
	at  time.Duration
	seq uint64 // orders what is due at the same instant
	job int32
}

func (d due) before(o due) bool { return d.at < o.at || d.at == o.at && d.seq < o.seq }

// agenda is a binary heap of due jobs, earliest first, from which any job can
// be removed: where[job] is its place, or -1.
type agenda struct {
	heap  []due
	where []int32 // indexed by job
}

func (a *agenda) grow() { a.where = append(a.where, -1) }

func (a *agenda) head() (due, bool) {
	if len(a.heap) == 0 {
		return due{}, false
	}
	return a.heap[0], true
}

func (a *agenda) push(d due) {
	a.heap = append(a.heap, d)
	a.up(len(a.heap) - 1)
}

// remove takes job off the agenda; it does nothing for one that is not on it.
func (a *agenda) remove(job int32) {
	i := int(a.where[job])
	if i < 0 {
		return
	}
	a.where[job] = -1
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
		parent := (i - 1) / 2
		if !d.before(a.heap[parent]) {
			break
		}
		a.set(i, a.heap[parent])
		i = parent
	}
	a.set(i, d)
}

func (a *agenda) down(i int) int {
	d := a.heap[i]
	for {
		child := 2*i + 1
		if child >= len(a.heap) {
			break
		}
		if child+1 < len(a.heap) && a.heap[child+1].before(a.heap[child]) {
			child++
		}
		if !a.heap[child].before(d) {
			break
		}
		a.set(i, a.heap[child])
		i = child
	}
	a.set(i, d)
	return i
}

func (a *agenda) set(i int, d due) {
	a.heap[i] = d
	a.where[d.job] = int32(i)
}
