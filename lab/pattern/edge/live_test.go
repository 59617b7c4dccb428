package edge_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/edge"
	"workbench/lab/pattern/patterntest"
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
				l := patterntest.Open(t, edge.Pattern(), map[string]any{"collapse": c.collapse, "s_maxage": "2s", "stale_while_revalidate": "0s", "stale_if_error": "10s"})
				var calls atomic.Int64
				broken := atomic.Bool{}
				h := l.Wrap(lab.HandlerFunc(func(ctx context.Context, _ *lab.Request) lab.Response {
					calls.Add(1)
					if l.Clock.Wait(ctx, l.Clock.Now()+100*time.Millisecond) != nil {
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
						if res := h.Serve(t.Context(), &lab.Request{Key: 1, Read: true}); string(res.Body) != "page" {
							t.Errorf("answer %+v, want the page", res)
						}
					})
				}
				readers.Wait()
				if got := calls.Load(); got != c.calls {
					t.Errorf("%d calls, want %d", got, c.calls)
				}
				if err := l.Clock.Wait(t.Context(), l.Clock.Now()+3*time.Second); err != nil {
					t.Fatal(err)
				}
				broken.Store(true)
				if res := h.Serve(t.Context(), &lab.Request{Key: 1, Read: true}); string(res.Body) != "page" || c.collapse != (res.Outcome == lab.Stale) {
					t.Errorf("after a failure: %+v", res)
				}
				if got := l.Counters.All()["stale_error"]; c.collapse && got != 1 {
					t.Errorf("stale_error = %d, want 1", got)
				}
				l.Stop()
			})
		})
	}
}
