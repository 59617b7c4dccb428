// Package notificationlanes is a queue in which the urgent overtake and nobody starves.
// This answer keeps one sorted slice, passes it through a channel of one place, and
// forgets keys from two ends: when their window closes and when they are taken.
package notificationlanes

import (
	"cmp"
	"errors"
	"slices"
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
	c    Config
	desk chan *desk
}

type desk struct {
	now    time.Duration
	sorted []letter // the next to go is last
	inLane map[Lane]int
	marks  map[string]mark
	order  []string // keys by the time of their mark; one may stand here again
}

type letter struct {
	m   Message
	due time.Duration
}

type mark struct {
	at   time.Duration
	open bool // the message waits
}

// New returns an empty queue.
func New(c Config) *Queue {
	c.Aging, c.Window, c.Cap = max(c.Aging, 0), max(c.Window, 0), max(c.Cap, 1)
	q := &Queue{c: c, desk: make(chan *desk, 1)}
	q.desk <- &desk{inLane: map[Lane]int{}, marks: map[string]mark{}}
	return q
}

// Push adds m at its place.
func (q *Queue) Push(now time.Duration, m Message) error {
	if m.Lane < 0 || m.Lane > Bulk {
		return ErrLane
	}
	d := <-q.desk
	defer func() { q.desk <- d }()
	d.now = max(d.now, now)
	q.forget(d)
	if known, ok := d.marks[m.Key]; ok && (known.open || d.now-known.at < q.c.Window) {
		return ErrDuplicate
	}
	if d.inLane[m.Lane] >= q.c.Cap {
		return ErrFull
	}
	d.inLane[m.Lane]++
	if m.Key != "" {
		d.marks[m.Key] = mark{d.now, true}
		d.order = append(d.order, m.Key)
	}
	l := letter{m, d.now + time.Duration(m.Lane)*q.c.Aging}
	// The first that does not go before l: equals stay nearer to the end than l.
	i, _ := slices.BinarySearchFunc(d.sorted, l, func(e, l letter) int {
		if c := cmp.Or(cmp.Compare(l.due, e.due), cmp.Compare(l.m.Lane, e.m.Lane)); c != 0 {
			return c
		}
		return 1
	})
	d.sorted = slices.Insert(d.sorted, i, l)
	return nil
}

// forget drops keys whose window has closed, unless they wait.
func (q *Queue) forget(d *desk) {
	for len(d.order) > 0 {
		m, ok := d.marks[d.order[0]]
		if ok && d.now-m.at < q.c.Window {
			return
		}
		if ok && !m.open {
			delete(d.marks, d.order[0])
		}
		d.order = slices.Delete(d.order, 0, 1)
	}
}

// Pop takes the last of the slice.
func (q *Queue) Pop(now time.Duration) (Message, bool) {
	d := <-q.desk
	defer func() { q.desk <- d }()
	d.now = max(d.now, now)
	n := len(d.sorted) - 1
	if n < 0 {
		return Message{}, false
	}
	m := d.sorted[n].m
	d.sorted[n] = letter{}
	d.sorted = d.sorted[:n]
	d.inLane[m.Lane]--
	if k, ok := d.marks[m.Key]; ok && d.now-k.at < q.c.Window {
		d.marks[m.Key] = mark{k.at, false}
	} else {
		delete(d.marks, m.Key)
	}
	return m, true
}

// Len returns how many messages wait.
func (q *Queue) Len() int {
	d := <-q.desk
	defer func() { q.desk <- d }()
	return len(d.sorted)
}

// Keys returns how many keys are remembered.
func (q *Queue) Keys() int {
	d := <-q.desk
	defer func() { q.desk <- d }()
	return len(d.marks)
}
