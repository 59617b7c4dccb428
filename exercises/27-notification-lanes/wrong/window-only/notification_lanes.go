// kills: TestWindowEdges — A message that still waits is not sent again because its window has closed.

package notificationlanes

import (
	"cmp"
	"container/heap"
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
	last    time.Duration    // guarded by mu; the latest now
	seq     int              // guarded by mu
	waiting messages         // guarded by mu
	counts  [3]int           // guarded by mu; by lane
	keys    map[string]*seen // guarded by mu
	expiry  []*seen          // guarded by mu; by time of acceptance
}

type seen struct {
	key     string
	at      time.Duration
	waiting bool
}

type message struct {
	Message
	due time.Duration
	seq int
}

type messages []message

func (m messages) Len() int      { return len(m) }
func (m messages) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m messages) Less(i, j int) bool {
	a, b := m[i], m[j]
	return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.seq, b.seq)) < 0
}
func (m *messages) Push(x any) { *m = append(*m, x.(message)) }
func (m *messages) Pop() any {
	n := len(*m) - 1
	x := (*m)[n]
	(*m)[n] = message{}
	*m = (*m)[:n]
	return x
}

// New returns an empty queue.
func New(c Config) *Queue {
	c.Aging, c.Window, c.Cap = max(0, c.Aging), max(0, c.Window), max(1, c.Cap)
	return &Queue{c: c, keys: map[string]*seen{}}
}

// Push adds m.
func (q *Queue) Push(now time.Duration, m Message) error {
	if m.Lane < Urgent || m.Lane > Bulk {
		return ErrLane
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick(now)
	if s := q.keys[m.Key]; m.Key != "" && s != nil && q.last-s.at < q.c.Window {
		return ErrDuplicate
	}
	if q.counts[m.Lane] == q.c.Cap {
		return ErrFull // and not remembered: a retry is welcome
	}
	q.counts[m.Lane]++
	q.seq++
	heap.Push(&q.waiting, message{m, q.last + time.Duration(m.Lane)*q.c.Aging, q.seq})
	if m.Key != "" {
		s := &seen{m.Key, q.last, true}
		q.keys[m.Key] = s
		q.expiry = append(q.expiry, s)
	}
	return nil
}

// tick moves the clock and forgets keys that are out of the window; the caller holds mu.
func (q *Queue) tick(now time.Duration) {
	q.last = max(q.last, now)
	for len(q.expiry) > 0 && q.last-q.expiry[0].at >= q.c.Window {
		s := q.expiry[0]
		q.expiry[0] = nil
		q.expiry = q.expiry[1:]
		if !s.waiting && q.keys[s.key] == s { // one that waits is forgotten when it is taken
			delete(q.keys, s.key)
		}
	}
}

// Pop takes the message that is due first.
func (q *Queue) Pop(now time.Duration) (Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick(now)
	if len(q.waiting) == 0 {
		return Message{}, false
	}
	m := heap.Pop(&q.waiting).(message)
	q.counts[m.Lane]--
	if s := q.keys[m.Key]; s != nil {
		s.waiting = false
		if q.last-s.at >= q.c.Window {
			delete(q.keys, m.Key)
		}
	}
	return m.Message, true
}

// Len returns how many messages wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Keys returns how many keys are remembered.
func (q *Queue) Keys() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.keys)
}
