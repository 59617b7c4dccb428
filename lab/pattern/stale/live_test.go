package stale_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/stale"
)

// rig is the pattern over a dependency whose speed and health can be set, in a
// bubble.
type rig struct {
	*patterntest.Room
	t       *testing.T
	handler lab.Handler
	calls   atomic.Int64
	delay   atomic.Int64 // of a call
	text    atomic.Pointer[string]
	broken  atomic.Bool
	panics  atomic.Bool
}

func bubble(t *testing.T, state lab.State, knobs map[string]any, test func(g *rig)) {
	synctest.Test(t, func(t *testing.T) {
		g := &rig{Room: patterntest.Open(t, stale.Pattern(), knobs), t: t}
		g.set("one", time.Millisecond)
		g.handler = g.Wrap(lab.HandlerFunc(g.below), state)
		test(g)
		g.Stop()
		if behind := g.Gauges(g.Clock.Now())[1]; behind.Name != "behind" || behind.Value != 0 {
			t.Errorf("gauge %+v at the end, want behind 0", behind)
		}
	})
}

func (g *rig) set(text string, delay time.Duration) {
	g.text.Store(&text)
	g.delay.Store(int64(delay))
}

func (g *rig) below(ctx context.Context, r *lab.Request) lab.Response {
	g.calls.Add(1)
	text := *g.text.Load()
	switch until := g.Clock.Now() + time.Duration(g.delay.Load()); {
	case r.Deadline > 0 && r.Deadline < until:
		if g.Clock.Wait(ctx, r.Deadline) == nil {
			return lab.Refuse(lab.Late, lab.ReasonDeadline, 0)
		}
		return lab.Refuse(lab.Shed, lab.ReasonShutdown, 0)
	case g.Clock.Wait(ctx, until) != nil:
		return lab.Refuse(lab.Shed, lab.ReasonShutdown, 0)
	case g.panics.Load():
		panic("boom")
	case g.broken.Load():
		return lab.Refuse(lab.Failed, lab.ReasonFault, 0)
	}
	return lab.Response{Body: []byte(text)}
}

func (g *rig) wait(d time.Duration) {
	if err := g.Clock.Wait(context.Background(), g.Clock.Now()+d); err != nil {
		g.t.Error(err)
	}
}

// read wants an answer with this outcome, body and age after this time.
func (g *rig) read(what string, out lab.Outcome, text string, age, took time.Duration) {
	g.t.Helper()
	begin := g.Clock.Now()
	res := g.handler.Serve(context.Background(), &lab.Request{Key: 1, Read: true})
	if got := g.Clock.Now() - begin; res.Outcome != out || string(res.Body) != text || res.Age != age || got != took {
		g.t.Errorf("%s: %v %q aged %v after %v, want %v %q aged %v after %v", what, res.Outcome, res.Body, res.Age, got, out, text, age, took)
	}
}

func (g *rig) count(name string, want uint64) {
	g.t.Helper()
	if got := g.Counters.All()[name]; got != want {
		g.t.Errorf("counter %s = %d, want %d", name, got, want)
	}
}

const ms = time.Millisecond

func TestStaleOnError(t *testing.T) {
	bubble(t, lab.On, map[string]any{"max_age": "1m"}, func(g *rig) {
		g.broken.Store(true)
		g.read("nothing to give out", lab.Failed, "", 0, ms)
		g.broken.Store(false)
		g.read("works", lab.OK, "one", 0, ms)
		g.broken.Store(true)
		g.wait(10 * time.Second)
		g.read("broken", lab.Stale, "one", 10*time.Second+ms, ms)
		g.wait(50 * time.Second)
		g.read("broken for too long", lab.Failed, "", 0, ms)
		for name, want := range map[string]uint64{"none": 1, "stale": 1, "too_old": 1, "store": 1} {
			g.count(name, want)
		}
	})
}

func TestSoftWait(t *testing.T) {
	bubble(t, lab.On, map[string]any{"after": "50ms"}, func(g *rig) {
		g.read("first", lab.OK, "one", 0, ms)
		g.set("two", time.Second)
		g.read("slow", lab.Stale, "one", 50*ms, 50*ms)
		g.wait(2 * time.Second)
		g.set("three", ms)
		g.broken.Store(true)
		g.read("what the slow call brought is kept", lab.Stale, "two", 1051*ms, ms)
		g.count("after", 1)
		g.count("stale", 2)
	})
}

