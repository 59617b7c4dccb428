package cache_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/cache"
	"workbench/sim/clock"
)

// paper is a solution in this process that keeps what it has loaded, for ever.
type paper struct {
	clock clock.Clock

	mu    sync.Mutex
	kept  map[string][]byte // guarded by mu
	keys  []string          // guarded by mu; asked for
	err   error             // guarded by mu; instead of an answer
	load  bool              // guarded by mu; and it loads before it gives none
	after time.Duration     // guarded by mu; which it takes
	own   bool              // guarded by mu; it answers with an error of its own
}

func (p *paper) Name() string                                 { return "paper" }
func (p *paper) Open(lab.Env, lab.Terms) (lab.Foreign, error) { return p, nil }
func (p *paper) Done(lab.Ruling, time.Duration, lab.End)      {}
func (p *paper) Gauges(time.Duration) []lab.Gauge             { return []lab.Gauge{{Name: lab.GaugeGuard}} }
func (p *paper) Close() error                                 { return nil }
func (p *paper) Admit(context.Context, lab.Question) (lab.Ruling, error) {
	return lab.Ruling{}, lab.ErrForeign
}

func (p *paper) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *paper) Fetch(ctx context.Context, q lab.Fetch) (lab.Fetched, error) {
	p.mu.Lock()
	p.keys = append(p.keys, q.Key)
	kept, err, load, after, own := p.kept[q.Key], p.err, p.load, p.after, p.own
	p.mu.Unlock()
	if load {
		go q.Load()
	}
	if p.clock.Wait(ctx, p.clock.Now()+after) != nil {
		return lab.Fetched{}, fmt.Errorf("%w: %w", lab.ErrForeign, ctx.Err())
	}
	switch {
	case err != nil:
		return lab.Fetched{}, err
	case own:
		return lab.Fetched{}, nil
	case kept != nil:
		return lab.Fetched{Loaded: lab.Loaded{Keep: true, Text: kept}, Hit: true}, q.Known(kept)
	}
	got := q.Load()
	if got.Keep {
		p.set(func() { p.kept[q.Key] = got.Text })
	}
	if len(got.Text) > lab.MaxText {
		got.Text = nil
	}
	return lab.Fetched{Loaded: got}, nil
}

// counter is a lab with one cache, whose store counts.
type counter struct {
	*testing.T
	p       *paper
	l       lab.Live
	h       lab.Handler
	n       *lab.Counters
	asked   atomic.Int64
	answer  atomic.Pointer[lab.Response]
	takes   time.Duration
	panicky atomic.Bool
}

func yours(t *testing.T, test func(c *counter)) {
	synctest.Test(t, func(t *testing.T) {
		wall := clock.NewWall()
		c := &counter{T: t, p: &paper{clock: wall, kept: map[string][]byte{}}, n: lab.NewCounters()}
		c.answer.Store(&lab.Response{Body: []byte("one"), Status: 203, Location: "/there"})
		var own sync.WaitGroup
		env := lab.Env{
			Clock: wall, Counters: c.n, Log: slog.New(slog.DiscardHandler), Uniform: func() float64 { return .5 },
			Go: func(f func(context.Context)) { own.Go(func() { f(context.Background()) }) },
		}
		pattern := cache.Pattern()
		k, err := pattern.Settings(map[string]any{"ttl": "10s"})
		if err != nil {
			t.Fatal(err)
		}
		if c.l, err = pattern.Yours(env, k, c.p); err != nil {
			t.Fatal(err)
		}
		c.h = c.l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
			c.asked.Add(1)
			_ = wall.Wait(context.Background(), wall.Now()+c.takes) // it has no end
			if c.panicky.Load() {
				panic("below")
			}
			return *c.answer.Load()
		}), lab.Yours)
		test(c)
		own.Wait()
		if err := c.l.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
}

func (c *counter) read(key uint64) lab.Response {
	return c.h.Serve(c.Context(), &lab.Request{Read: true, Key: key, Op: 2})
}

func (c *counter) want(want map[string]uint64) {
	c.Helper()
	got := c.n.All()
	for name, n := range want {
		if got[name] != n {
			c.Errorf("%s is %d, want %d (%v)", name, got[name], n, got)
		}
	}
}

// A solution's answers hold: what it has kept is answered from it, a write makes
// it ask for another key, and absence and refusals are not kept.
func TestYoursKeeps(t *testing.T) {
	yours(t, func(c *counter) {
		first := c.read(7)
		if c.p.clock.Wait(c.Context(), c.p.clock.Now()+3*time.Second) != nil {
			c.Fatal("no time")
		}
		second := c.read(7)
		if first.Cached || !second.Cached || second.Age != 3*time.Second || string(second.Body) != "one" || second.Status != 203 || second.Location != "/there" {
			c.Errorf("loaded %+v, then %+v; want the same from the cache, three seconds old", first, second)
		}
		c.h.Serve(c.Context(), &lab.Request{Key: 7})
		if res := c.read(7); res.Cached {
			c.Errorf("after a write %+v, want a load", res)
		}
		if fmt.Sprint(c.p.keys) != "[2.7.0 2.7.0 2.7.1]" {
			c.Errorf("keys %v, want another one after the write", c.p.keys)
		}
		for i, answer := range []lab.Response{{Missing: true}, lab.Refuse(lab.Shed, "queue_full", time.Second), {Outcome: lab.Stale, Age: time.Minute}} {
			c.answer.Store(&answer)
			for range 2 {
				if res := c.read(uint64(9 + i)); res.Cached || res.Outcome != answer.Outcome || res.Reason != answer.Reason || res.Missing != answer.Missing || res.RetryAfter != answer.RetryAfter || res.Age != answer.Age {
					c.Errorf("%+v was answered as %+v, want it as it is, and not kept", answer, res)
				}
			}
		}
		if n := c.asked.Load(); n != 9 {
			c.Errorf("the store was asked %d times, want 9", n)
		}
		// Ours keeps absence for a while: of the two reads of it one differs.
		c.want(map[string]uint64{"hit": 1, "miss": 8, "invalidated": 1, lab.EventAgreed: 8, lab.EventDiffered: 1, lab.EventFallbacks: 0})
		if g := c.l.Gauges(c.p.clock.Now()); g[1].Name != "hit_share" || g[1].Value != 1./9 || g[3].Name != lab.GaugeGuard {
			c.Errorf("gauges %v, want the solution's share of hits and its guard", g)
		}
	})
}

