package beside_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/beside"
	"workbench/lab/catalog"
)

// paper is a solution that lives in this process.
type paper struct {
	decide func(q lab.Question) (lab.Ruling, error)
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
	for _, pattern := range []string{"ratelimit", "concurrency", "bulkhead", "breaker"} {
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
				if float64(on.Good) < 1.1*float64(off.Good) || on.Refused == 0 || off.Refused != 0 {
					t.Errorf("good %d without and %d with the pattern, which refused %d; want a tenth more", off.Good, on.Good, on.Refused)
				}
				if n := yours.Counters[lab.EventFallbacks]; n != uint64(yours.Offered) || yours.Guard != "guard open: it is paper" {
					t.Errorf("%d fallbacks of %d, guard %q; want one each, and why", n, yours.Offered, yours.Guard)
				}
				if d := yours.Good - on.Good; d < -on.Good/20 || d > on.Good/20 {
					t.Errorf("good %d with ours and %d where ours stands in, want about the same", on.Good, yours.Good)
				}
				r = compare(t, pattern, func(lab.Question) (lab.Ruling, error) { return lab.Ruling{OK: true}, nil })
				if off, yours := r.Columns[0], r.Columns[2]; yours.Good != off.Good || yours.Refused != 0 || yours.Counters[lab.EventAgreed]+yours.Counters[lab.EventDiffered] != uint64(yours.Offered) {
					t.Errorf("a solution that admits everybody: %+v, want %+v", yours, off)
				}
			})
		})
	}
}

func TestNothingToCompare(t *testing.T) {
	p, _ := catalog.Find("queue")
	if _, err := beside.Run(t.Context(), p, &paper{}, 1, slog.New(slog.DiscardHandler)); !errors.Is(err, beside.ErrPattern) {
		t.Errorf("Run(queue) = %v, want ErrPattern", err)
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
