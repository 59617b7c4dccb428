// Package notificationlanes orders what waits to be sent: urgent things first,
// nothing forgotten, nothing twice.
package notificationlanes

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// These are the reasons for which Push refuses a message.
var (
	ErrDuplicate = errors.New("a message with this key was accepted a short while ago")
	ErrFull      = errors.New("the lane is full")
	ErrLane      = errors.New("there is no such lane")
)

// Message is one notification.
type Message struct {
	Key  string // two messages with one key are the same; empty: like no other
	Lane int    // 0 is the most urgent
	Text string
}

// Config says how a queue orders and what it refuses.
type Config struct {
	Lanes    int           // at least 1
	Size     int           // the most messages that wait in each lane, at least 1
	Patience time.Duration // after this long a passed-over lane gets a turn; more than 0
	Window   time.Duration // a key is good again after this long; 0: at once
}

// slot is a place in a lane's ring.
type slot struct {
	m  Message
	at time.Duration
}

// ring is a lane of a fixed size, with its memory grown as it fills.
type ring struct {
	slots       []slot
	first, used int
	served      time.Duration
}

// Queue keeps each lane in a ring, and the clock beside the lock.
type Queue struct {
	c     Config
	clock atomic.Int64

	mu    sync.RWMutex
	rings []ring
	until map[string]time.Duration // when a key is good again
	sweep int                      // sweep the keys when there are this many
	plan  []int                    // the lanes by the order of their turns
}

// New returns an empty queue.
func New(c Config) (*Queue, error) {
	if min(c.Lanes, c.Size) < 1 || c.Patience < 1 || c.Window < 0 {
		return nil, errors.New("notification lanes: want at least one lane, room for one message, some patience and no negative window")
	}
	q := &Queue{c: c, rings: make([]ring, c.Lanes), until: map[string]time.Duration{}, sweep: 64}
	for i := range c.Lanes {
		q.plan = append(q.plan, i)
	}
	return q, nil
}

// tick moves the clock on, never back.
func (q *Queue) tick(now time.Duration) time.Duration {
	for {
		was := q.clock.Load()
		if int64(now) <= was {
			return time.Duration(was)
		}
		if q.clock.CompareAndSwap(was, int64(now)) {
			return now
		}
	}
}

// Push puts a message at the end of its lane, or says why not: ErrDuplicate,
// ErrFull or ErrLane, perhaps wrapped.
func (q *Queue) Push(now time.Duration, m Message) error {
	if uint(m.Lane) >= uint(len(q.rings)) {
		return ErrLane
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now = q.tick(now)
	if again, ok := q.until[m.Key]; ok && now < again {
		return ErrDuplicate
	}
	r := &q.rings[m.Lane]
	if r.used >= q.c.Size {
		return ErrFull
	}
	if r.used == len(r.slots) {
		grown := make([]slot, min(q.c.Size, 2*r.used+8))
		n := copy(grown, r.slots[r.first:])
		copy(grown[n:], r.slots[:r.first])
		r.slots, r.first = grown, 0
	}
	r.slots[(r.first+r.used)%len(r.slots)] = slot{m, now}
	r.used++
	if m.Key != "" {
		q.until[m.Key] = now + q.c.Window
		q.clean(now)
	}
	return nil
}

// clean sweeps all keys, but only after as many new ones as were left by the
// last time, so that each push pays for a constant number.
func (q *Queue) clean(now time.Duration) {
	if len(q.until) < q.sweep {
		return
	}
	kept := map[string]time.Duration{}
	for key, again := range q.until {
		if now < again {
			kept[key] = again
		}
	}
	q.until, q.sweep = kept, 2*len(kept)+64
}

// Pop takes the message out that is to be sent next.
func (q *Queue) Pop(now time.Duration) (m Message, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now = q.tick(now)
	slices.SortFunc(q.plan, func(a, b int) int {
		return cmp.Or(cmp.Compare(q.rank(a, now), q.rank(b, now)), cmp.Compare(a, b))
	})
	r := &q.rings[q.plan[0]]
	if r.used == 0 {
		return Message{}, false
	}
	m = r.slots[r.first].m
	r.slots[r.first] = slot{}
	r.first = (r.first + 1) % len(r.slots)
	r.used--
	r.served = now
	return m, true
}

// rank is smaller the sooner the lane has its turn: hungry lanes by the instant
// since when, then the others, then the empty ones.
func (q *Queue) rank(i int, now time.Duration) time.Duration {
	r := &q.rings[i]
	if r.used == 0 {
		return 1<<63 - 1
	}
	since := max(r.slots[r.first].at, r.served)
	if now-since >= q.c.Patience {
		return since
	}
	return 1<<63 - 2
}
