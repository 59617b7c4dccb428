package balancer

import (
	"context"
	"net/http"
	"sync"
	"time"

	"workbench/lab/fleet"
)

const (
	idleTime = 30 * time.Second // how long a connection is kept for its next request; shorter than the instance keeps it
	maxIdle  = 512              // connections kept for one instance
)

// backend is one instance as the balancer reaches it.
type backend struct {
	Backend
	seat *fleet.Member // guarded by the balancer's mu, as is all that the fleet knows
	pool pool
}

// pool keeps the idle connections to one instance, the last used on top.
type pool struct {
	transport *http.Transport // makes connections; its own pool is not used
	addr      string

	mu     sync.Mutex
	idle   []kept // guarded by mu
	closed bool   // guarded by mu
}

type kept struct {
	conn  *http.ClientConn
	since time.Duration
}

// take returns an idle connection or a new one. Its error means that no
// connection could be made, so nothing was sent.
func (p *pool) take(ctx context.Context, now time.Duration) (*http.ClientConn, error) {
	for {
		c := p.pop(now)
		if c == nil {
			return p.transport.NewClientConn(ctx, "http", p.addr)
		}
		if c.Available() > 0 { // its reader has finished with the last answer
			return c, nil
		}
		discard(c)
	}
}

// pop takes the newest idle connection, and closes those that are too old.
func (p *pool) pop(now time.Duration) *http.ClientConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := 0
	for old < len(p.idle) && now-p.idle[old].since > idleTime {
		discard(p.idle[old].conn)
		old++
	}
	if old > 0 {
		p.idle = append(p.idle[:0], p.idle[old:]...)
	}
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1].conn
	p.idle = p.idle[:len(p.idle)-1]
	return c
}

// give keeps a connection whose answer has been read to its end.
func (p *pool) give(c *http.ClientConn, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle || c.Err() != nil {
		discard(c)
		return
	}
	p.idle = append(p.idle, kept{c, now})
}

// drain closes the idle connections; with close also those given later.
func (p *pool) drain(close bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = p.closed || close
	for _, k := range p.idle {
		discard(k.conn)
	}
	p.idle = nil
}

// discard closes a connection that is of no more use, and whose error therefore
// says nothing.
func discard(c *http.ClientConn) { _ = c.Close() }
