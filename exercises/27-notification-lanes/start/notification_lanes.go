// Package notificationlanes is a queue in which the urgent overtake and nobody starves.
package notificationlanes

import (
	"errors"
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

// Queue holds messages until they are sent. Make one with New. It is safe for concurrent use.
// Now is the time since some start, the same in all calls.
type Queue struct {
	c Config
}

// New returns an empty queue.
func New(c Config) *Queue { return &Queue{c: c} }

// Push adds m, due at now + lane · Aging.
func (q *Queue) Push(now time.Duration, m Message) error { return nil }

// Pop takes the message that is due first; of those due at one instant the more urgent, then the earlier one.
// It does not wait: what is due later is given too, if nothing is due before it.
func (q *Queue) Pop(now time.Duration) (Message, bool) { return Message{}, false }

// Len returns how many messages wait.
func (q *Queue) Len() int { return 0 }

// Keys returns how many keys are remembered.
func (q *Queue) Keys() int { return 0 }
