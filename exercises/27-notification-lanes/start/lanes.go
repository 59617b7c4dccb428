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

// Queue holds the messages that wait. Use New. It is safe for concurrent use.
type Queue struct {
	// What does each lane have to remember, and what the queue as a whole?
}

// New returns an empty queue.
func New(c Config) (*Queue, error) {
	return &Queue{}, nil
}

// Push puts a message at the end of its lane, or says why not: ErrDuplicate,
// ErrFull or ErrLane, perhaps wrapped.
func (q *Queue) Push(now time.Duration, m Message) error {
	return nil
}

// Pop takes the message out that is to be sent next.
func (q *Queue) Pop(now time.Duration) (m Message, ok bool) {
	return Message{}, false
}
