package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// errGate is what a call sees while the fault holds the learner's Redis away.
var errGate = errors.New("connection refused by the cache-down fault")

// outside is a Redis that somebody else runs. Its fault is a gate in our
// dialer.
type outside struct {
	opts    *redis.Options
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	version string

	mu    sync.Mutex
	shut  bool                // guarded by mu
	conns map[*gated]struct{} // guarded by mu: those that kill must cut
}

// connect checks that the Redis at url answers and learns its version.
func connect(ctx context.Context, url string) (*outside, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		// The library's text may quote the URL and with it the password.
		return nil, errors.New("redis URL: want redis://[user:password@]host:port[/db] or rediss:// for TLS")
	}
	e := &outside{opts: limited(opts), conns: map[*gated]struct{}{}}
	e.dial = redis.NewDialer(opts)
	opts.Dialer = e.open
	probe := redis.NewClient(opts)
	if err := probe.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("redis at %s does not answer (start it, correct the URL, or leave it out to use our own): %w", opts.Addr, err), probe.Close())
	}
	// Some servers refuse INFO to some users; their version stays unknown.
	e.version = infoField(probe.Info(ctx, "server").Val(), "redis_version")
	if err := probe.Close(); err != nil {
		return nil, fmt.Errorf("close the probe of redis at %s: %w", opts.Addr, err)
	}
	return e, nil
}

func (e *outside) kind() Kind              { return Real }
func (e *outside) options() *redis.Options { return e.opts }
func (e *outside) close() error            { return nil }
func (e *outside) label() string {
	return fmt.Sprintf("real (redis-server %s at %s)", e.version, e.opts.Addr)
}

// open dials through the gate.
func (e *outside) open(ctx context.Context, network, addr string) (net.Conn, error) {
	e.mu.Lock()
	shut := e.shut
	e.mu.Unlock()
	if shut {
		return nil, errGate
	}
	conn, err := e.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	g := &gated{Conn: conn, gate: e}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.shut { // the gate fell while we dialled
		return nil, errors.Join(errGate, conn.Close())
	}
	e.conns[g] = struct{}{}
	return g, nil
}

func (e *outside) kill() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shut = true
	var errs []error
	for g := range e.conns {
		errs = append(errs, g.Conn.Close())
	}
	clear(e.conns)
	return errors.Join(errs...)
}

func (e *outside) revive(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shut = false
	return nil
}

// gated is a connection that its gate can cut.
type gated struct {
	net.Conn
	gate *outside
}

// Close implements net.Conn.
func (g *gated) Close() error {
	g.gate.mu.Lock()
	_, open := g.gate.conns[g]
	delete(g.gate.conns, g)
	g.gate.mu.Unlock()
	if !open {
		return nil // the fault has cut it already: that is no error of whoever ends with it
	}
	return g.Conn.Close()
}

// infoField returns one field of an INFO answer, or "unknown".
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return value
		}
	}
	return "unknown"
}
