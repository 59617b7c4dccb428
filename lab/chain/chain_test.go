package chain_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/sim/clock"
)

// mark is a pattern that writes its letter into the answer and counts how many
// requests are inside, so that a release to the wrong instance shows.
type mark struct {
	letter string
	seen   atomic.Int64
	inside atomic.Int64
	limit  int
	closed atomic.Bool
	t      *testing.T
}

type markKnobs struct {
	Limit int `knob:"limit" min:"1" max:"100" help:"a number to change"`
}

func (m *mark) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		m.seen.Add(1)
		m.inside.Add(1)
		res := next.Serve(ctx, r)
		if m.inside.Add(-1) < 0 {
			m.t.Error("a request left an instance that it had not entered")
		}
		if state == lab.On {
			res.Body = append([]byte(m.letter), res.Body...)
		}
		return res
	})
}

func (m *mark) Gauges(time.Duration) []lab.Gauge {
	return []lab.Gauge{{Name: "seen", Value: float64(m.seen.Load())}, {Name: "limit", Value: float64(m.limit)}}
}

func (m *mark) Close() error { m.closed.Store(true); return nil }

// marks returns one pattern a letter and the list of instances they made.
func marks(t *testing.T, letters string) ([]lab.Pattern, func(letter string) *mark) {
	var mu sync.Mutex
	last := map[string]*mark{}
	var out []lab.Pattern
	for _, l := range strings.Split(letters, "") {
		out = append(out, lab.Define(lab.Pattern{Name: l, Title: l, Line: l}, func() markKnobs { return markKnobs{Limit: 5} },
			func(env lab.Env, k markKnobs) (lab.Live, error) {
				if k.Limit == 13 {
					return nil, errors.New("thirteen cannot be built")
				}
				m := &mark{letter: l, limit: k.Limit, t: t}
				mu.Lock()
				last[l] = m
				mu.Unlock()
				return m, nil
			}, nil))
	}
	return out, func(letter string) *mark {
		mu.Lock()
		defer mu.Unlock()
		return last[letter]
	}
}

func open(t *testing.T, patterns []lab.Pattern) *chain.Chain {
	t.Helper()
	c, err := chain.New(chain.Config{
		Patterns: patterns,
		Env: lab.Env{Clock: clock.NewWall(), Uniform: func() float64 { return 0.5 }, Log: slog.New(slog.DiscardHandler),
			Go: func(func(context.Context)) {}},
		Next: lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{Body: []byte(".")} }),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func to(name string, s lab.State) chain.Change { return chain.Change{Pattern: name, State: &s} }

func body(c *chain.Chain) string {
	return string(c.Serve(context.Background(), &lab.Request{}).Body)
}

func TestOrderAndStates(t *testing.T) {
	patterns, _ := marks(t, "abc")
	c := open(t, patterns)
	for _, step := range []struct {
		changes []chain.Change
		want    string
	}{
		{nil, "."},
		{[]chain.Change{to("c", lab.On)}, "c."},
		{[]chain.Change{to("a", lab.On), to("b", lab.On)}, "abc."},
		{[]chain.Change{to("b", lab.Shadow)}, "ac."},
		{[]chain.Change{to("a", lab.Off), to("b", lab.On)}, "bc."},
	} {
		if err := c.Set(step.changes...); err != nil {
			t.Fatalf("Set(%v): %v", step.changes, err)
		}
		if got := body(c); got != step.want {
			t.Errorf("after %v the answer is %q, want %q", step.changes, got, step.want)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := body(c); got != "." {
		t.Errorf("after Close the answer is %q, want the bare %q", got, ".")
	}
}

func TestOnlyWhatChangesStartsFresh(t *testing.T) {
	patterns, last := marks(t, "ab")
	c := open(t, patterns)
	if err := c.Set(to("a", lab.On), to("b", lab.On)); err != nil {
		t.Fatal(err)
	}
	body(c)
	a, b := last("a"), last("b")
	if err := c.Set(chain.Change{Pattern: "b", Knobs: map[string]any{"limit": 7}}); err != nil {
		t.Fatal(err)
	}
	if last("a") != a || a.closed.Load() || a.seen.Load() != 1 {
		t.Error("a was replaced by a change of b, want its state kept")
	}
	if last("b") == b || !b.closed.Load() || last("b").limit != 7 {
		t.Errorf("b: same instance %v, closed %v, limit %d; want a fresh one with limit 7 and the old one closed", last("b") == b, b.closed.Load(), last("b").limit)
	}
	if got := c.Slots(0)[1].Gauges[1].Value; got != 7 {
		t.Errorf("Slots()[b] limit gauge = %v, want 7", got)
	}
}

// Each pattern draws from a stream of its own, anew whenever it starts.
func TestUniformIsThePatternsOwn(t *testing.T) {
	var drawn []float64
	p := lab.Define(lab.Pattern{Name: "dice"}, func() markKnobs { return markKnobs{Limit: 5} }, func(env lab.Env, _ markKnobs) (lab.Live, error) {
		drawn = append(drawn, env.Uniform(), env.Uniform())
		return &mark{t: t}, nil
	}, nil)
	c, err := chain.New(chain.Config{
		Patterns: []lab.Pattern{p}, Next: lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }),
		Uniform: func(name string) func() float64 { n := float64(len(name)); return func() float64 { n++; return n } },
		Env:     lab.Env{Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler), Go: func(func(context.Context)) {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Set(to("dice", lab.On)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []float64{5, 6, 5, 6}; !slices.Equal(drawn, want) {
		t.Errorf("two starts drew %v, want %v", drawn, want)
	}
}

func TestRefusedChangesChangeNothing(t *testing.T) {
	patterns, last := marks(t, "ab")
	c := open(t, patterns)
	if err := c.Set(to("a", lab.On)); err != nil {
		t.Fatal(err)
	}
	before := last("a")
	for name, changes := range map[string][]chain.Change{
		"no pattern":        {to("z", lab.On)},
		"limit":             {to("a", lab.Off), {Pattern: "b", Knobs: map[string]any{"limit": 1000}}},
		"cannot be built":   {to("a", lab.Off), {Pattern: "b", State: new(lab.On), Knobs: map[string]any{"limit": 13}}},
		"accepted solution": {to("b", lab.Yours)},
	} {
		err := c.Set(changes...)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Set(%v) = %v, want an error that says %q", changes, err, name)
		}
		if got := body(c); got != "a." || last("a") != before {
			t.Errorf("after the refused %q the answer is %q, want %q from the same instance", name, got, "a.")
		}
	}
	if err := c.Set(to("b", lab.On)); err != nil {
		t.Errorf("Set after refused changes = %v, want nil: the lock must be free", err)
	}
}

func TestSwitchingUnderLoad(t *testing.T) {
	patterns, _ := marks(t, "abcd")
	c := open(t, patterns)
	stop := make(chan struct{})
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := body(c); !strings.HasSuffix(got, ".") || len(got) > 5 {
					t.Errorf("answer %q, want up to four letters in order and a dot", got)
					return
				}
			}
		})
	}
	for i := range 400 {
		state := []lab.State{lab.On, lab.Shadow, lab.Off}[i%3]
		if err := c.Set(to(string("abcd"[i%4]), state)); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	users.Wait()
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := chain.New(chain.Config{})
	for _, want := range []string{"Next", "Clock"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(Config{}) = %v, want an error that names %s", err, want)
		}
	}
}

