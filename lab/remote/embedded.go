package remote

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"workbench/sim/clock"
)

// A sweep of the embedded server's expiring keys holds its one lock, 3 ms for
// 10,000 keys and 30 ms for 100,000. Its own per-command clock does that on
// every command; ours does it every sweepFloor, or rarer as the sweeps grow,
// so that they take at most a twentieth of the time. A sweep knows not when within
// the period a key was set, so that one may go up to a period early, and never more
// than sweepMost: whoever counts with a key lets it live that much longer than it is
// needed. What a sweep that came late leaves over, keys live longer.
const (
	sweepFloor = 100 * time.Millisecond
	sweepShare = 20
	sweepMost  = time.Second
)

// inside is miniredis in this process, with a listener on loopback so that it
// can be looked into with any client.
type inside struct {
	address  string
	password string

	mu     sync.Mutex
	server *miniredis.Miniredis // guarded by mu; nil while killed
	stop   context.CancelFunc   // guarded by mu: ends the sweeper
	sweep  sync.WaitGroup
}

func embed() (*inside, error) {
	e := &inside{address: "127.0.0.1:0", password: rand.Text()}
	if err := e.revive(context.Background()); err != nil {
		return nil, fmt.Errorf("start the embedded redis: %w", err)
	}
	e.address = e.server.Addr()
	return e, nil
}

func (e *inside) kind() Kind    { return Embedded }
func (e *inside) label() string { return "embedded (miniredis)" }

func (e *inside) options() *redis.Options {
	return limited(&redis.Options{Addr: e.address, Password: e.password})
}

// kill drops the server with its data, as a Redis without persistence would.
func (e *inside) kill() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server == nil {
		return nil
	}
	e.stop()
	e.sweep.Wait()
	e.server.Close()
	e.server = nil
	return nil
}

func (e *inside) revive(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := miniredis.NewMiniRedis()
	m.RequireAuth(e.password)
	if err := m.StartAddr(e.address); err != nil {
		return fmt.Errorf("listen on %s: %w", e.address, err)
	}
	life, stop := context.WithCancel(context.Background())
	e.server, e.stop = m, stop
	e.sweep.Go(func() { expire(life, clock.NewWall(), m) })
	return nil
}

// expire moves the time-to-live of every key along with the wall clock, by sweepMost
// at once.
func expire(ctx context.Context, wall clock.Clock, m *miniredis.Miniredis) {
	last := wall.Now()
	for period := sweepFloor; wall.Wait(ctx, last+period) == nil; {
		begin := wall.Now()
		m.FastForward(min(begin-last, sweepMost))
		last = begin
		period = max(sweepFloor, sweepShare*(wall.Now()-begin))
	}
}

func (e *inside) close() error { return e.kill() }
