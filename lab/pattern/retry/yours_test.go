package retry_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/retry"
	"workbench/sim/clock"
)

// paper is a solution that calls so often as the test has it, whatever comes of it.
type paper struct {
	calls  int
	err    error
	late   func() lab.Called // the call, for after it has given up
	said   []lab.Called
	within time.Duration
}

func (p *paper) Name() string                                 { return "paper" }
func (p *paper) Open(lab.Env, lab.Terms) (lab.Foreign, error) { return p, nil }
func (p *paper) Done(lab.Ruling, time.Duration, lab.End)      {}
func (p *paper) Gauges(time.Duration) []lab.Gauge             { return []lab.Gauge{{Name: lab.GaugeGuard}} }
func (p *paper) Close() error                                 { return nil }
func (p *paper) Admit(context.Context, lab.Question) (lab.Ruling, error) {
	return lab.Ruling{}, lab.ErrForeign
}

func (p *paper) Try(_ context.Context, q lab.Try) error {
	p.within = q.For
	for range p.calls {
		p.said = append(p.said, q.Call())
	}
	p.late = q.Call
	return p.err
}

// A solution says whether a call is made again; where it says nothing ours goes on
// from where it was, and no call is made twice for it.
func TestYours(t *testing.T) {
	fail, well := lab.Refuse(lab.Failed, lab.ReasonFault, 3*time.Second), lab.Response{}
	for _, c := range []struct {
		name    string
		write   bool
		calls   int
		err     error
		answers []lab.Response
		want    lab.Outcome
		made    int
		counts  map[string]uint64
	}{
		{"it works at once", false, 1, nil, []lab.Response{well}, lab.OK, 1, map[string]uint64{"tries": 1, "retries": 0, lab.EventAgreed: 0}},
		{"it works the second time", false, 2, nil, []lab.Response{fail, well}, lab.OK, 2, map[string]uint64{"tries": 2, "retries": 1, lab.EventAgreed: 1}},
		{"it gives up before ours", false, 1, nil, []lab.Response{fail}, lab.Failed, 1, map[string]uint64{"tries": 1, "gave_up": 1, lab.EventDiffered: 1}},
		{"it repeats a write", true, 2, nil, []lab.Response{fail, well}, lab.OK, 2, map[string]uint64{"tries": 2, lab.EventDiffered: 1}},
		{"it says nothing", false, 0, lab.ErrForeign, []lab.Response{fail, well}, lab.OK, 2, map[string]uint64{"tries": 2, "retries": 1, lab.EventFallbacks: 1}},
		{"it says no more after a failure", false, 1, lab.ErrForeign, []lab.Response{fail, fail, well}, lab.OK, 3, map[string]uint64{"tries": 3, "retries": 2, lab.EventFallbacks: 1}},
		{"it says no more after a success", false, 1, lab.ErrForeign, []lab.Response{well}, lab.OK, 1, map[string]uint64{"tries": 1, lab.EventFallbacks: 1}},
		{"it makes no call", false, 0, nil, []lab.Response{well}, lab.OK, 1, map[string]uint64{"tries": 1, lab.EventFallbacks: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wall := clock.NewWall()
				env := lab.Env{Clock: wall, Counters: lab.NewCounters(), Uniform: func() float64 { return .5 }, Log: slog.New(slog.DiscardHandler)}
				pattern := retry.Pattern()
				k, err := pattern.Settings(map[string]any{"tries": 3, "budget": 1.0})
				if err != nil {
					t.Fatal(err)
				}
				p := &paper{calls: c.calls, err: c.err}
				l, err := pattern.Yours(env, k, p)
				if err != nil {
					t.Fatal(err)
				}
				made := 0
				h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { made++; return c.answers[made-1] }), lab.Yours)
				res := h.Serve(t.Context(), &lab.Request{Read: !c.write, Patience: wall.Now() + time.Minute})
				if res.Outcome != c.want || made != c.made || p.within != time.Minute {
					t.Errorf("%v after %d calls with %v to go, want %v after %d with a minute", res.Outcome, made, p.within, c.want, c.made)
				}
				if p.late(); made != c.made {
					t.Errorf("a call that comes too late was made")
				}
				got := env.Counters.All()
				for name, n := range c.counts {
					if got[name] != n {
						t.Errorf("%s is %d, want %d (%v)", name, got[name], n, got)
					}
				}
				if g := l.Gauges(wall.Now()); g[1].Name != "pausing" || g[1].Value != 0 || g[2].Name != lab.GaugeGuard {
					t.Errorf("gauges %v, want nobody pausing, and the guard", g)
				}
			})
		})
	}
}

func TestYoursSurvivesAPanicBelow(t *testing.T) {
	pattern := retry.Pattern()
	k, err := pattern.Settings(nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := pattern.Yours(lab.Env{Clock: clock.NewWall(), Counters: lab.NewCounters(), Uniform: func() float64 { return .5 }, Log: slog.New(slog.DiscardHandler)}, k, &paper{calls: 1})
	if err != nil {
		t.Fatal(err)
	}
	h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { panic("below") }), lab.Yours)
	if res := h.Serve(t.Context(), &lab.Request{Read: true}); res.Outcome != lab.Failed {
		t.Errorf("a panic below is %v, want failed", res.Outcome)
	}
	if _, err := pattern.Settings(map[string]any{"budget": 0}); err != nil {
		t.Fatal(err)
	}
	none, _ := pattern.Settings(map[string]any{"budget": 0})
	if _, err := pattern.Yours(lab.Env{Clock: clock.NewWall(), Counters: lab.NewCounters()}, none, &paper{}); err == nil {
		t.Error("Yours without a budget = nil error, want one that says so")
	}
}
