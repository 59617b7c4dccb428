// Package notificationlanes is a queue in which the urgent overtake and nobody starves.
// This answer has a list for each lane, which is in order by itself, and compares the three heads.
package notificationlanes

import (
	"container/list"
	"errors"
	"sync"
	"time"
)

// Lane says how urgent a message is.
type Lane int

// The lanes, the most urgent first.
const (
	Urgent Lane = iota // a code to log in with
	Normal             // somebody has answered
	Bulk               // the newsletter
)

// Config says how a queue behaves.
type Config struct {
	Aging  time.Duration // one lane further back means due this much later; below 0 counts as 0
	Window time.Duration // how long a key is remembered; below 0 counts as 0
	Cap    int           // the most messages in each lane; below 1 counts as 1
}

// Message goes to one person; Key says what it is, so that it is not sent twice.
type Message struct {
	Key  string // empty: always different
	Lane Lane
	Body string
}

// What Push refuses.
var (
	ErrDuplicate = errors.New("notificationlanes: a message with this key waits, or came within the window")
	ErrFull      = errors.New("notificationlanes: the lane is full: try again later")
	ErrLane      = errors.New("notificationlanes: there is no such lane")
)

// Queue holds messages until they are sent.
type Queue struct {
	c Config

	mu      sync.Mutex
	clock   time.Duration            // guarded by mu
	lanes   [3]list.List             // guarded by mu; of item
	waits   map[string]bool          // guarded by mu; keys of messages in the lanes
	recent  map[string]time.Duration // guarded by mu; when a key was accepted
	cleaned time.Duration            // guarded by mu
}

type item struct {
	Message
	at time.Duration
}

// New returns an empty queue.
func New(c Config) *Queue {
	if c.Aging < 0 {
		c.Aging = 0
	}
	if c.Cap < 1 {
		c.Cap = 1
	}
	return &Queue{c: c, waits: map[string]bool{}, recent: map[string]time.Duration{}}
}

// Push adds m to its lane.
func (q *Queue) Push(now time.Duration, m Message) error {
	if m.Lane != Urgent && m.Lane != Normal && m.Lane != Bulk {
		return ErrLane
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if now > q.clock {
		q.clock = now
	}
	q.clean()
	if m.Key != "" {
		at, known := q.recent[m.Key]
		if q.waits[m.Key] || known && q.clock < at+q.c.Window {
			return ErrDuplicate
		}
	}
	lane := &q.lanes[m.Lane]
	if lane.Len() >= q.c.Cap {
		return ErrFull
	}
	lane.PushBack(item{m, q.clock})
	if m.Key != "" {
		q.waits[m.Key] = true
		q.recent[m.Key] = q.clock
	}
	return nil
}

// clean looks at all keys once in a window; the caller holds mu.
func (q *Queue) clean() {
	if q.clock-q.cleaned < q.c.Window {
		return
	}
	q.cleaned = q.clock
	for key, at := range q.recent {
		if q.clock-at >= q.c.Window && !q.waits[key] {
			delete(q.recent, key)
		}
	}
}

// Pop takes the message that is due first.
func (q *Queue) Pop(now time.Duration) (Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.clock = max(q.clock, now)
	best := -1
	var first time.Duration
	for lane := range q.lanes {
		e := q.lanes[lane].Front()
		if e == nil {
			continue
		}
		if due := e.Value.(item).at + time.Duration(lane)*q.c.Aging; best < 0 || due < first {
			best, first = lane, due
		}
	}
	if best < 0 {
		return Message{}, false
	}
	m := q.lanes[best].Remove(q.lanes[best].Front()).(item).Message
	delete(q.waits, m.Key)
	return m, true
}

// Len returns how many messages wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lanes[0].Len() + q.lanes[1].Len() + q.lanes[2].Len()
}

// Keys returns how many keys are remembered.
func (q *Queue) Keys() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.recent)
}
