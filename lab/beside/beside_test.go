package beside_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/beside"
	"workbench/lab/catalog"
)

// paper is a solution that lives in this process. As a cache it keeps nothing; as
// a room it is a line without a bound.
type paper struct {
	decide func(q lab.Question) (lab.Ruling, error)

	mu   sync.Mutex // a word at a time
	who  lab.Waiters
	line []uint32 // guarded by mu
}

func (p *paper) Fetch(_ context.Context, q lab.Fetch) (lab.Fetched, error) {
	if _, err := p.decide(lab.Question{}); err != nil {
		return lab.Fetched{}, err
	}
	return lab.Fetched{Loaded: q.Load()}, nil
}

func (p *paper) Attend(w lab.Waiters) { p.who = w }

func (p *paper) Push(item uint32, _ time.Duration) {
	go func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		r, err := p.decide(lab.Question{})
		if err == nil && r.OK {
			p.line = append(p.line, item)
		}
		p.hear(p.who.Pushed(item, r.OK, false, err))
	}()
}

func (p *paper) Pop(time.Duration) {
	go func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.line) == 0 {
			p.hear(p.who.Popped(0, false, false, nil))
			return
		}
		next := p.line[0]
		p.line = p.line[1:]
		p.hear(p.who.Popped(next, true, false, nil))
	}()
}

// hear ends the test where a word is not understood.
func (p *paper) hear(err error) {
	if err != nil {
		panic(err)
	}
}

func (p *paper) Name() string                                 { return "paper" }
func (p *paper) Open(lab.Env, lab.Terms) (lab.Foreign, error) { return p, nil }
func (p *paper) Done(lab.Ruling, time.Duration, lab.End)      {}
func (p *paper) Gauges(time.Duration) []lab.Gauge {
	return []lab.Gauge{{Name: lab.GaugeGuard, Value: 1, Text: "guard open: it is paper"}}
}
func (p *paper) Close() error                                                { return nil }
func (p *paper) Admit(_ context.Context, q lab.Question) (lab.Ruling, error) { return p.decide(q) }

func compare(t *testing.T, pattern string, decide func(lab.Question) (lab.Ruling, error)) beside.Result {
	t.Helper()
	p, ok := catalog.Find(pattern)
	if !ok {
		t.Fatalf("no pattern %s", pattern)
	}
	r, err := beside.Run(t.Context(), p, &paper{decide: decide}, 1, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each setting has something to do for its pattern: ours does better than none.
// A solution that gives no decision is ours; one that admits everybody is none.
func TestEverySetting(t *testing.T) {
	for _, pattern := range []string{"ratelimit", "concurrency", "bulkhead", "breaker", "cache", "queue"} {
		t.Run(pattern, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := compare(t, pattern, func(lab.Question) (lab.Ruling, error) { return lab.Ruling{}, lab.ErrForeign })
				off, on, yours := r.Columns[0], r.Columns[1], r.Columns[2]
				t.Logf("off %+v", off)
				t.Logf("on %+v", on)
				if off.State != lab.Off || on.State != lab.On || yours.State != lab.Yours || r.Lag != 0 || r.Setting == "" {
					t.Errorf("result %+v, want off, on and yours, sent without lag, and a setting", r)
				}
				for _, c := range r.Columns {
					if c.Offered != off.Offered || c.Offered != c.Good+c.Late+c.Refused+c.Failed {
						t.Errorf("%v: %d offered, want %d, and as many as %d+%d+%d+%d", c.State, c.Offered, off.Offered, c.Good, c.Late, c.Refused, c.Failed)
					}
				}
				if float64(on.Good) < 1.1*float64(off.Good) || (on.Refused == 0) != (pattern == "cache") || off.Refused != 0 {
					t.Errorf("good %d without and %d with the pattern, which refused %d; want a tenth more", off.Good, on.Good, on.Refused)
				}
				if off.Asked != off.Offered || on.Asked+on.Refused > on.Offered || pattern == "cache" && on.Asked > off.Asked*2/3 {
					t.Errorf("the dependency was asked %d times without and %d times with the pattern, of %d", off.Asked, on.Asked, off.Offered)
				}
				if n := yours.Counters[lab.EventFallbacks]; n != uint64(yours.Offered) || yours.Guard != "guard open: it is paper" {
					t.Errorf("%d fallbacks of %d, guard %q; want one each, and why", n, yours.Offered, yours.Guard)
				}
				if d := yours.Good - on.Good; d < -on.Good/20 || d > on.Good/20 {
					t.Errorf("good %d with ours and %d where ours stands in, want about the same", on.Good, yours.Good)
				}
				r = compare(t, pattern, func(lab.Question) (lab.Ruling, error) { return lab.Ruling{OK: true}, nil })
				if off, yours := r.Columns[0], r.Columns[2]; pattern != "cache" && yours.Good != off.Good || yours.Refused != 0 || yours.Counters[lab.EventAgreed]+yours.Counters[lab.EventDiffered] < uint64(yours.Offered) {
					t.Errorf("a solution that admits everybody: %+v, want %+v", yours, off)
				}
			})
		})
	}
}

func TestNothingToCompare(t *testing.T) {
	p, _ := catalog.Find("retry")
	if _, err := beside.Run(t.Context(), p, &paper{}, 1, slog.New(slog.DiscardHandler)); !errors.Is(err, beside.ErrPattern) {
		t.Errorf("Run(retry) = %v, want ErrPattern", err)
	}
}

func TestBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p, _ := catalog.Find("ratelimit")
		s := &paper{decide: func(lab.Question) (lab.Ruling, error) { return lab.Ruling{OK: true}, nil }}
		if _, err := beside.Run(ctx, p, s, 1, slog.New(slog.DiscardHandler)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run with a second = %v, want that it was broken off", err)
		}
	})
}
