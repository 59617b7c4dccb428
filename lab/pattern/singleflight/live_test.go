package singleflight_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/singleflight"
	"workbench/sim/clock"
)

// rig is the pattern over a handler, in a bubble.
type rig struct {
	*patterntest.Room
	t       *testing.T
	handler lab.Handler
	calls   atomic.Int64
}

func bubble(t *testing.T, state lab.State, knobs map[string]any, below lab.HandlerFunc, test func(g *rig)) {
	synctest.Test(t, func(t *testing.T) {
		g := &rig{Room: patterntest.Open(t, singleflight.Pattern(), knobs), t: t}
		g.handler = g.Wrap(lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
			g.calls.Add(1)
			return below(ctx, r)
		}), state)
		test(g)
		g.Stop()
		for _, gauge := range g.Gauges(g.Clock.Now()) {
			if gauge.Value != 0 {
				t.Errorf("gauge %s = %v at the end, want 0", gauge.Name, gauge.Value)
			}
		}
	})
}

// crowd sends n reads at once, changed by each, and returns the answers.
func (g *rig) crowd(n int, each func(i int, r *lab.Request)) []lab.Response {
	out := make([]lab.Response, n)
	var users sync.WaitGroup
	for i := range n {
		users.Go(func() {
			r := &lab.Request{ID: uint64(i), Key: 1, Read: true}
			if each != nil {
				each(i, r)
			}
			out[i] = g.handler.Serve(context.Background(), r)
		})
		synctest.Wait() // request 0 leads
	}
	users.Wait()
	return out
}

func (g *rig) count(name string, want uint64) {
	g.t.Helper()
	if got := g.Counters.All()[name]; got != want {
		g.t.Errorf("counter %s = %d, want %d", name, got, want)
	}
}

// after answers a second later.
func after(ctx context.Context, _ *lab.Request) lab.Response {
	wall := clock.NewWall()
	if wall.Wait(ctx, time.Second) != nil {
		return lab.Refuse(lab.Shed, lab.ReasonShutdown, 0)
	}
	return lab.Response{Body: []byte("x")}
}

func TestThousandMissesOneCall(t *testing.T) {
	bubble(t, lab.On, nil, after, func(g *rig) {
		for i, res := range g.crowd(1000, nil) {
			if string(res.Body) != "x" {
				t.Fatalf("answer %d = %+v, want the shared body", i, res)
			}
		}
		if got := g.calls.Load(); got != 1 {
			t.Errorf("calls = %d, want 1", got)
		}
		g.count("led", 1)
		g.count("joined", 999)
	})
}

// TestLeaderLeavesFollowersStay: the one who began it gives up, the others get
// the answer all the same.
func TestLeaderLeavesFollowersStay(t *testing.T) {
	bubble(t, lab.On, nil, after, func(g *rig) {
		out := g.crowd(3, func(i int, r *lab.Request) {
			switch i {
			case 0:
				r.Deadline = g.Clock.Now() + 100*time.Millisecond
			case 1:
				r.Patience = g.Clock.Now() + 200*time.Millisecond
			}
		})
		for i := range 2 {
			if out[i].Outcome != lab.Late || out[i].Reason != singleflight.ReasonWait {
				t.Errorf("request %d: %v %q, want late flight_wait", i, out[i].Outcome, out[i].Reason)
			}
		}
		if out[2].Outcome != lab.OK {
			t.Errorf("the one who stayed: %v, want ok", out[2].Outcome)
		}
		g.count("gave_up", 2)
	})
}

func TestPanicStrandsNobody(t *testing.T) {
	bubble(t, lab.On, nil, func(ctx context.Context, r *lab.Request) lab.Response {
		after(ctx, r)
		panic("boom")
	}, func(g *rig) {
		for i, res := range g.crowd(3, nil) {
			if res.Outcome != lab.Failed || res.Reason != singleflight.ReasonPanic {
				t.Errorf("request %d: %v %q, want failed flight_panic", i, res.Outcome, res.Reason)
			}
		}
		g.count("panicked", 1)
	})
}

func TestErrors(t *testing.T) {
	failing := func(ctx context.Context, r *lab.Request) lab.Response {
		after(ctx, r)
		return lab.Refuse(lab.Failed, lab.ReasonFault, 0)
	}
	for _, c := range []struct {
		share bool
		calls int64
		alone uint64
	}{{true, 1, 0}, {false, 10, 9}} {
		bubble(t, lab.On, map[string]any{"share_errors": c.share}, failing, func(g *rig) {
			g.crowd(10, nil)
			if got := g.calls.Load(); got != c.calls {
				t.Errorf("share_errors %t: %d calls, want %d", c.share, got, c.calls)
			}
			g.count("alone", c.alone)
		})
	}
}

// TestHungFlight: work that ends by its context alone lands late, nobody waits
// for it longer than its deadline and the grace, and the next one starts anew.
func TestHungFlight(t *testing.T) {
	hang := func(ctx context.Context, _ *lab.Request) lab.Response {
		<-ctx.Done()
		return lab.Refuse(lab.Late, lab.ReasonDeadline, 0)
	}
	bubble(t, lab.On, map[string]any{"timeout": "2s"}, hang, func(g *rig) {
		begin := g.Clock.Now()
		g.crowd(3, func(i int, _ *lab.Request) {
			if i == 2 { // comes when the flight should have ended
				if err := g.Clock.Wait(context.Background(), begin+2*time.Second); err != nil {
					t.Error(err)
				}
			}
		})
		if got, most := g.Clock.Now()-begin, 4*time.Second+singleflight.Grace; got > most {
			t.Errorf("all answered after %v, want at most %v", got, most)
		}
		g.count("led", 2)
		synctest.Wait()
	})
}

func TestWriteEndsJoining(t *testing.T) {
	bubble(t, lab.On, nil, func(ctx context.Context, r *lab.Request) lab.Response {
		if r.Read {
			return after(ctx, r)
		}
		return lab.Response{}
	}, func(g *rig) {
		g.crowd(4, func(i int, r *lab.Request) {
			if i == 2 {
				r.Read, r.Op = false, 1
			}
		})
		g.count("led", 2) // requests 0 and 3
		g.count("joined", 1)
	})
}

func TestStopEndsWaiting(t *testing.T) {
	bubble(t, lab.On, nil, after, func(g *rig) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(100*time.Millisecond, cancel)
		res := g.handler.Serve(ctx, &lab.Request{Key: 1, Read: true})
		if res.Outcome != lab.Shed || res.Reason != lab.ReasonShutdown {
			t.Errorf("when the service stops: %v %q, want shed shutdown", res.Outcome, res.Reason)
		}
	})
}

func TestShadowCountsOnly(t *testing.T) {
	bubble(t, lab.Shadow, nil, after, func(g *rig) {
		g.crowd(5, nil)
		if got := g.calls.Load(); got != 5 {
			t.Errorf("calls in shadow = %d, want all 5", got)
		}
		g.count("shadow_joined", 4)
		g.count("joined", 0)
	})
}
