package queue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/queue"
)

// held is a queue whose workers keep their request until let go.
type held struct {
	*patterntest.Room
	t       *testing.T
	handler lab.Handler
	letGo   chan struct{}
}

func hold(t *testing.T, state lab.State, changes map[string]any) *held {
	t.Helper()
	h := &held{Room: patterntest.Open(t, queue.Pattern(), changes), t: t, letGo: make(chan struct{})}
	h.handler = h.Wrap(lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response {
		if r.Op == 9 {
			panic("below")
		}
		<-h.letGo
		return lab.Response{}
	}), state)
	return h
}

func (h *held) send(ctx context.Context, r *lab.Request) <-chan lab.Response {
	out := make(chan lab.Response, 1)
	go func() { out <- h.handler.Serve(ctx, r) }()
	synctest.Wait()
	return out
}

func (h *held) gauges(depth, busy, oldest float64) {
	h.t.Helper()
	g := h.Gauges(h.Clock.Now())
	if g[0].Value != depth || g[1].Value != busy || g[2].Value != oldest {
		h.t.Errorf("Gauges() = %+v, want depth %v, busy %v, oldest %v s", g, depth, busy, oldest)
	}
}

func (h *held) expect(name string, from <-chan lab.Response, why lab.Reason, at time.Duration) {
	h.t.Helper()
	if res := <-from; res.Reason != why || h.Clock.Now() != at {
		h.t.Errorf("%s: %+v at %v, want %q at %v", name, res, h.Clock.Now(), why, at)
	}
}

func TestNoWorkerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, lab.On, map[string]any{"workers": 1, "length": 3, "drop_expired": true, "max_wait": "1s"})
		first := h.send(t.Context(), &lab.Request{})
		ctx, stop := context.WithCancel(t.Context())
		stopped := h.send(ctx, &lab.Request{})
		impatient := h.send(t.Context(), &lab.Request{Patience: 100 * time.Millisecond})
		slow := h.send(t.Context(), &lab.Request{Patience: time.Minute})
		h.expect("who finds the room full", h.send(t.Context(), &lab.Request{}), queue.ReasonFull, 0)
		h.gauges(3, 1, 0)
		stop()
		h.expect("who waits when the service stops", stopped, lab.ReasonShutdown, 0)
		h.expect("whose patience ends", impatient, queue.ReasonExpired, 100*time.Millisecond)
		h.gauges(1, 1, 0.1)
		h.expect("who waits for max_wait", slow, queue.ReasonWait, time.Second)
		last := h.send(t.Context(), &lab.Request{})
		close(h.letGo)
		h.expect("the first", first, "", time.Second)
		h.expect("the last", last, "", time.Second)
		h.gauges(0, 0, 0)
		h.Counted(map[string]uint64{"admitted": 2, "waited": 4, "full": 1, "expired": 1, "timed_out": 1})
	})
}

func TestTheOldestGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, lab.On, map[string]any{"workers": 1, "length": 1, "order": "lifo"})
		first := h.send(t.Context(), &lab.Request{})
		oldest := h.send(t.Context(), &lab.Request{})
		newest := h.send(t.Context(), &lab.Request{})
		h.expect("the oldest", oldest, queue.ReasonEvicted, 0)
		close(h.letGo)
		h.expect("the first", first, "", 0)
		h.expect("the newest", newest, "", 0)
		h.Counted(map[string]uint64{"admitted": 2, "waited": 2, "evicted": 1})
	})
}

// Without drop_expired a request keeps its turn beyond its deadline and wastes a
// worker: that is what the knob is there to show.
func TestWithoutDropExpiredADeadlineDoesNotEndAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, lab.On, map[string]any{"workers": 1})
		first := h.send(t.Context(), &lab.Request{})
		dead := h.send(t.Context(), &lab.Request{Deadline: time.Millisecond})
		if err := h.Clock.Wait(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		h.gauges(1, 1, 1)
		close(h.letGo)
		h.expect("the first", first, "", time.Second)
		h.expect("the dead", dead, "", time.Second)
		h.Counted(map[string]uint64{"admitted": 2, "waited": 1})
	})
}

func TestCoDelAnswersWhomItDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, lab.On, map[string]any{"workers": 1, "codel": true})
		var all []<-chan lab.Response
		for range 60 {
			all = append(all, h.send(t.Context(), &lab.Request{}))
		}
		for range 60 { // serve one each 10 ms
			if err := h.Clock.Wait(t.Context(), h.Clock.Now()+10*time.Millisecond); err != nil {
				t.Fatal(err)
			}
			select {
			case h.letGo <- struct{}{}:
			default: // fewer than 60 were served
			}
			synctest.Wait()
		}
		dropped := uint64(0)
		for _, one := range all {
			if res := <-one; res.Reason == queue.ReasonCoDel {
				dropped++
			}
		}
		if dropped < 3 {
			t.Errorf("%d dropped in 0.5 s of long waits, want at least 3", dropped)
		}
		h.gauges(0, 0, 0)
		h.Counted(map[string]uint64{"admitted": 60 - dropped, "waited": 59, "dropped": dropped})
	})
}

func TestAPanicBelowFreesTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, lab.On, map[string]any{"workers": 1, "length": 0})
		for range 2 {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic did not come through")
					}
				}()
				h.handler.Serve(t.Context(), &lab.Request{Op: 9})
			}()
		}
		h.gauges(0, 0, 0)
	})
}

func TestShadowCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, lab.Shadow, map[string]any{"workers": 2, "length": 1})
		var all []<-chan lab.Response
		for range 5 {
			all = append(all, h.send(t.Context(), &lab.Request{}))
		}
		h.gauges(0, 5, 0)
		close(h.letGo)
		for _, one := range all {
			h.expect("in shadow", one, "", 0)
		}
		h.Counted(map[string]uint64{"admitted": 2, "shadow_waited": 1, "shadow_full": 2})
		h.gauges(0, 0, 0)
	})
}

func BenchmarkLive(b *testing.B) {
	next := lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} })
	h := patterntest.Open(b, queue.Pattern(), nil).Wrap(next, lab.On)
	b.Run("no wait", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			var r lab.Request
			for pb.Next() {
				h.Serve(context.Background(), &r)
			}
		})
	})
	b.Run("buffered channel", func(b *testing.B) {
		workers := make(chan struct{}, 20)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			var r lab.Request
			for pb.Next() {
				workers <- struct{}{}
				next.Serve(context.Background(), &r)
				<-workers
			}
		})
	})
}
