package load

import (
	"time"

	"workbench/sim/outcome"
	"workbench/sim/population"
)

// try is one HTTP request to be made, or being made.
type try struct {
	born  time.Duration // when its user arrived
	due   time.Duration // when this try was due
	until time.Duration // when the user's patience with this try ends
	seq   uint64        // the user's place in the sequence of arrivals, from 1
	pick  population.Pick
	n     uint8           // 0 for the user's first try
	last  outcome.Outcome // of the try before, for n > 0
	held  bool            // it waited in the ring for a connection
	lag   time.Duration   // due to dispatched, once it is known
}

// ring is a bounded queue of tries, first in first out.
type ring struct {
	at         []try
	head, size int
}

func newRing(bound int) ring { return ring{at: make([]try, bound)} }

// push reports whether there was room.
func (r *ring) push(t *try) bool {
	if r.size == len(r.at) {
		return false
	}
	i := r.head + r.size
	if i >= len(r.at) {
		i -= len(r.at)
	}
	r.at[i] = *t
	r.size++
	return true
}

func (r *ring) pop(t *try) bool {
	if r.size == 0 {
		return false
	}
	*t = r.at[r.head]
	if r.head++; r.head == len(r.at) {
		r.head = 0
	}
	r.size--
	return true
}

// timers is a bounded binary heap of tries by due, ties by seq.
type timers struct {
	at    []try
	bound int
}

func (h *timers) before(i, j int) bool {
	a, b := &h.at[i], &h.at[j]
	return a.due < b.due || a.due == b.due && a.seq < b.seq
}

// push reports whether there was room.
func (h *timers) push(t *try) bool {
	if len(h.at) == h.bound {
		return false
	}
	h.at = append(h.at, *t)
	i := len(h.at) - 1
	for i > 0 && h.before(i, (i-1)/2) {
		p := (i - 1) / 2
		h.at[i], h.at[p] = h.at[p], h.at[i]
		i = p
	}
	return true
}

// pop takes the earliest try; the caller has checked that there is one.
func (h *timers) pop(t *try) {
	*t = h.at[0]
	last := len(h.at) - 1
	h.at[0] = h.at[last]
	h.at = h.at[:last]
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < last; c++ {
			if h.before(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		h.at[i], h.at[least] = h.at[least], h.at[i]
		i = least
	}
}

// words counts a bounded set of distinct reasons; what does not fit is counted
// as "other".
type words struct {
	names []string // at most maxReasons; shared by all windows of a run
}

const maxReasons = 32

// index returns the place of word, maxReasons for "other". It allocates only
// for a word it has not seen.
func (w *words) index(word []byte) int {
	for i, n := range w.names {
		if n == string(word) {
			return i
		}
	}
	if len(w.names) == maxReasons {
		return maxReasons
	}
	for _, c := range word {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return maxReasons
		}
	}
	w.names = append(w.names, string(word))
	return len(w.names) - 1
}

// name returns the word at a place.
func (w *words) name(i int) string {
	if i < len(w.names) {
		return w.names[i]
	}
	return "other"
}
