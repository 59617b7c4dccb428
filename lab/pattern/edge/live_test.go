package edge_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/edge"
	"workbench/sim/clock"
)

// TestCrowd sends many reads of one item at once, with and without collapsing,
// over a service that panics in the end.
func TestCrowd(t *testing.T) {
	for _, c := range []struct {
		name     string
		collapse bool
		calls    int64
	}{{"collapsed", true, 1}, {"each for itself", false, 50}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, counters := edge.Pattern(), lab.NewCounters()
				k, err := p.Settings(map[string]any{"collapse": c.collapse, "s_maxage": "2s", "stale_while_revalidate": "0s", "stale_if_error": "10s"})
				if err != nil {
					t.Fatal(err)
				}
				wall := clock.NewWall()
				ctx, cancel := context.WithCancel(t.Context())
				var owned sync.WaitGroup
				live, err := p.New(lab.Env{Clock: wall, Counters: counters, Log: slog.New(slog.DiscardHandler), Go: func(f func(context.Context)) { owned.Go(func() { f(ctx) }) }}, k)
				if err != nil {
					t.Fatal(err)
				}
				var calls atomic.Int64
				broken := atomic.Bool{}
				h := live.Wrap(lab.HandlerFunc(func(ctx context.Context, _ *lab.Request) lab.Response {
					calls.Add(1)
					if wall.Wait(ctx, wall.Now()+100*time.Millisecond) != nil {
						return lab.Refuse(lab.Shed, lab.ReasonShutdown, 0)
					}
					if broken.Load() && c.collapse {
						panic("below")
					}
					return lab.Response{Body: []byte("page")}
				}), lab.On)
				var readers sync.WaitGroup
				for range 50 {
					readers.Go(func() {
						if res := h.Serve(ctx, &lab.Request{Key: 1, Read: true}); string(res.Body) != "page" {
							t.Errorf("answer %+v, want the page", res)
						}
					})
				}
				readers.Wait()
				if got := calls.Load(); got != c.calls {
					t.Errorf("%d calls, want %d", got, c.calls)
				}
				if err := wall.Wait(ctx, wall.Now()+3*time.Second); err != nil {
					t.Fatal(err)
				}
				broken.Store(true)
				if res := h.Serve(ctx, &lab.Request{Key: 1, Read: true}); string(res.Body) != "page" || c.collapse != (res.Outcome == lab.Stale) {
					t.Errorf("after a failure: %+v", res)
				}
				if got := counters.All()["stale_error"]; c.collapse && got != 1 {
					t.Errorf("stale_error = %d, want 1", got)
				}
				cancel()
				owned.Wait()
			})
		})
	}
}
