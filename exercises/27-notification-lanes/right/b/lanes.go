// Package notificationlanes orders what waits to be sent: urgent things first,
// nothing forgotten, nothing twice.
package notificationlanes

import (
	"errors"
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

// entry is a message in a lane's linked list.
type entry struct {
	Message
	since time.Duration
	next  *entry
}

// lane is a linked list. turn is the instant from which on its head has been
// passed over.
type lane struct {
	head, tail *entry
	count      int
	turn       time.Duration
}

// room is the whole state. It lies in a channel of one: who takes it out owns
// it until it is put back.
type room struct {
	now   time.Duration
	lanes []lane
	// Two generations of keys: when the young one is a window old it becomes the
	// old one, and what was old is dropped as a whole.
	young, old map[string]time.Duration
	born       time.Duration
}

// Queue holds the messages that wait. Use New. It is safe for concurrent use.
type Queue struct {
	c    Config
	room chan *room
}

// New returns an empty queue.
func New(c Config) (*Queue, error) {
	if c.Lanes < 1 || c.Size < 1 {
		return nil, errors.New("notification lanes: Lanes and Size must be at least 1")
	}
	if c.Patience <= 0 || c.Window < 0 {
		return nil, errors.New("notification lanes: Patience must be more than 0 and Window not below 0")
	}
	q := &Queue{c: c, room: make(chan *room, 1)}
	q.room <- &room{lanes: make([]lane, c.Lanes), young: map[string]time.Duration{}}
	return q, nil
}

// Push puts a message at the end of its lane, or says why not: ErrDuplicate,
// ErrFull or ErrLane, perhaps wrapped.
func (q *Queue) Push(now time.Duration, m Message) error {
	if m.Lane < 0 || m.Lane >= q.c.Lanes {
		return ErrLane
	}
	r := <-q.room
	defer func() { q.room <- r }()
	r.now = max(r.now, now)
	if r.now-r.born >= q.c.Window {
		r.old, r.young, r.born = r.young, map[string]time.Duration{}, r.now
	}
	if m.Key != "" {
		for _, keys := range []map[string]time.Duration{r.young, r.old} {
			if at, ok := keys[m.Key]; ok && r.now-at < q.c.Window {
				return ErrDuplicate
			}
		}
	}
	l := &r.lanes[m.Lane]
	if l.count == q.c.Size {
		return ErrFull
	}
	e := &entry{Message: m, since: r.now}
	if l.tail == nil {
		l.head, l.turn = e, r.now
	} else {
		l.tail.next = e
	}
	l.tail = e
	l.count++
	if m.Key != "" {
		r.young[m.Key] = r.now
	}
	return nil
}

// Pop takes the message out that is to be sent next.
func (q *Queue) Pop(now time.Duration) (m Message, ok bool) {
	r := <-q.room
	defer func() { q.room <- r }()
	r.now = max(r.now, now)
	best := -1
	longest := q.c.Patience - 1
	for i := len(r.lanes) - 1; i >= 0; i-- {
		if l := r.lanes[i]; l.head != nil && r.now-l.turn >= longest && r.now-l.turn >= q.c.Patience {
			best, longest = i, r.now-l.turn
		}
	}
	for i := 0; best < 0 && i < len(r.lanes); i++ {
		if r.lanes[i].head != nil {
			best = i
		}
	}
	if best < 0 {
		return Message{}, false
	}
	l := &r.lanes[best]
	m = l.head.Message
	l.head = l.head.next
	l.turn = r.now
	l.count--
	if l.head == nil {
		l.tail = nil
	}
	return m, true
}
