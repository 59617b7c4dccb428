// Package lifocodel is a queue that serves in order while it keeps up, and turns to
// the newest, who still wait, when it does not.
// This answer passes its whole state through a channel of one place: who has the
// state may change it. A growing slice is cut in front from time to time.
package lifocodel

import (
	"slices"
	"time"
)

// Config says how a queue behaves.
type Config[T any] struct {
	Cap      int
	Target   time.Duration
	Interval time.Duration
	OnDrop   func(v T, age time.Duration)
}

// Queue holds values in the order in which they came.
type Queue[T any] struct {
	c     Config[T]
	state chan state[T]
}

type state[T any] struct {
	values []T
	times  []time.Duration // of the same index
	first  int             // what lies before it has left
	since  time.Duration   // when the queue was last empty
	now    time.Duration
}

// New returns an empty queue.
func New[T any](c Config[T]) *Queue[T] {
	c.Cap, c.Target = max(c.Cap, 1), max(c.Target, 0)
	q := &Queue[T]{c: c, state: make(chan state[T], 1)}
	q.state <- state[T]{}
	return q
}

// Push adds v as the newest.
func (q *Queue[T]) Push(now time.Duration, v T) {
	s := <-q.state
	s.now = max(s.now, now)
	now = s.now
	if s.first == len(s.values) {
		s.since = now
	}
	var report func()
	if len(s.values)-s.first == q.c.Cap {
		report = q.drop(&s)
	}
	s.values, s.times = append(s.values, v), append(s.times, now)
	q.state <- s
	if report != nil {
		report()
	}
}

// Pop takes the next value.
func (q *Queue[T]) Pop(now time.Duration) (v T, ok bool) {
	s := <-q.state
	s.now = max(s.now, now)
	var reports []func()
	standing := s.now-s.since >= q.c.Interval
	for standing && s.first < len(s.values) && s.now-s.times[s.first] > q.c.Target {
		reports = append(reports, q.drop(&s))
	}
	var none T
	if ok = s.first < len(s.values); ok && standing {
		end := len(s.values) - 1
		v, s.values[end] = s.values[end], none
		s.values, s.times = s.values[:end], s.times[:end]
	} else if ok {
		v = s.shift()
	}
	q.state <- s
	for _, report := range reports {
		report()
	}
	return v, ok
}

// Len returns how many values wait.
func (q *Queue[T]) Len() int {
	s := <-q.state
	defer func() { q.state <- s }()
	return len(s.values) - s.first
}

// drop takes the oldest away and returns what to call once the state is back.
func (q *Queue[T]) drop(s *state[T]) func() {
	age := s.now - s.times[s.first]
	v := s.shift()
	return func() {
		if q.c.OnDrop != nil {
			q.c.OnDrop(v, age)
		}
	}
}

func (s *state[T]) shift() T {
	var none T
	v := s.values[s.first]
	s.values[s.first] = none
	s.first++
	if 2*s.first > len(s.values) {
		s.values, s.times = slices.Delete(s.values, 0, s.first), slices.Delete(s.times, 0, s.first)
		s.first = 0
	}
	return v
}
