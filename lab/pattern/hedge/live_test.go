package hedge_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"

	"workbench/lab"
	"workbench/lab/pattern/hedge"
	"workbench/lab/pattern/patterntest"
	"workbench/sim/dist"
)

// rig is the pattern in a bubble over a dependency whose calls are prepared.
type rig struct{ *patterntest.Room }

// call is what one call of the dependency does.
type call struct {
	takes  time.Duration
	res    lab.Response
	panics bool
}

func open(t *testing.T, k hedge.Knobs) *rig {
	t.Helper()
	return &rig{patterntest.Open(t, hedge.Pattern(), &k)}
}

// serve sends one request whose calls do what is given, and returns how many of
// them were cancelled.
func (g *rig) serve(ctx context.Context, state lab.State, r *lab.Request, calls ...call) (res lab.Response, cancelled int64) {
	var n, cut atomic.Int64
	h := g.Wrap(lab.HandlerFunc(func(ctx context.Context, _ *lab.Request) lab.Response {
		c := calls[n.Add(1)-1]
		if g.Clock.Wait(ctx, g.Clock.Now()+c.takes) != nil {
			cut.Add(1)
			return lab.Answer(nil, lab.ErrStop)
		}
		if c.panics {
			panic("boom")
		}
		return c.res
	}), state)
	res = h.Serve(ctx, r)
	return res, func() int64 { synctest.Wait(); return cut.Load() }()
}

func body(text string) lab.Response { return lab.Response{Body: []byte(text)} }

func TestServe(t *testing.T) {
	fail := lab.Refuse(lab.Failed, lab.ReasonFault, 0)
	full := lab.Refuse(lab.Shed, lab.ReasonBacklog, time.Second)
	read := lab.Request{Read: true}
	for _, c := range []struct {
		name      string
		state     lab.State
		budget    float64
		r         lab.Request
		calls     []call
		want      string // the body, or the reason
		at        time.Duration
		cancelled int64
		counts    map[string]uint64
	}{
		{"in time", lab.On, 1, read, []call{{takes: 9 * ms, res: body("first")}}, "first", 9 * ms, 0, map[string]uint64{"calls": 1}},
		{"fails before the delay", lab.On, 1, read, []call{{takes: 9 * ms, res: fail}}, "fault", 9 * ms, 0, map[string]uint64{"calls": 1}},
		{"the second wins", lab.On, 1, read, []call{{takes: time.Second, res: body("first")}, {takes: 5 * ms, res: body("second")}}, "second", 15 * ms, 1, map[string]uint64{"calls": 1, "hedged": 1, "won": 1}},
		{"the first wins after all", lab.On, 1, read, []call{{takes: 12 * ms, res: body("first")}, {takes: 5 * ms, res: body("second")}}, "first", 12 * ms, 1, map[string]uint64{"calls": 1, "hedged": 1}},
		{"the second fails, the first does not", lab.On, 1, read, []call{{takes: 90 * ms, res: body("first")}, {takes: 5 * ms, res: fail}}, "first", 90 * ms, 0, map[string]uint64{"calls": 1, "hedged": 1}},
		{"the first fails, the second does not", lab.On, 1, read, []call{{takes: 12 * ms, res: fail}, {takes: 5 * ms, res: body("second")}}, "second", 15 * ms, 0, map[string]uint64{"calls": 1, "hedged": 1, "won": 1}},
		{"both fail", lab.On, 1, read, []call{{takes: 12 * ms, res: fail}, {takes: 5 * ms, res: full}}, "fault", 15 * ms, 0, map[string]uint64{"calls": 1, "hedged": 1}},
		{"no budget", lab.On, 0, read, []call{{takes: 90 * ms, res: body("first")}}, "first", 90 * ms, 0, map[string]uint64{"calls": 1, "budget_denied": 1}},
		{"nobody waits", lab.On, 1, lab.Request{Read: true, Patience: 10 * ms}, []call{{takes: 90 * ms, res: body("first")}}, "first", 90 * ms, 0, map[string]uint64{"calls": 1}},
		{"a write", lab.On, 1, lab.Request{}, []call{{takes: 90 * ms, res: body("first")}}, "first", 90 * ms, 0, nil},
		{"shadow", lab.Shadow, 1, read, []call{{takes: 90 * ms, res: body("first")}}, "first", 90 * ms, 0, map[string]uint64{"calls": 1, "hedged": 1}},
		{"a panic is a failure", lab.On, 1, read, []call{{takes: ms, panics: true}}, "fault", ms, 0, map[string]uint64{"calls": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := open(t, hedge.Knobs{After: 10 * ms, Budget: c.budget})
				var at time.Duration
				began := g.Clock.Now()
				res, cancelled := g.serve(t.Context(), c.state, &c.r, c.calls...)
				at = g.Clock.Now() - began
				if got := string(res.Body) + string(res.Reason); got != c.want || at != c.at || cancelled != c.cancelled {
					t.Errorf("Serve = %q at %v with %d cancelled, want %q at %v with %d", got, at, cancelled, c.want, c.at, c.cancelled)
				}
				g.Counted(c.counts)
				g.Wait()
			})
		})
	}
}

func TestGaugesAndShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, hedge.Knobs{After: 10 * ms, Budget: 0.5})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan lab.Response)
		go func() {
			res, _ := g.serve(ctx, lab.On, &lab.Request{Read: true}, call{takes: time.Hour}, call{takes: time.Hour})
			done <- res
		}()
		if err := g.Clock.Wait(t.Context(), 20*ms); err != nil {
			t.Fatal(err)
		}
		want := []lab.Gauge{{Name: "delay_seconds", Value: 0.01}, {Name: "budget_calls", Value: 9}, {Name: "second_calls", Value: 1}}
		for i, got := range g.Gauges(g.Clock.Now()) {
			if got != want[i] {
				t.Errorf("gauge %+v, want %+v", got, want[i])
			}
		}
		cancel()
		if res := <-done; res.Reason != lab.ReasonShutdown || g.Clock.Now() != 20*ms {
			t.Errorf("Serve = %+v at %v, want shutdown at 20ms", res, g.Clock.Now())
		}
		g.Wait()
		if got := g.Gauges(0)[2].Value; got != 0 {
			t.Errorf("second_calls at the end = %v, want 0", got)
		}
		if got := open(t, hedge.Knobs{After: ms, Budget: 1}).Gauges(0)[1]; got.Text != "no bound" {
			t.Errorf("gauge %+v, want no bound", got)
		}
	})
}

// TestLikeFailsafe compares instants and winners with failsafe-go's hedge policy.
func TestLikeFailsafe(t *testing.T) {
	draws := dist.New(1, "failsafe")
	for range 200 {
		first, second := time.Duration(draws.Float64()*40e6)+1, time.Duration(draws.Float64()*40e6)+1
		synctest.Test(t, func(t *testing.T) {
			g := open(t, hedge.Knobs{After: 10 * ms, Budget: 1})
			ours, _ := g.serve(t.Context(), lab.On, &lab.Request{Read: true}, call{takes: first, res: body("first")}, call{takes: second, res: body("second")})
			at := g.Clock.Now()
			g.Wait()
			began := g.Clock.Now()
			theirs, err := failsafe.With(hedgepolicy.NewWithDelay[string](10 * ms)).GetWithExecution(func(e failsafe.Execution[string]) (string, error) {
				takes, text := first, "first"
				if e.IsHedge() {
					takes, text = second, "second"
				}
				if g.Clock.Wait(e.Context(), g.Clock.Now()+takes) != nil {
					return "", errors.New("cancelled")
				}
				return text, nil
			})
			if err != nil || theirs != string(ours.Body) || g.Clock.Now()-began != at {
				t.Errorf("calls of %v and %v: %q at %v, failsafe %q at %v, %v", first, second, ours.Body, at, theirs, g.Clock.Now()-began, err)
			}
			synctest.Wait()
		})
	}
}

func BenchmarkServe(b *testing.B) {
	h := patterntest.Open(b, hedge.Pattern(), nil).Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On)
	r := lab.Request{Read: true}
	b.ReportAllocs()
	for b.Loop() {
		h.Serve(context.Background(), &r)
	}
}
