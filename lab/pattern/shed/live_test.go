package shed_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/shed"
)

// fill sends n requests of each priority, low first, that stay inside until
// release is called.
func fill(h func(lab.Handler) lab.Handler, n int) (answers [3][]lab.Response, release func()) {
	var mu sync.Mutex
	var users sync.WaitGroup
	held := make(chan struct{})
	handler := h(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
		<-held
		return lab.Response{}
	}))
	for p := range answers {
		for range n {
			users.Go(func() {
				res := handler.Serve(context.Background(), &lab.Request{Priority: lab.Priority(p)})
				mu.Lock()
				defer mu.Unlock()
				if res.Outcome != lab.OK {
					answers[p] = append(answers[p], res)
				}
			})
		}
		synctest.Wait()
	}
	return answers, func() { close(held); users.Wait() }
}

func TestTheLeastImportantGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := patterntest.Open(t, shed.Pattern(), map[string]any{"capacity": 10})
		refused, release := fill(func(h lab.Handler) lab.Handler { return l.Wrap(h, lab.On) }, 10)
		for p, want := range []int{5, 7, 8} { // 5 of low, then 3 of normal, then 2 of high fill it
			if len(refused[p]) != want {
				t.Errorf("priority %d: %d of 10 refused, want %d", p, len(refused[p]), want)
			}
		}
		if g := l.Gauges(0); g[0].Value != 10 || g[1].Value != 3 || g[1].Text != "none" {
			t.Errorf("Gauges() when full = %+v, want 10 in flight and none admitted", g)
		}
		release()
		if g := l.Gauges(0); g[0].Value != 0 || g[1].Text != "all" {
			t.Errorf("Gauges() when empty = %+v, want 0 in flight and all admitted", g)
		}
		l.Counted(map[string]uint64{"admitted": 10, "shed_low": 5, "shed_normal": 7, "shed_high": 8, "shadow_shed": 0})
	})
}

func TestShadowCountsWhatItSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := patterntest.Open(t, shed.Pattern(), map[string]any{"capacity": 10})
		refused, release := fill(func(h lab.Handler) lab.Handler { return l.Wrap(h, lab.Shadow) }, 4)
		release()
		// Arrivals see 0–3, 4–7 and 8–11 in flight against limits of 5, 8 and 10.
		if n := len(refused[0]) + len(refused[1]) + len(refused[2]); n != 0 || l.Counters.All()["shadow_shed"] != 2 || l.Counters.All()["admitted"] != 10 {
			t.Errorf("in shadow: %d refused, counters %v, want 0 refused, 2 shadow_shed and 10 admitted", n, l.Counters.All())
		}
	})
}

func TestAPanicBelowFreesThePlace(t *testing.T) {
	l := patterntest.Open(t, shed.Pattern(), map[string]any{"capacity": 1})
	h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { panic("below") }), lab.On)
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic did not come through")
				}
			}()
			h.Serve(context.Background(), &lab.Request{Priority: lab.High})
		}()
	}
	if g := l.Gauges(0); g[0].Value != 0 {
		t.Errorf("in flight after panics = %v, want 0", g[0].Value)
	}
}

func BenchmarkLive(b *testing.B) {
	l := patterntest.Open(b, shed.Pattern(), map[string]any{"capacity": 1000})
	h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := lab.Request{Priority: lab.Normal}
		for pb.Next() {
			h.Serve(context.Background(), &r)
		}
	})
}
