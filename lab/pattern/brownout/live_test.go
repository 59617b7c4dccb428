package brownout_test

import (
	"context"
	"testing"
	"testing/synctest"

	"workbench/lab"
	"workbench/lab/pattern/brownout"
	"workbench/lab/pattern/patterntest"
)

// Requests that take twice the target: the dimmer goes down, the request below
// is told, and both counts and gauges say so.
func TestServe(t *testing.T) {
	for _, c := range []struct {
		name    string
		state   lab.State
		op      uint8
		plain   int // of 20
		reduced uint64
		whole   uint64
		share   float64
	}{
		{"on", lab.On, 1, 15, 15, 5, 0},
		{"shadow", lab.Shadow, 1, 0, 15, 5, 0},
		{"no optional part", lab.On, 0, 0, 0, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := patterntest.Open(t, brownout.Pattern(part()), map[string]any{"target": "50ms", "every": "100ms", "gain": 0.2}, patterntest.Luck(0.1))
				plain := 0
				h := l.Wrap(lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
					if lab.Chosen[brownout.Plain](r, 2) != nil {
						plain++
					}
					return lab.Answer(nil, l.Clock.Wait(ctx, l.Clock.Now()+100*ms))
				}), c.state)
				for range 20 {
					h.Serve(t.Context(), &lab.Request{Op: c.op})
				}
				all := l.Counters.All()
				if plain != c.plain || all["reduced"] != c.reduced || all["whole"] != c.whole {
					t.Errorf("%d were told to be plain, counters %v; want %d, reduced %d and whole %d", plain, all, c.plain, c.reduced, c.whole)
				}
				g := l.Gauges(l.Clock.Now())
				if g[0].Name != "dimmer_share" || g[0].Value != c.share || g[1].Name != "measured_seconds" || c.share == 0 && (g[1].Value < 0.099 || g[1].Value > 0.101) {
					t.Errorf("Gauges = %+v, want dimmer_share %v and, where measured, 0.1 s", g, c.share)
				}
			})
		})
	}
}

// A request that is tried again may get what it did not get before.
func TestTheChoiceIsMadeAnew(t *testing.T) {
	l := patterntest.Open(t, brownout.Pattern(part()), nil, patterntest.Luck(0))
	r := lab.Request{Op: 1}
	r.Choices[2] = &lab.Choice{Knobs: &brownout.Plain{}}
	l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On).Serve(t.Context(), &r)
	if r.Choices[2] != nil {
		t.Error("a request with a whole answer still says plain")
	}
}
