package throttle_test

import (
	"context"
	"testing"
	"testing/synctest"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/throttle"
)

func TestServe(t *testing.T) {
	down := lab.Refuse(lab.Failed, lab.ReasonDown, 0)
	for _, c := range []struct {
		name    string
		state   lab.State
		draw    float64
		res     lab.Response
		n       int
		calls   int
		last    lab.Reason
		refused uint64
	}{
		{"works", lab.On, 0, lab.Response{}, 10, 10, "", 0},
		{"down, an unlucky draw", lab.On, 0, down, 10, 1, throttle.ReasonThrottled, 9},
		{"down, a lucky draw", lab.On, 0.95, down, 10, 10, lab.ReasonDown, 0},
		{"shadow", lab.Shadow, 0, down, 10, 10, lab.ReasonDown, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, calls := patterntest.Open(t, throttle.Pattern(), nil, patterntest.Luck(c.draw)), 0
				h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { calls++; return c.res }), c.state)
				var last lab.Response
				for range c.n {
					last = h.Serve(t.Context(), &lab.Request{})
				}
				if calls != c.calls || last.Reason != c.last {
					t.Errorf("%d calls, the last answer %q; want %d and %q", calls, last.Reason, c.calls, c.last)
				}
				all := l.Counters.All()
				if all["refused"] != c.refused || all["accepted"]+all["turned_down"]+all["refused"] != uint64(c.n) {
					t.Errorf("counters %v, want %d refused and %d in all", all, c.refused, c.n)
				}
				g := l.Gauges(l.Clock.Now())
				if g[1] != (lab.Gauge{Name: "requests", Value: float64(c.n)}) || g[2] != (lab.Gauge{Name: "accepts", Value: float64(all["accepted"])}) {
					t.Errorf("Gauges = %+v, want %d requests and %d accepts", g, c.n, all["accepted"])
				}
				if want := min(0.9, max(0, (float64(c.n)-2*float64(all["accepted"]))/float64(c.n+1))); g[0].Value != want {
					t.Errorf("gauge %+v, want %v", g[0], want)
				}
			})
		})
	}
}

// A panic below is a call that was turned down, and goes on up.
func TestPanic(t *testing.T) {
	l := patterntest.Open(t, throttle.Pattern(), nil, patterntest.Luck(0))
	defer func() {
		if recover() == nil || l.Counters.All()["turned_down"] != 1 {
			t.Errorf("counters %v, want the panic passed on and turned_down 1", l.Counters.All())
		}
	}()
	l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { panic("boom") }), lab.On).Serve(t.Context(), &lab.Request{})
}

func BenchmarkServe(b *testing.B) {
	l := patterntest.Open(b, throttle.Pattern(), nil, patterntest.Luck(0.5))
	h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On)
	r := lab.Request{}
	b.ReportAllocs()
	for b.Loop() {
		h.Serve(context.Background(), &r)
	}
}
