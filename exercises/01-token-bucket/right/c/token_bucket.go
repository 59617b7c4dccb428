// Package tokenbucket admits a steady rate of requests and, now and then, a burst.
package tokenbucket

import (
	"fmt"
	"math"
	"time"
)

// state is what a bucket holds: whole tokens, and the time towards the next.
type state struct {
	tokens int
	credit time.Duration
	last   time.Duration
}

// Bucket passes its state around in a channel of one: who holds the state may
// change it.
type Bucket struct {
	step  time.Duration
	burst int
	state chan state
}

// New returns a full bucket that gains perSecond tokens a second and holds at
// most burst of them.
func New(perSecond float64, burst int) (*Bucket, error) {
	if math.IsNaN(perSecond) || perSecond <= 0 || perSecond > 1e9 {
		return nil, fmt.Errorf("token bucket: %v tokens a second, want more than 0 and at most one a nanosecond", perSecond)
	}
	if burst <= 0 {
		return nil, fmt.Errorf("token bucket: burst %d, want 1 or more", burst)
	}
	b := &Bucket{step: time.Duration(min(1e9/perSecond, math.MaxInt64/4)), burst: burst, state: make(chan state, 1)}
	b.state <- state{tokens: burst}
	return b, nil
}

// Allow takes one token at the instant now, counted from any fixed origin. When
// there is none it says after how long there will be.
func (b *Bucket) Allow(now time.Duration) (ok bool, retryAfter time.Duration) {
	s := <-b.state
	if now > s.last {
		s.credit += now - s.last
		s.last = now
		// Compare before adding: an idle year is more steps than fit beside a
		// large burst.
		if gained := int64(s.credit / b.step); gained >= int64(b.burst-s.tokens) {
			s.tokens, s.credit = b.burst, 0
		} else {
			s.tokens += int(gained)
			s.credit -= time.Duration(gained) * b.step
		}
	}
	if s.tokens > 0 {
		s.tokens--
		ok = true
	} else {
		retryAfter = b.step - s.credit + max(0, s.last-now)
	}
	b.state <- s
	return ok, retryAfter
}