// Where it gives no answer ours does: from its own copy, else by one load for all.
func TestOursStandsInForTheCache(t *testing.T) {
	yours(t, func(c *counter) {
		c.takes = time.Second
		c.p.set(func() { c.p.err, c.p.load = lab.ErrForeign, true })
		var crowd sync.WaitGroup
		for range 50 {
			crowd.Go(func() {
				if res := c.read(7); string(res.Body) != "one" || res.Cached {
					c.Errorf("one of the crowd gets %+v", res)
				}
			})
		}
		crowd.Wait()
		c.p.set(func() { c.p.load = false })
		if res := c.read(7); string(res.Body) != "one" || !res.Cached {
			c.Errorf("afterwards %+v, want ours' copy", res)
		}
		c.p.set(func() { c.p.err, c.p.own = nil, true })
		if res := c.read(7); !res.Cached {
			c.Errorf("after an error of its own %+v, want ours' copy", res)
		}
		if n := c.asked.Load(); n != 1 {
			c.Errorf("the store was asked %d times, want once", n)
		}
		c.want(map[string]uint64{"hit": 2, "miss": 50, "store": 1, lab.EventFallbacks: 52, lab.EventAgreed: 0})
	})
}

// What waits too long, what is too long and what breaks below still has an answer.
func TestYoursAtItsBounds(t *testing.T) {
	yours(t, func(c *counter) {
		c.takes = time.Second
		res := c.h.Serve(c.Context(), &lab.Request{Read: true, Key: 1, Patience: c.p.clock.Now() + 300*time.Millisecond})
		if res.Outcome != lab.OK { // the paper waits for its load whatever ctx says
			c.Errorf("an answer that came all the same was thrown away: %+v", res)
		}
		c.p.set(func() { c.p.after = time.Minute })
		began := c.p.clock.Now()
		res = c.h.Serve(c.Context(), &lab.Request{Read: true, Key: 2, Patience: began + 300*time.Millisecond})
		if took := c.p.clock.Now() - began; res.Outcome != lab.Late || took != 300*time.Millisecond {
			c.Errorf("an impatient caller gets %v after %v, want late after 300ms", res.Outcome, took)
		}
		stopped, stop := context.WithCancel(c.Context())
		stop()
		if res := c.h.Serve(stopped, &lab.Request{Read: true, Key: 2}); res.Reason != lab.ReasonShutdown {
			c.Errorf("when the service stops: %+v", res)
		}
		c.want(map[string]uint64{lab.EventFallbacks: 0})
		c.p.set(func() { c.p.after = 0 })
		long := make([]byte, lab.MaxText+1)
		c.answer.Store(&lab.Response{Body: long})
		if res := c.read(3); len(res.Body) != len(long) || res.Cached {
			c.Errorf("a long answer has %d bytes, want %d", len(res.Body), len(long))
		}
		c.panicky.Store(true)
		if res := c.read(4); res.Outcome != lab.Failed || res.Reason != lab.ReasonFault {
			c.Errorf("a panic below is %+v, want a failure", res)
		}
	})
}

// A text that was changed, or belongs to another key, is known.
func TestSealedAnswers(t *testing.T) {
	yours(t, func(c *counter) {
		c.read(1)
		c.read(2)
		one, two := c.p.kept["2.1.0"], c.p.kept["2.2.0"]
		if len(one) == 0 || len(two) == 0 {
			c.Fatalf("kept %v", c.p.kept)
		}
		for i := range len(one) {
			bad := append([]byte(nil), one...)
			bad[i] ^= 1
			c.p.kept["2.1.0"] = bad
			if res := c.read(1); !res.Cached || string(res.Body) != "one" {
				c.Fatalf("with byte %d changed: %+v, want ours' copy", i, res)
			}
		}
		c.p.kept["2.1.0"] = two
		c.read(1)
		c.p.kept["2.1.0"] = nil
		c.want(map[string]uint64{lab.EventFallbacks: uint64(len(one)) + 1})
	})
}

func TestYoursWantsMemory(t *testing.T) {
	pattern := cache.Pattern()
	k, err := pattern.Settings(map[string]any{"store": "redis"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pattern.Yours(lab.Env{Clock: clock.NewWall(), Counters: lab.NewCounters()}, k, &paper{}); err == nil {
		t.Error("Yours with store redis = nil error, want one that says so")
	}
}
