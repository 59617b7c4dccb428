package cache

import (
	"sync"
	"time"
)

// After guardLimit failures in a row Redis is left alone, and one request each
// guardPause asks whether it is back.
const (
	guardLimit = 3
	guardPause = time.Second
)

// guard keeps requests from waiting for a Redis that does not answer. It is
// safe for concurrent use; the zero value lets everything through.
type guard struct {
	mu     sync.Mutex
	failed int           // guarded by mu: failures in a row
	next   time.Duration // guarded by mu: when to ask again, while failed >= guardLimit
}

// admit reports whether a call may be made at now. While Redis is away it
// moves the next ask on, so that a call which never reports cannot bar the way.
func (g *guard) admit(now time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed < guardLimit {
		return true
	}
	if now < g.next {
		return false
	}
	g.next = now + guardPause
	return true
}

// report takes a call's result and returns whether it changed up.
func (g *guard) report(now time.Duration, err error) (turned bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.failed < guardLimit
	if err == nil {
		g.failed = 0
		return !was
	}
	g.failed = min(g.failed+1, guardLimit)
	g.next = now + guardPause
	return was && g.failed == guardLimit
}

func (g *guard) up() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failed < guardLimit
}
