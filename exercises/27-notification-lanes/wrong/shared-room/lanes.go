// kills: TestOwnRoom — one bound for all lanes lets a blast refuse the codes

// Package notificationlanes orders what waits to be sent: urgent things first,
// nothing forgotten, nothing twice.
package notificationlanes

import (
	"errors"
	"fmt"
	"sync"
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

// waiting is a message and when it came.
type waiting struct {
	m      Message
	pushed time.Duration
}

// lane is a queue of its own, first in, first out.
type lane struct {
	fifo   []waiting
	served time.Duration // its last turn
}

// since returns the instant from which on the lane has been passed over.
func (l *lane) since() time.Duration { return max(l.fifo[0].pushed, l.served) }

// seen is a key and when it was accepted.
type seen struct {
	key string
	at  time.Duration
}

// Queue holds the messages that wait. Use New. It is safe for concurrent use.
type Queue struct {
	c Config

	mu    sync.Mutex
	now   time.Duration       // guarded by mu: the latest instant seen
	lanes []lane              // guarded by mu
	keys  map[string]struct{} // guarded by mu: what was accepted within the window
	order []seen              // guarded by mu: the same, oldest first
}

// New returns an empty queue.
func New(c Config) (*Queue, error) {
	switch {
	case c.Lanes < 1:
		return nil, fmt.Errorf("notification lanes: Lanes %d, want at least 1", c.Lanes)
	case c.Size < 1:
		return nil, fmt.Errorf("notification lanes: Size %d, want at least 1", c.Size)
	case c.Patience <= 0:
		return nil, fmt.Errorf("notification lanes: Patience %v, want more than 0", c.Patience)
	case c.Window < 0:
		return nil, fmt.Errorf("notification lanes: Window %v, want 0 or more", c.Window)
	}
	return &Queue{c: c, lanes: make([]lane, c.Lanes), keys: map[string]struct{}{}}, nil
}

// Push puts a message at the end of its lane, or says why not: ErrDuplicate,
// ErrFull or ErrLane, perhaps wrapped.
func (q *Queue) Push(now time.Duration, m Message) error {
	if m.Lane < 0 || m.Lane >= q.c.Lanes {
		return fmt.Errorf("push into lane %d of %d: %w", m.Lane, q.c.Lanes, ErrLane)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.now = max(q.now, now)
	q.forget()
	l := &q.lanes[m.Lane]
	if _, ok := q.keys[m.Key]; ok {
		return ErrDuplicate
	}
	all := 0
	for i := range q.lanes {
		all += len(q.lanes[i].fifo)
	}
	if all >= q.c.Size {
		return ErrFull
	}
	// Only what was taken in is remembered: the sender of a refused message has
	// to be able to try again.
	if m.Key != "" && q.c.Window > 0 {
		q.keys[m.Key] = struct{}{}
		q.order = append(q.order, seen{m.Key, q.now})
	}
	l.fifo = append(l.fifo, waiting{m, q.now})
	return nil
}

// forget drops the keys whose window is over. Each was accepted later than the
// one before it, so the oldest are in front.
func (q *Queue) forget() {
	for len(q.order) > 0 && q.now-q.order[0].at >= q.c.Window {
		delete(q.keys, q.order[0].key)
		q.order = q.order[1:]
	}
}

// Pop takes the message out that is to be sent next.
func (q *Queue) Pop(now time.Duration) (m Message, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.now = max(q.now, now)
	l := q.next()
	if l == nil {
		return Message{}, false
	}
	m = l.fifo[0].m
	l.fifo[0] = waiting{} // else the array behind it keeps the text alive
	l.fifo = l.fifo[1:]
	l.served = q.now
	return m, true
}

// next chooses the lane: the one out of patience for longest, else the most
// urgent.
func (q *Queue) next() *lane {
	var urgent, hungry *lane
	for i := range q.lanes {
		l := &q.lanes[i]
		if len(l.fifo) == 0 {
			continue
		}
		if urgent == nil {
			urgent = l
		}
		if q.now-l.since() >= q.c.Patience && (hungry == nil || l.since() < hungry.since()) {
			hungry = l
		}
	}
	if hungry != nil {
		return hungry
	}
	return urgent
}
