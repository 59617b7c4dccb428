package brokertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/sim/clock"
)

// Proxy stands between a client and a server, and can part them.
type Proxy struct {
	listener net.Listener
	target   string
	all      sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // guarded by mu
	down  bool              // guarded by mu
}

// NewProxy forwards a loopback port to the address of a server until the test
// ends.
func NewProxy(t *testing.T, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, conns: map[net.Conn]bool{}}
	p.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.forward(c) })
		}
	})
	t.Cleanup(func() {
		p.Cut()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		p.all.Wait()
	})
	return p
}

// Address is where clients connect.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// forward carries a connection until either side or Cut ends it.
func (p *Proxy) forward(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.join(client, server) {
		return
	}
	defer p.part(client, server)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
}

func (p *Proxy) join(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return false
	}
	for _, c := range conns {
		p.conns[c] = true
	}
	return true
}

func (p *Proxy) part(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// Cut ends every connection and lets no new one through, until Heal.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for c := range p.conns {
		_ = c.Close()
	}
}

// Heal lets connections through again.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

// Network is what can be parted and made whole again: a Proxy, or a server that
// stops and comes back.
type Network interface {
	Cut()
	Heal()
}

// Healing cuts a broker off again and again under publishers and consumers. A
// publisher repeats a message until it is confirmed. Once the network is whole,
// what was confirmed is handled: nothing is lost.
func Healing(t *testing.T, b broker.Broker, p Network) {
	r := start(t, b)
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	wall := clock.NewWall()
	var consumers sync.WaitGroup
	ended := 0
	for range 2 {
		consumers.Go(func() {
			_ = broker.Keep(ctx, wall, b, broker.Options{Workers: 2, Prefetch: 4}, func(_ context.Context, m broker.Message) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.got = append(r.got, m)
				return nil
			}, func(error) {
				r.mu.Lock()
				defer r.mu.Unlock()
				ended++
			})
		})
	}
	const publishers, cuts = 4, 6
	var all sync.WaitGroup
	acked := make([]int, publishers)
	done := make(chan struct{})
	for w := range publishers {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				for b.Publish(ctx, broker.Message{ID: fmt.Sprintf("%d-%d", w, i)}) != nil {
					if wall.Wait(ctx, wall.Now()+5*time.Millisecond) != nil {
						return
					}
				}
				acked[w]++
				if wall.Wait(ctx, wall.Now()+time.Millisecond) != nil {
					return
				}
			}
		})
	}
	for range cuts {
		before := len(r.messages())
		r.until("messages flow", func() bool { return len(r.messages()) > before+20 })
		p.Cut()
		if err := wall.Wait(ctx, wall.Now()+time.Duration(Random(t, 50))*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		p.Heal()
	}
	close(done)
	all.Wait()
	want := 0
	for _, n := range acked {
		want += n
	}
	r.until("every confirmed message was handled", func() bool { return len(r.times()) >= want })
	stop()
	consumers.Wait()
	t.Logf("%d cuts: %d confirmed, %d lost; %d delivered again; consumers ended by themselves %d times",
		cuts, want, want-min(want, len(r.times())), len(r.messages())-len(r.times()), ended)
	if _, err := b.Depth(r.ctx); err != nil && !errors.Is(err, broker.ErrUnavailable) {
		t.Errorf("Depth() = %v after all that, want an answer", err)
	}
}
