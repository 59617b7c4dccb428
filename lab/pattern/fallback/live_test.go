package fallback_test

import (
	"context"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/fallback"
	"workbench/lab/pattern/patterntest"
)

func TestServe(t *testing.T) {
	down := lab.Refuse(lab.Failed, lab.ReasonDown, 0)
	old := lab.Response{Outcome: lab.Stale, Age: time.Hour, Body: []byte("copy")}
	for _, c := range []struct {
		name    string
		state   lab.State
		knobs   map[string]any
		simple  []byte
		below   lab.Response
		outcome lab.Outcome
		text    string // the body, or the reason
		counts  map[string]uint64
	}{
		{"fresh", lab.On, nil, []byte("simpler"), lab.Response{Body: []byte("real")}, lab.OK, "real", nil},
		{"a copy", lab.On, map[string]any{"copy_age": "2h"}, []byte("simpler"), old, lab.Stale, "copy", map[string]uint64{"copy": 1}},
		{"the default", lab.On, nil, []byte("simpler"), down, lab.Stale, "simpler", map[string]uint64{"default": 1}},
		{"an old copy", lab.On, nil, nil, old, lab.Stale, "copy", map[string]uint64{"old_copy": 1}},
		{"the error", lab.On, nil, nil, down, lab.Failed, "down", map[string]uint64{"error": 1}},
		{"an old copy is no answer", lab.On, map[string]any{"old_copy": false}, nil, old, lab.Failed, "no_fallback", map[string]uint64{"error": 1}},
		{"shadow", lab.Shadow, nil, []byte("simpler"), down, lab.Failed, "down", map[string]uint64{"default": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := patterntest.Open(t, fallback.Pattern(), c.knobs, func(env *lab.Env) {
				env.Simpler = func(*lab.Request) []byte { return c.simple }
			})
			res := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return c.below }), c.state).Serve(t.Context(), &lab.Request{Read: true})
			if got := string(res.Body) + string(res.Reason); res.Outcome != c.outcome || got != c.text || res.Default != (c.text == "simpler") {
				t.Errorf("Serve = %v %q, default %v; want %v %q", res.Outcome, got, res.Default, c.outcome, c.text)
			}
			l.Counted(c.counts)
			want := lab.Gauge{Name: "fallback_share"}
			if len(c.counts) > 0 {
				want.Value = 1.0 / 128
			}
			if g := l.Gauges(l.Clock.Now()); len(g) != 1 || g[0] != want {
				t.Errorf("Gauges = %+v, want %+v", g, want)
			}
		})
	}
}

// Without a service behind it there is no simpler answer, and no panic.
func TestWithoutSimplerAnswers(t *testing.T) {
	l := patterntest.Open(t, fallback.Pattern(), nil, func(env *lab.Env) { env.Simpler = nil })
	h := l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Refuse(lab.Failed, lab.ReasonDown, 0) }), lab.On)
	if res := h.Serve(t.Context(), &lab.Request{Read: true}); res.Outcome != lab.Failed {
		t.Errorf("Serve = %+v, want the failure", res)
	}
}