func TestArrange(t *testing.T) {
	scaled := lab.Define(lab.Pattern{Name: "s"}, func() scaledKnobs { return scaledKnobs{Rate: 100, Wait: 5} }, nil, nil)
	client := lab.Define(lab.Pattern{Name: "c", Side: lab.Client}, func() markKnobs { return markKnobs{Limit: 5} }, nil, nil)
	patterns := []lab.Pattern{scaled, client}
	with := func(name string, s lab.State, knobs map[string]any) []chain.Change {
		return []chain.Change{{Pattern: name, State: &s, Knobs: knobs}}
	}
	for _, c := range []struct {
		name        string
		start, over []chain.Change
		state       lab.State
		want        scaledKnobs
		err         string
	}{
		{name: "defaults are scaled", want: scaledKnobs{20, 5}},
		{name: "the scenario's are scaled", start: with("s", lab.On, map[string]any{"rate": 200}), state: lab.On, want: scaledKnobs{40, 5}},
		{name: "the caller's are not", start: with("s", lab.On, nil), over: with("s", lab.Shadow, map[string]any{"rate": 200}), state: lab.Shadow, want: scaledKnobs{200, 5}},
		{name: "unknown pattern", over: with("x", lab.On, nil), err: `pattern "x"`},
		{name: "bad knob", over: with("s", lab.On, map[string]any{"rate": -1}), err: "knob rate"},
		{name: "a client has no shadow", over: with("c", lab.Shadow, nil), err: "only off and on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := chain.Arrange(patterns, 0.2, c.start, c.over)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("Arrange = %v, want an error with %q", err, c.err)
				}
				return
			}
			if err != nil || got[0].State != c.state || *got[0].Knobs.(*scaledKnobs) != c.want {
				t.Errorf("Arrange = %+v, %v; want state %v and knobs %+v", got, err, c.state, c.want)
			}
		})
	}
}

type scaledKnobs struct {
	Rate float64 `knob:"rate" min:"1" max:"1000" scale:"yes" help:"a rate"`
	Wait int     `knob:"wait" min:"0" max:"10" help:"not a rate"`
}
