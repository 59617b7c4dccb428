package concurrency_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go/bulkhead"
	"golang.org/x/sync/semaphore"

	"workbench/lab"
	"workbench/lab/pattern/concurrency"
	"workbench/lab/pattern/patterntest"
)

// library is golang.org/x/sync/semaphore in the place of our gate.
type library struct {
	places *semaphore.Weighted
	wait   time.Duration
}

func (l library) Wrap(next lab.Handler, _ lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		if !l.places.TryAcquire(1) {
			limited, cancel := context.WithTimeout(ctx, l.wait)
			defer cancel()
			if l.places.Acquire(limited, 1) != nil {
				return lab.Refuse(lab.Shed, concurrency.ReasonWait, time.Second)
			}
		}
		defer l.places.Release(1)
		return next.Serve(ctx, r)
	})
}

func (library) Gauges(time.Duration) []lab.Gauge { return nil }
func (library) Close() error                     { return nil }

// Both serve first come, first served: they must agree on every request and on
// the instant of every answer.
func TestFixedMatchesTheLibrary(t *testing.T) {
	for _, limit := range []int{1, 7, 40} {
		t.Run(fmt.Sprintf("%d places", limit), func(t *testing.T) {
			k := concurrency.Defaults()
			oracle := lab.Define(lab.Pattern{Name: "semaphore"}, concurrency.Defaults, func(lab.Env, concurrency.Knobs) (lab.Live, error) {
				return library{places: semaphore.NewWeighted(int64(limit)), wait: k.Wait}, nil
			}, nil)
			arrivals := patterntest.Poisson(21, 2000, 1500, 40*time.Millisecond)
			want, _ := patterntest.Live(t, oracle, nil, lab.On, arrivals)
			got, counts := patterntest.Live(t, concurrency.Pattern(), map[string]any{"limit": limit, "max_waiting": 1_000_000}, lab.On, arrivals)
			refused := uint64(0)
			for i := range want {
				if got[i].At != want[i].At || got[i].Response.Reason != want[i].Response.Reason {
					t.Fatalf("request %d: %v, the library: %v", i+1, got[i], want[i])
				}
				if want[i].Response.Outcome == lab.Shed {
					refused++
				}
			}
			if refused == 0 || counts["refused"] != refused || counts["admitted"] != 2000-refused {
				t.Errorf("counters %v, want %d refused (more than 0) and the rest of 2000 admitted", counts, refused)
			}
		})
	}
}

// held is a gate whose requests stay inside until let go.
type held struct {
	*patterntest.Room
	t       *testing.T
	handler lab.Handler
	letGo   chan struct{}
}

func hold(t *testing.T, state lab.State, changes map[string]any) *held {
	t.Helper()
	h := &held{Room: patterntest.Open(t, concurrency.Pattern(), changes), t: t, letGo: make(chan struct{})}
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

func (h *held) gauges(limit, inflight, waiting float64) {
	h.t.Helper()
	g := h.Gauges(0)
	if g[0].Value != limit || g[1].Value != inflight || g[2].Value != waiting {
		h.t.Errorf("Gauges() = %+v, want limit %v, inflight %v, waiting %v", g, limit, inflight, waiting)
	}
}

func TestNoPlaceIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, lab.On, map[string]any{"limit": 1, "wait": "1s", "max_waiting": 2})
		first := h.send(t.Context(), &lab.Request{})
		ctx, stop := context.WithCancel(t.Context())
		stopped := h.send(ctx, &lab.Request{})
		late := h.send(t.Context(), &lab.Request{Deadline: 100 * time.Millisecond})
		refused := <-h.send(t.Context(), &lab.Request{})
		h.gauges(1, 1, 2)
		stop()
		for _, c := range []struct {
			name string
			got  lab.Response
			why  lab.Reason
		}{
			{"who finds no room to wait", refused, concurrency.ReasonFull},
			{"who waits when the service stops", <-stopped, lab.ReasonShutdown},
			{"whose deadline passes", <-late, lab.ReasonDeadline},
			{"who waits too long", <-h.send(t.Context(), &lab.Request{}), concurrency.ReasonWait},
		} {
			if c.got.Reason != c.why {
				t.Errorf("%s: %+v, want %s", c.name, c.got, c.why)
			}
		}
		h.gauges(1, 1, 0)
		close(h.letGo)
		if res := <-first; res.Outcome != lab.OK {
			t.Errorf("the first: %+v, want ok", res)
		}
		if res := <-h.send(t.Context(), &lab.Request{}); res.Outcome != lab.OK {
			t.Errorf("after all have left: %+v, want ok", res)
		}
		h.gauges(1, 0, 0)
		want := map[string]uint64{"admitted": 2, "waited": 3, "refused": 4, "shadow_waited": 0, "shadow_refused": 0}
		for name, n := range want {
			if got := h.Counters.All()[name]; got != n {
				t.Errorf("counter %s = %d, want %d", name, got, n)
			}
		}
	})
}

func TestAPanicBelowFreesThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, lab.On, map[string]any{"limit": 1, "wait": "0s"})
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
		h.gauges(1, 0, 0)
	})
}

func TestShadowCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, lab.Shadow, map[string]any{"limit": 2, "wait": "1s", "max_waiting": 1})
		var all []<-chan lab.Response
		for range 5 {
			all = append(all, h.send(t.Context(), &lab.Request{}))
		}
		h.gauges(2, 5, 0)
		close(h.letGo)
		for _, one := range all {
			if res := <-one; res.Outcome != lab.OK {
				t.Errorf("in shadow: %+v, want ok", res)
			}
		}
		want := map[string]uint64{"admitted": 2, "shadow_waited": 1, "shadow_refused": 2, "refused": 0}
		for name, n := range want {
			if got := h.Counters.All()[name]; got != n {
				t.Errorf("counter %s = %d, want %d", name, got, n)
			}
		}
		h.gauges(2, 0, 0)
	})
}

func BenchmarkLive(b *testing.B) {
	next := lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} })
	for _, algorithm := range []string{"fixed", "adaptive"} {
		b.Run(algorithm, func(b *testing.B) {
			h := patterntest.Open(b, concurrency.Pattern(), map[string]any{"algorithm": algorithm}).Wrap(next, lab.On)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var r lab.Request
				for pb.Next() {
					h.Serve(context.Background(), &r)
				}
			})
		})
	}
	b.Run("failsafe bulkhead", func(b *testing.B) {
		places := bulkhead.New[lab.Response](40)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			var r lab.Request
			for pb.Next() {
				if places.TryAcquirePermit() {
					next.Serve(context.Background(), &r)
					places.ReleasePermit()
				}
			}
		})
	})
}
