//go:build e2e

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hole is a way to a server that can swallow everything: connections stay, and
// nothing comes back.
type hole struct {
	net.Listener
	to string

	mu   sync.Mutex
	open chan struct{} // guarded by mu; closed while bytes pass
}

func dig(t *testing.T, to string) *hole {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{Listener: ln, to: to, open: make(chan struct{})}
	close(h.open)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			go h.pass(in)
		}
	}()
	return h
}

func (h *hole) pass(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", h.to)
	if err != nil {
		return
	}
	defer out.Close()
	go func() { defer in.Close(); h.copy(in, out) }()
	h.copy(out, in)
}

func (h *hole) copy(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		h.mu.Lock()
		open := h.open
		h.mu.Unlock()
		<-open
		if _, wrote := to.Write(buf[:n]); wrote != nil || err != nil {
			return
		}
	}
}

// swallow begins or ends the black hole.
func (h *hole) swallow(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if on {
		h.open = make(chan struct{})
	} else {
		close(h.open)
	}
}

// ownRedis starts a redis-server for a test and returns its address.
func ownRedis(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("SKIPPED: no redis-server on PATH (apt-get install redis-server)")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	s := spawn(t, path, "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "no")
	s.until(`(Ready to accept connections)`, time.Minute)
	return "127.0.0.1:" + port
}

// timed is what one request saw.
type timed struct {
	at, took time.Duration
	status   int // 0: no answer
}

// sharing has everything that a Redis can make slow: answers kept there alone,
// and one quota for all instances.
const sharing = `name: sharing
instances: 2
gate: {slots: 50, service: 5ms, law: constant}
population: {users: 1000, keys: 500}
traffic: [{for: 600s, rate: 50}]
clients: {timeout: 5s}
live_scale: 1
patterns:
  cache: {state: on, knobs: {store: redis, ttl: 2s}}
  ratelimit: {state: on, knobs: {store: redis, per: global, rate: 100000, burst: 100000}}`

// TestRedisBlackHole measures one service in one run: with its Redis, with one
// that answers nothing, and with its Redis again.
func TestRedisBlackHole(t *testing.T) {
	h := dig(t, ownRedis(t))
	s := serveBinary(t, ordersBinary(t), sharing, "--log", "info", "--redis", "redis://"+h.Addr().String()+"/0")
	said := s.said()
	_, at, ok := strings.Cut(said[strings.LastIndex(said, `msg="balancer started"`):], "addr=")
	if !ok {
		t.Fatalf("no address of the balancer in the log:\n%s", said)
	}
	at = "http://" + strings.Fields(at)[0]
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}, Timeout: 10 * time.Second}
	began := time.Now()
	var mu sync.Mutex
	var seen []timed
	var asking sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	asking.Go(func() { // open loop: 200 a second, whatever became of those before
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			asking.Go(func() {
				one := timed{at: time.Since(began)}
				res, err := client.Get(fmt.Sprintf("%s/profiles/%d", at, 1+n%500))
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
				one.took = time.Since(began) - one.at
				if err == nil {
					one.status = res.StatusCode
				}
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, one)
			})
		}
	})
	pass := func(d time.Duration) time.Duration {
		end := time.Since(began) + d
		<-time.After(d)
		return end
	}
	pass(2 * time.Second) // connections are made, the cache is warm
	from := time.Since(began)
	healthy := pass(10 * time.Second)
	h.swallow(true)
	swallowed := pass(10 * time.Second)
	degraded := s.state().Redis
	h.swallow(false)
	s.started.until("Redis answers again", 10*time.Second, func() bool { return s.state().Redis.Up })
	recovered := time.Since(began)
	last := pass(5 * time.Second)
	stop()
	asking.Wait()
	client.CloseIdleConnections()

	if degraded.Up || degraded.Degraded == "" {
		t.Errorf("after ten seconds the lab says of Redis %+v, want it to be marked", degraded)
	}
	t.Logf("Redis is up again %v after the hole has closed", (recovered - swallowed).Round(10*time.Millisecond))
	for _, phase := range []struct {
		name     string
		from, to time.Duration
	}{
		{"healthy Redis", from, healthy}, {"black-holed Redis", healthy, swallowed}, {"  its first second", healthy, healthy + time.Second}, {"healthy again", recovered, last},
	} {
		var took []time.Duration
		bad := 0
		for _, one := range seen {
			if one.at >= phase.from && one.at < phase.to {
				took = append(took, one.took)
				if one.status == 0 || one.status >= 500 {
					bad++
				}
			}
		}
		slices.Sort(took)
		at := func(share float64) time.Duration {
			return took[min(len(took)-1, int(share*float64(len(took))))].Round(100 * time.Microsecond)
		}
		t.Logf("%-18s %5d requests: p50 %v, p99 %v, p99.9 %v, max %v; %d without a good answer", phase.name, len(took), at(.5), at(.99), at(.999), at(1), bad)
		if p99 := at(.99); p99 >= time.Second || bad > 0 {
			t.Errorf("%s: p99 %v and %d bad answers, want less than a second and none", strings.TrimSpace(phase.name), p99, bad)
		}
	}
}
