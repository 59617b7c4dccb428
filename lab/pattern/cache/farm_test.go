package cache_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"workbench/lab"
	"workbench/lab/pattern/cache"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// farm is a set of instances over one database and one Redis, in a bubble.
type farm struct {
	t     *testing.T
	clock *clock.Wall
	redis *miniredis.Miniredis
	line  atomic.Int32 // how the way to Redis is: up, refusing, silent
	loads atomic.Int64
	value atomic.Pointer[string] // what the database holds; nil: no such item
	delay time.Duration          // of a load
	fail  atomic.Bool
	ends  []func()

	mu    sync.Mutex
	conns []net.Conn // guarded by mu: every end of every connection to Redis
}

const (
	lineUp = iota
	lineRefusing
	lineSilent
)

func newFarm(t *testing.T) *farm {
	f := &farm{t: t, clock: clock.NewWall(), redis: miniredis.NewMiniRedis(), delay: 10 * time.Millisecond}
	f.redis.ClockTTL(true)
	f.write("one")
	return f
}

func (f *farm) write(text string) { f.value.Store(&text) }

// dial returns a connection to Redis as the line stands.
func (f *farm) dial(context.Context, string, string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.line.Load() {
	case lineRefusing:
		return nil, errors.New("connection refused")
	case lineSilent:
		ours, theirs := net.Pipe() // nobody reads theirs
		f.conns = append(f.conns, ours, theirs)
		return ours, nil
	}
	c, err := f.redis.Dial()
	f.conns = append(f.conns, c)
	return c, err
}

// cut changes the line and ends every connection.
func (f *farm) cut(line int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.line.Store(line)
	for _, c := range f.conns {
		if err := c.Close(); err != nil {
			f.t.Error(err)
		}
	}
	f.conns = nil
}

// node is one instance.
type node struct {
	lab.Live
	handler  lab.Handler
	counters *lab.Counters
	client   *redis.Client
}

func (f *farm) node(name string, state lab.State, knobs map[string]any) *node {
	f.t.Helper()
	p := cache.Pattern()
	k, err := p.Settings(knobs)
	if err != nil {
		f.t.Fatal(err)
	}
	n := &node{counters: lab.NewCounters(), client: redis.NewClient(&redis.Options{
		Addr:   "127.0.0.1:0", // a number: names are looked up outside the bubble
		Dialer: f.dial, MaxRetries: -1, ContextTimeoutEnabled: true, DialerRetries: 1, PoolSize: 8,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})}
	ctx, cancel := context.WithCancel(context.Background())
	var owned sync.WaitGroup
	draws := dist.New(5, name)
	var mu sync.Mutex
	n.Live, err = p.New(lab.Env{
		Clock: f.clock, Counters: n.counters, Redis: n.client, Instance: name, Log: slog.New(slog.DiscardHandler),
		Go: func(g func(context.Context)) { owned.Go(func() { g(ctx) }) },
		Uniform: func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return draws.Float64()
		},
	}, k)
	if err != nil {
		f.t.Fatal(err)
	}
	n.handler = n.Wrap(lab.HandlerFunc(f.load), state)
	f.ends = append(f.ends, func() {
		if err := n.Close(); err != nil {
			f.t.Error(err)
		}
		owned.Wait() // Close alone must end what the pattern started
		cancel()
		if err := n.client.Close(); err != nil {
			f.t.Error(err)
		}
	})
	return n
}

func (f *farm) close() {
	for _, end := range f.ends {
		end()
	}
	f.cut(lineUp)
	f.redis.Close()
}

func (f *farm) wait(d time.Duration) {
	if err := f.clock.Wait(context.Background(), f.clock.Now()+d); err != nil {
		f.t.Error(err)
	}
}

// load is the database: it reads at once and answers after the delay.
func (f *farm) load(_ context.Context, r *lab.Request) lab.Response {
	if !r.Read {
		f.write(string(r.Body))
		return lab.Response{}
	}
	f.loads.Add(1)
	value := f.value.Load()
	f.wait(f.delay)
	switch {
	case f.fail.Load():
		return lab.Refuse(lab.Failed, lab.ReasonFault, 0)
	case value == nil:
		return lab.Response{Missing: true}
	}
	return lab.Response{Body: []byte(*value)}
}

func (n *node) read(key uint64) lab.Response {
	return n.handler.Serve(context.Background(), &lab.Request{Key: key, Read: true})
}

func (n *node) write(key uint64, text string) {
	n.handler.Serve(context.Background(), &lab.Request{Key: key, Op: 1, Body: []byte(text)})
}

// want checks an answer: its body, whether it is a copy, and its age.
func (f *farm) want(what string, res lab.Response, body string, cached bool, age time.Duration) {
	f.t.Helper()
	if string(res.Body) != body || res.Cached != cached || res.Age != age || res.Outcome != lab.OK {
		f.t.Errorf("%s: %v %q cached=%t age=%v, want ok %q cached=%t age=%v",
			what, res.Outcome, res.Body, res.Cached, res.Age, body, cached, age)
	}
}

func (f *farm) count(n *node, name string, want uint64) {
	f.t.Helper()
	if got := n.counters.All()[name]; got != want {
		f.t.Errorf("counter %s = %d, want %d", name, got, want)
	}
}

func bubble(t *testing.T, test func(f *farm)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm(t)
		defer f.close()
		test(f)
	})
}
