package patterntest

import (
	"context"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/sim/clock"
)

var snake = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// Run checks a server-side pattern as the chain, the page and /metrics rely on
// it: its description, that shadow never acts, that every refusal has a
// declared reason, that counters and gauges are as declared, and that it may be
// switched while requests are inside. traces may hold sharper traces than the
// default overload of 600 requests.
func Run(t *testing.T, p lab.Pattern, traces ...[]Arrival) {
	t.Helper()
	t.Run("described", func(t *testing.T) { described(t, p) })
	if len(traces) == 0 {
		traces = append(traces, Poisson(7, 600, 2000, 40*time.Millisecond))
	}
	for _, trace := range traces {
		t.Run("shadow never acts", func(t *testing.T) { shadow(t, p, trace) })
		t.Run("refusals have declared reasons", func(t *testing.T) { reasons(t, p, trace) })
	}
	t.Run("gauges keep their names", func(t *testing.T) { gauges(t, p) })
	t.Run("switched under load", func(t *testing.T) { switched(t, p) })
}

func described(t *testing.T, p lab.Pattern) {
	if p.Name == "" || p.Title == "" || p.Line == "" || len(p.Line) > 80 {
		t.Errorf("Name %q, Title %q and Line %q: want all three, Line of at most 80 bytes", p.Name, p.Title, p.Line)
	}
	k, err := p.Settings(nil)
	if err != nil {
		t.Fatalf("the default knobs are refused: %v", err)
	}
	for _, info := range knob.Describe(k) {
		if !snake.MatchString(info.Name) || info.Help == "" {
			t.Errorf("knob %q with help %q: want a snake_case name and a help text", info.Name, info.Help)
		}
		if _, err := p.Settings(map[string]any{info.Name: "no such value"}); err == nil {
			t.Errorf("Settings(%s=no such value) = nil error, want one that names the knob", info.Name)
		}
	}
	if _, err := p.Settings(map[string]any{"no_such_knob": 1}); err == nil {
		t.Error("Settings(no_such_knob) = nil error, want one")
	}
	for _, set := range [][]string{p.Events, words(p.Reasons)} {
		for i, name := range set {
			if !snake.MatchString(name) || slices.Index(set, name) != i {
				t.Errorf("name %q: want snake_case and only once", name)
			}
		}
	}
}

func words(reasons []lab.Reason) []string {
	out := make([]string, len(reasons))
	for i, r := range reasons {
		out[i] = string(r)
	}
	return out
}

func shadow(t *testing.T, p lab.Pattern, trace []Arrival) {
	results, counts := Live(t, p, nil, lab.Shadow, trace)
	for i, r := range results {
		end, want := trace[i].below(trace[i].At, &trace[i].Request, 0)
		if r.At != end || r.Calls != 1 || !same(r.Response, want) {
			t.Errorf("request %d in shadow: %v, want the answer %+v at %v after 1 call", i+1, r, want, end)
			return
		}
	}
	declared(t, p, counts)
}

func declared(t *testing.T, p lab.Pattern, counts map[string]uint64) {
	t.Helper()
	for name := range counts {
		if !slices.Contains(p.Events, name) {
			t.Errorf("counter %q is not in Events %v", name, p.Events)
		}
	}
	for _, name := range p.Events {
		if _, ok := counts[name]; !ok {
			t.Errorf("event %q has no counter after New, want one at 0", name)
		}
	}
}

func reasons(t *testing.T, p lab.Pattern, trace []Arrival) {
	results, counts := Live(t, p, nil, lab.On, trace)
	common := []lab.Reason{lab.ReasonDeadline, lab.ReasonFault, lab.ReasonShutdown, lab.ReasonBacklog, lab.ReasonDown, lab.ReasonBad}
	for i, r := range results {
		switch res := r.Response; {
		case res.Outcome.Good() && res.Reason != "":
			t.Errorf("request %d was served with reason %q, want none", i+1, res.Reason)
		case !res.Outcome.Good() && !slices.Contains(p.Reasons, res.Reason) && !slices.Contains(common, res.Reason):
			t.Errorf("request %d: %v for reason %q, want one of %v", i+1, res.Outcome, res.Reason, p.Reasons)
		case res.Outcome == lab.Limited && res.RetryAfter <= 0:
			t.Errorf("request %d: limited with RetryAfter %v, want more than 0", i+1, res.RetryAfter)
		}
	}
	declared(t, p, counts)
}

func gauges(t *testing.T, p lab.Pattern) {
	synctest.Test(t, func(t *testing.T) {
		r := Open(t, p, nil)
		defer r.Stop()
		names := func() (out []string) {
			for _, g := range r.Gauges(r.Clock.Now()) {
				out = append(out, g.Name)
			}
			return out
		}
		first := names()
		for _, n := range first {
			if !snake.MatchString(n) {
				t.Errorf("gauge %q, want snake_case", n)
			}
		}
		h := r.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }), lab.On)
		for i := range 50 {
			h.Serve(context.Background(), &lab.Request{ID: uint64(i), User: uint64(i), Key: uint64(i % 5), Read: true})
		}
		if got := names(); !slices.Equal(first, got) {
			t.Errorf("Gauges() after 50 requests = %v, before %v: want the same names in the same order", got, first)
		}
	})
}

// switched calls through a chain that is replaced all the time; under -race it
// shows that an instance may be swapped out with requests inside.
func switched(t *testing.T, p lab.Pattern) {
	synctest.Test(t, func(t *testing.T) {
		const users, each, changes = 8, 200, 40
		wall := clock.NewWall()
		next := lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
			if wall.Wait(ctx, wall.Now()+time.Duration(r.ID%7)*time.Millisecond) != nil {
				return lab.Refuse(lab.Shed, lab.ReasonShutdown, 0)
			}
			return lab.Response{}
		})
		var now atomic.Pointer[lab.Handler]
		publish := func(h lab.Handler) { now.Store(&h) }
		publish(next)
		var wg sync.WaitGroup
		for u := range users {
			wg.Go(func() {
				for i := range each {
					(*now.Load()).Serve(context.Background(), &lab.Request{ID: uint64(u*each + i), User: uint64(u), Key: uint64(i % 9), Op: uint8(i % 4), Read: i%5 != 0})
				}
			})
		}
		var rooms []*Room
		for i := range changes {
			if err := wall.Wait(context.Background(), wall.Now()+5*time.Millisecond); err != nil {
				t.Error(err)
			}
			r := Open(t, p, nil)
			rooms = append(rooms, r)
			publish(r.Wrap(next, []lab.State{lab.On, lab.Shadow}[i%2]))
			if i%3 == 2 {
				publish(next)
			}
		}
		wg.Wait()
		for _, r := range rooms {
			r.Stop()
		}
	})
}