// TestSoftWaitHasRoomForSoMany: beyond it, requests wait for their call.
func TestSoftWaitHasRoomForSoMany(t *testing.T) {
	bubble(t, lab.On, map[string]any{"after": "50ms", "background": 2}, func(g *rig) {
		g.read("first", lab.OK, "one", 0, ms)
		g.set("two", time.Second)
		var users sync.WaitGroup
		var old, fresh atomic.Int64
		for range 5 {
			users.Go(func() {
				if g.handler.Serve(context.Background(), &lab.Request{Key: 1, Read: true}).Outcome == lab.Stale {
					old.Add(1)
				} else {
					fresh.Add(1)
				}
			})
		}
		users.Wait()
		if old.Load() != 2 || fresh.Load() != 3 {
			t.Errorf("%d stale and %d fresh answers, want 2 and 3", old.Load(), fresh.Load())
		}
		synctest.Wait()
	})
}

// TestHungDependency: without any other deadline, calls behind end by their own
// and give their room back.
func TestHungDependency(t *testing.T) {
	bubble(t, lab.On, map[string]any{"after": "50ms", "background": 1}, func(g *rig) {
		g.read("first", lab.OK, "one", 0, ms)
		g.set("never", time.Hour)
		g.read("room", lab.Stale, "one", 50*ms, 50*ms)
		g.read("no room: until the call's deadline", lab.Stale, "one", stale.Limit+50*ms, stale.Limit)
		g.read("room again", lab.Stale, "one", stale.Limit+100*ms, 50*ms)
		g.wait(stale.Limit)
		synctest.Wait()
	})
}

func TestRenewBehind(t *testing.T) {
	bubble(t, lab.On, map[string]any{"refresh": "1m", "fresh_for": "10s"}, func(g *rig) {
		g.read("first", lab.OK, "one", 0, ms)
		g.set("two", 100*ms)
		g.wait(5 * time.Second)
		g.read("fresh", lab.OK, "one", 5*time.Second, 0)
		g.wait(5 * time.Second)
		g.read("old: at once, renewed behind", lab.Stale, "one", 10*time.Second, 0)
		g.read("one renewal is enough", lab.Stale, "one", 10*time.Second, 0)
		g.wait(time.Second)
		g.read("renewed", lab.OK, "two", 900*ms, 0)
		g.broken.Store(true)
		g.wait(30 * time.Second)
		g.read("the renewal fails", lab.Stale, "two", 30900*ms, 0)
		g.wait(200 * ms)
		g.read("no new one within a second", lab.Stale, "two", 31100*ms, 0)
		g.wait(60 * time.Second)
		g.read("the failure extends the copy", lab.Stale, "two", 91100*ms, 0)
		g.wait(time.Second)
		for name, want := range map[string]uint64{"fresh": 2, "stale": 5, "refresh": 3, "refresh_failed": 2, "store": 2} {
			g.count(name, want)
		}
	})
}

func TestPanicBehindIsAFailure(t *testing.T) {
	bubble(t, lab.On, map[string]any{"refresh": "1m"}, func(g *rig) {
		g.read("first", lab.OK, "one", 0, ms)
		g.panics.Store(true)
		g.read("its renewal panics", lab.Stale, "one", 0, 0)
		g.wait(10 * ms)
		g.count("refresh_failed", 1)
		g.read("the copy stays", lab.Stale, "one", 10*ms, 0)
	})
}

func TestWriteDropsTheCopy(t *testing.T) {
	bubble(t, lab.On, nil, func(g *rig) {
		g.read("first", lab.OK, "one", 0, ms)
		g.handler.Serve(context.Background(), &lab.Request{Key: 1, Op: 1})
		g.broken.Store(true)
		g.read("what was changed is not shown", lab.Failed, "", 0, ms)
		g.count("dropped", 1)
	})
}

func TestShadowCountsOnly(t *testing.T) {
	bubble(t, lab.Shadow, map[string]any{"after": "50ms"}, func(g *rig) {
		g.read("first", lab.OK, "one", 0, ms)
		g.set("two", time.Second)
		g.read("slow", lab.OK, "two", 0, time.Second)
		g.broken.Store(true)
		g.read("failed", lab.Failed, "", 0, time.Second)
		g.count("shadow_stale", 2)
		g.count("stale", 0)
		if got := g.calls.Load(); got != 3 {
			t.Errorf("calls = %d, want 3", got)
		}
	})
}
