package plug_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"workbench/lab"
)

// store is what a cache stands before: it counts what it is asked for.
type store struct {
	asked atomic.Int64
	hold  chan struct{} // nil: it answers at once
	fail  atomic.Bool
	body  string
}

func (s *store) Serve(_ context.Context, r *lab.Request) lab.Response {
	s.asked.Add(1)
	if s.hold != nil {
		<-s.hold
	}
	if s.fail.Load() {
		return lab.Refuse(lab.Failed, "fault", 7*time.Second)
	}
	return lab.Response{Body: fmt.Appendf(nil, "%d %s", r.Key, s.body)}
}

// gaugeOf returns a gauge of a pattern at work.
func gaugeOf(l lab.Live, e lab.Env, name string) lab.Gauge {
	for _, g := range l.Gauges(e.Clock.Now()) {
		if g.Name == name {
			return g
		}
	}
	return lab.Gauge{Name: "none"}
}

// An answer to either exercise keeps what was loaded: one load for a crowd, a hit
// afterwards, a load after a write, and an error for everybody who waited for it.
func TestCacheSlot(t *testing.T) {
	w := open(t)
	w.guard.Deadline = 5 * time.Second // a busy machine must not count as a fault here
	for _, slug := range []string{"cache-aside", "lock-cleanup"} {
		t.Run(slug, func(t *testing.T) {
			e := w.exercise(slug)
			s := &store{hold: make(chan struct{}), body: strings.Repeat("x", 1000)}
			environment := env()
			h, l := at(t, "cache", map[string]any{"ttl": "1h"}, w.build(slug, answers(t, e, e.Right[0]), ""), environment, s)
			read := func(key uint64) lab.Response {
				return h.Serve(t.Context(), &lab.Request{Read: true, Key: key, Op: 3})
			}
			var crowd sync.WaitGroup
			var fresh atomic.Int64
			for range 20 {
				crowd.Go(func() {
					res := read(5)
					if string(res.Body) != "5 "+s.body {
						t.Errorf("the crowd gets %.20q, want the answer", res.Body)
					}
					if !res.Cached { // who comes when the load is over gets the copy
						fresh.Add(1)
					}
				})
			}
			s.hold <- struct{}{}
			crowd.Wait()
			if fresh.Load() == 0 {
				t.Error("nobody of the crowd got the load's own answer, want those who waited for it to")
			}
			if res := read(5); string(res.Body) != "5 "+s.body || !res.Cached || res.Age <= 0 {
				t.Errorf("afterwards %.20q, cached %v, age %v; want it from the cache", res.Body, res.Cached, res.Age)
			}
			if n := s.asked.Load(); n != 1 {
				t.Errorf("the store was asked %d times, want once", n)
			}
			close(s.hold)
			h.Serve(t.Context(), &lab.Request{Key: 5})
			s.fail.Store(true)
			if res := read(5); res.Outcome != lab.Failed || res.Reason != "fault" || res.RetryAfter != 7*time.Second {
				t.Errorf("after a write, of a sick store: %+v, want its own refusal", res)
			}
			s.fail.Store(false)
			if res := read(5); res.Outcome != lab.OK || res.Cached {
				t.Errorf("after the refusal: %v, cached %v; want a load", res.Outcome, res.Cached)
			}
			n := environment.Counters.All()
			if n[lab.EventDecisions] != 23 || n[lab.EventFallbacks] != 0 || n[lab.EventTrips] != 0 || n["hit"]+n["miss"] != 23 || n["hit"] < 1 {
				t.Errorf("counters %v, want 23 decisions, each a hit or a miss, and no fallback", n)
			}
			if n[lab.EventAgreed]+n[lab.EventDiffered] != 23 || n["invalidated"] != 1 {
				t.Errorf("counters %v, want 23 decisions compared with ours, and one copy of ours dropped", n)
			}
			if g := gaugeOf(l, environment, lab.GaugeGuard); g.Text != "closed" {
				t.Errorf("the guard says %q, want that it is closed", g.Text)
			}
			if g := gaugeOf(l, environment, "hit_share"); g.Value < float64(n["hit"])/23-.001 || g.Value > 1 {
				t.Errorf("hit_share %v, want the solution's", g.Value)
			}
		})
	}
}

// Answers are bounded: what is too long for the pipe reaches its caller, and is
// not kept.
func TestLongAnswerIsNotKept(t *testing.T) {
	w := open(t)
	e := w.exercise("cache-aside")
	w.guard.Deadline = 5 * time.Second
	s := &store{body: strings.Repeat("x", lab.MaxText)}
	environment := env()
	h, _ := at(t, "cache", nil, w.build("cache-aside", answers(t, e, e.Right[0]), ""), environment, s)
	for i := range 3 {
		if res := h.Serve(t.Context(), &lab.Request{Read: true, Key: 1}); len(res.Body) != lab.MaxText+2 || res.Cached {
			t.Errorf("read %d: %d bytes, cached %v; want the whole, loaded", i, len(res.Body), res.Cached)
		}
	}
	if n := environment.Counters.All(); s.asked.Load() != 3 || n[lab.EventFallbacks] != 0 {
		t.Errorf("asked %d times, counters %v; want a load for each and no fallback", s.asked.Load(), n)
	}
}

