package concurrency_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/concurrency"
	"workbench/sim/clock"
)

// paper is a solution that gives one decision, after a while.
type paper struct {
	clock  clock.Clock
	after  time.Duration
	ruling lab.Ruling
	err    error
	ended  []lab.End
}

func (p *paper) Name() string                                  { return "paper" }
func (p *paper) Open(lab.Env, lab.Terms) (lab.Foreign, error)  { return p, nil }
func (p *paper) Done(_ lab.Ruling, _ time.Duration, e lab.End) { p.ended = append(p.ended, e) }
func (p *paper) Gauges(time.Duration) []lab.Gauge              { return []lab.Gauge{{Name: lab.GaugeGuard}} }
func (p *paper) Close() error                                  { return nil }
func (p *paper) Admit(ctx context.Context, _ lab.Question) (lab.Ruling, error) {
	_ = p.clock.Wait(ctx, p.clock.Now()+p.after) // a decision that nobody waits for any more
	return p.ruling, p.err
}

// A solution's decision holds; without one ours decides, and nobody waits twice.
func TestYours(t *testing.T) {
	for _, c := range []struct {
		name     string
		after    time.Duration
		ruling   lab.Ruling
		err      error
		inside   int // that have a place already
		stop     bool
		reason   lab.Reason
		took     time.Duration
		fallback uint64
		ended    int
	}{
		{"it admits", 0, lab.Ruling{OK: true, Ticket: 1}, nil, 0, false, "", 0, 0, 1},
		{"it admits one too many", 0, lab.Ruling{OK: true, Ticket: 1}, nil, 1, false, "", 0, 0, 1},
		{"it refuses at once", 0, lab.Ruling{}, nil, 0, false, concurrency.ReasonFull, 0, 0, 0},
		{"it refuses after the wait", 50 * time.Millisecond, lab.Ruling{}, nil, 1, false, concurrency.ReasonWait, 50 * time.Millisecond, 0, 0},
		{"none, and a place is free", 0, lab.Ruling{}, lab.ErrForeign, 0, false, "", 0, 1, 0},
		{"none, and ours lets it wait", 0, lab.Ruling{}, lab.ErrForeign, 1, false, concurrency.ReasonWait, 50 * time.Millisecond, 1, 0},
		{"none after the wait", 55 * time.Millisecond, lab.Ruling{}, lab.ErrForeign, 1, false, concurrency.ReasonWait, 55 * time.Millisecond, 1, 0},
		{"the service stops", time.Hour, lab.Ruling{}, nil, 0, true, lab.ReasonShutdown, 0, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wall := clock.NewWall()
				env := lab.Env{Clock: wall, Counters: lab.NewCounters()}
				p := concurrency.Pattern()
				k, err := p.Settings(map[string]any{"limit": 1, "wait": "50ms", "max_waiting": 5})
				if err != nil {
					t.Fatal(err)
				}
				s := &paper{clock: wall, ruling: lab.Ruling{OK: true}}
				l, err := p.Yours(env, k, s)
				if err != nil {
					t.Fatal(err)
				}
				release := make(chan struct{})
				held := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { <-release; return lab.Response{} }), lab.Yours)
				for range c.inside {
					go held.Serve(t.Context(), &lab.Request{})
				}
				synctest.Wait()
				s.after, s.ruling, s.err, s.ended = c.after, c.ruling, c.err, nil
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.stop {
					cancel()
				}
				began := wall.Now()
				h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.Yours)
				res := h.Serve(ctx, &lab.Request{})
				if took := wall.Now() - began; res.Reason != c.reason || took != c.took {
					t.Errorf("%v for %q after %v, want %q after %v", res.Outcome, res.Reason, took, c.reason, c.took)
				}
				if n := env.Counters.All()[lab.EventFallbacks]; n != c.fallback || len(s.ended) != c.ended {
					t.Errorf("%d fallbacks, %d ends reported; want %d and %d", n, len(s.ended), c.fallback, c.ended)
				}
				close(release)
				synctest.Wait()
				if g := l.Gauges(wall.Now()); g[1].Name != "inflight" || g[1].Value != 0 {
					t.Errorf("gauges %v, want nobody inside", g)
				}
			})
		})
	}
}

func TestYoursWantsAFixedLimit(t *testing.T) {
	p := concurrency.Pattern()
	k, err := p.Settings(map[string]any{"algorithm": "adaptive"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Yours(lab.Env{Clock: clock.NewWall(), Counters: lab.NewCounters()}, k, &paper{}); err == nil {
		t.Error("Yours of an adaptive limit = nil error, want one that says so")
	}
}
