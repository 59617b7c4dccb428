// Package tokenbucket limits how often something happens.
package tokenbucket

import "time"

type state struct {
	tokens float64
	last   time.Duration
}

// Bucket passes its state from call to call through a channel.
type Bucket struct {
	rate, burst float64
	states      chan state
}

// New returns a full bucket.
func New(rate float64, burst int) *Bucket {
	b := &Bucket{rate: rate, burst: float64(burst), states: make(chan state, 1)}
	b.states <- state{tokens: b.burst}
	return b
}

// Allow takes a token if there is one.
func (b *Bucket) Allow(now time.Duration) bool {
	s := <-b.states
	if now > s.last {
		s.tokens = min(b.burst, s.tokens+(now-s.last).Seconds()*b.rate)
		s.last = now
	}
	ok := s.tokens >= 1
	if ok {
		s.tokens--
	}
	b.states <- s
	return ok
}