// keeper is an answer to cache-aside whose GetOrLoad is body.
func keeper(body string) map[string]string {
	return map[string]string{"cache_aside.go": `package cacheaside

import (
	"context"
	"errors"
	"sync"
	"time"
)

var ErrPanic = errors.New("the load panicked")

type Config struct {
	TTL    time.Duration
	Jitter float64
	Now    func() time.Time
	Rand   func() float64
}

type Loader func(ctx context.Context) (string, error)

type Cache struct {
	mu   sync.Mutex
	n    int
	last string
	hold [][]byte
}

func New(cfg Config) (*Cache, error) { return &Cache{}, nil }

func (c *Cache) GetOrLoad(ctx context.Context, key string, load Loader) (string, error) {
	c.mu.Lock()
	c.n++
	n := c.n
	c.mu.Unlock()
	_ = n
	` + body + `
	return load(ctx)
}
`}
}

// A cache that ends, hangs, dawdles, eats memory, mixes up keys, makes answers up
// or loads without end opens the guard, with the reason in words; every read is
// answered with what belongs to its key.
func TestWhatTripsTheGuardOfACache(t *testing.T) {
	w := open(t)
	for _, c := range []struct{ name, body, why string }{
		{"a panic", `if n > 2 { panic("two is enough") }`, "panic: two is enough"},
		{"a loop without end", `for n > 2 { n++ }`, "it hangs: no answer for "},
		{"a lock that is kept", `if n > 2 { c.mu.Lock() }`, "it hangs: no answer for "},
		{"a memory bomb", `for n > 2 { c.hold = append(c.hold, make([]byte, 1<<20)); c.hold[len(c.hold)-1][4096] = 1 }`, "memory"},
		{"another's answer", `v, err := load(ctx); c.mu.Lock(); defer c.mu.Unlock(); if c.last == "" { c.last = v }; if n > 2 { return c.last, nil }; return v, err`, "it talks nonsense: an answer that no load of this key has brought"},
		{"an answer that is made up", `if n > 2 { return "none of yours, and long enough", nil }`, "it talks nonsense: an answer that no load of this key has brought"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, e, s := w, env(), &store{}
			h, l := at(t, "cache", map[string]any{"ttl": "1ms"}, w.build("cache-aside", keeper(c.body), ""), e, s)
			seen := trip(t, l, e, func(i int) {
				res := h.Serve(t.Context(), &lab.Request{Read: true, Key: uint64(i)})
				if res.Outcome != lab.OK || string(res.Body) != fmt.Sprintf("%d ", i) {
					t.Errorf("read %d is %v: %q, want its own answer", i, res.Outcome, res.Body)
				}
			})
			if !strings.Contains(seen, c.why) {
				t.Errorf("the guard says %q, want that it is open for good for %q", seen, c.why)
			}
			if n := e.Counters.All(); n[lab.EventTrips] != 3 || n[lab.EventRestarts] != 2 || n[lab.EventFallbacks] == 0 {
				t.Errorf("counters %v, want 3 trips, 2 restarts and some fallbacks", n)
			}
		})
	}
}

// trip has eight callers ask, again and again, until the guard is open for good.
func trip(t *testing.T, l lab.Live, e lab.Env, ask func(i int)) (seen string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	for i := 0; !strings.Contains(seen, "for good") && ctx.Err() == nil; i += 8 {
		var crowd sync.WaitGroup
		for j := range 8 {
			crowd.Go(func() { ask(i + j) })
		}
		crowd.Wait()
		if g := gaugeOf(l, e, lab.GaugeGuard); g.Value == 1 {
			seen = g.Text
		}
	}
	t.Log(seen, e.Counters.All())
	return seen
}

// A slow store is not the solution's fault, and a process that is killed while a
// crowd waits for it does not send the crowd to the store.
func TestCrowdOfADyingCacheLoadsOnce(t *testing.T) {
	w := open(t)
	s := &store{hold: make(chan struct{})}
	environment := env()
	h, l := at(t, "cache", nil, w.build("cache-aside", keeper(`if n == 20 { time.Sleep(300*time.Millisecond); panic("twenty is enough") }`), ""), environment, s)
	var crowd sync.WaitGroup
	for range 20 {
		crowd.Go(func() {
			if res := h.Serve(t.Context(), &lab.Request{Read: true, Key: 5}); res.Outcome != lab.OK || string(res.Body) != "5 " {
				t.Errorf("a caller of the crowd gets %v %q", res.Outcome, res.Body)
			}
		})
	}
	go func() {
		for environment.Counters.All()[lab.EventTrips] == 0 {
			runtime.Gosched()
		}
		close(s.hold)
	}()
	crowd.Wait()
	n := environment.Counters.All()
	if s.asked.Load() != 1 || n[lab.EventFallbacks] == 0 {
		t.Errorf("the store was asked %d times, counters %v; want once, and ours stood in", s.asked.Load(), n)
	}
	if g := gaugeOf(l, environment, lab.GaugeGuard); g.Value == 1 && !strings.Contains(g.Text, "twenty is enough") {
		t.Errorf("the guard says %q", g.Text)
	}
}
