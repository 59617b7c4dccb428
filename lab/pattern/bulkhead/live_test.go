package bulkhead_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	failsafe "github.com/failsafe-go/failsafe-go/bulkhead"

	"workbench/lab"
	"workbench/lab/pattern/bulkhead"
	"workbench/lab/pattern/patterntest"
	"workbench/sim/clock"
)

func live(t testing.TB, k bulkhead.Knobs) (lab.Live, *clock.Wall, *lab.Counters) {
	t.Helper()
	l := patterntest.Open(t, bulkhead.Pattern(), &k)
	return l, l.Clock, l.Counters
}

// takes returns a handler that keeps a request for 50 ms.
func takes(t *testing.T, wall *clock.Wall) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, _ *lab.Request) lab.Response {
		if err := wall.Wait(ctx, wall.Now()+50*ms); err != nil {
			t.Error(err)
		}
		return lab.Response{}
	})
}

// burst sends n requests of operation 1 at once and one of operation 2, and
// returns their outcomes, the last being the other operation's.
func burst(h lab.Handler, ctx context.Context, n int) []lab.Response {
	out := make([]lab.Response, n+1)
	var users sync.WaitGroup
	for i := range out {
		users.Go(func() {
			op := uint8(1)
			if i == n {
				op = 2
			}
			out[i] = h.Serve(ctx, &lab.Request{Op: op})
		})
	}
	users.Wait()
	return out
}

func count(all []lab.Response, reason lab.Reason) (n int) {
	for _, r := range all {
		if r.Reason == reason {
			n++
		}
	}
	return n
}

func TestBurst(t *testing.T) {
	tests := []struct {
		name            string
		knobs           bulkhead.Knobs
		state           lab.State
		full            int // responses with bulkhead_full
		refused, waited uint64
		ending          time.Duration // when the last answer came
	}{
		{"at once", bulkhead.Knobs{Limit: 3}, lab.On, 7, 7, 0, 50 * ms},
		{"a wait long enough", bulkhead.Knobs{Limit: 3, Wait: 60 * ms}, lab.On, 4, 4, 3, 100 * ms},
		{"a wait too short", bulkhead.Knobs{Limit: 3, Wait: 40 * ms}, lab.On, 7, 7, 3, 50 * ms},
		{"shadow", bulkhead.Knobs{Limit: 3}, lab.Shadow, 0, 7, 0, 50 * ms},
		{"shadow with a wait", bulkhead.Knobs{Limit: 3, Wait: 60 * ms}, lab.Shadow, 0, 0, 7, 50 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, wall, counters := live(t, tt.knobs)
				got := burst(l.Wrap(takes(t, wall), tt.state), t.Context(), 10)
				if n := count(got, bulkhead.ReasonFull); n != tt.full {
					t.Errorf("%d of 10 were refused, want %d", n, tt.full)
				}
				if got[10].Outcome != lab.OK {
					t.Errorf("the other operation got %v, want ok", got[10].Outcome)
				}
				all := counters.All()
				if all["refused"] != tt.refused || all["waited"] != tt.waited {
					t.Errorf("counters %v, want refused %d, waited %d", all, tt.refused, tt.waited)
				}
				if wall.Now() != tt.ending {
					t.Errorf("the last answer came at %v, want %v", wall.Now(), tt.ending)
				}
				for _, g := range l.Gauges(wall.Now()) {
					if g.Value != 0 {
						t.Errorf("gauge %s = %v after all have left, want 0", g.Name, g.Value)
					}
				}
			})
		})
	}
}

func TestGaugesAndShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, wall, _ := live(t, bulkhead.Knobs{Limit: 2, Wait: 10 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		hung := make(chan struct{})
		h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
			<-hung
			return lab.Response{}
		}), lab.On)
		var got []lab.Response
		var users sync.WaitGroup
		users.Go(func() { got = burst(h, ctx, 3) })
		synctest.Wait()
		want := map[string]float64{"inflight_1": 2, "inflight_2": 1, "waiting": 1}
		for _, g := range l.Gauges(wall.Now()) {
			if g.Value != want[g.Name] {
				t.Errorf("gauge %s = %v, want %v", g.Name, g.Value, want[g.Name])
			}
		}
		cancel()
		synctest.Wait()
		close(hung)
		users.Wait()
		if n := count(got, lab.ReasonShutdown); n != 1 {
			t.Errorf("%d waiters heard of the shutdown, want 1", n)
		}
	})
}

// A place that becomes free at the instant a wait ends goes to the waiter or to
// nobody: in neither case may it be lost. Chance decides, hence the repetition.
func TestPlaceAtTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, wall, _ := live(t, bulkhead.Knobs{Limit: 1, Wait: 50 * ms})
		h := l.Wrap(takes(t, wall), lab.On)
		for range 200 {
			var users sync.WaitGroup
			for range 2 {
				users.Go(func() { h.Serve(context.Background(), &lab.Request{}) })
			}
			users.Wait()
			if g := l.Gauges(wall.Now())[0]; g.Value != 0 {
				t.Fatalf("gauge %s = %v after all have left, want 0", g.Name, g.Value)
			}
		}
	})
}

// A handler that panics must give its place back.
func TestPanicLeaves(t *testing.T) {
	l, wall, _ := live(t, bulkhead.Knobs{Limit: 1})
	h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { panic("broken handler") }), lab.On)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not reach the caller")
			}
		}()
		h.Serve(t.Context(), &lab.Request{})
	}()
	if g := l.Gauges(wall.Now())[0]; g.Value != 0 {
		t.Errorf("gauge %s = %v after a panic, want 0", g.Name, g.Value)
	}
}

func BenchmarkPlace(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		l, _, _ := live(b, bulkhead.Defaults())
		h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for r := (&lab.Request{}); pb.Next(); {
				h.Serve(context.Background(), r)
			}
		})
	})
	b.Run("failsafe permit", func(b *testing.B) {
		theirs := failsafe.New[any](10)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if theirs.TryAcquirePermit() {
					theirs.ReleasePermit()
				}
			}
		})
	})
}
