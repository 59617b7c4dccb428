package catalog_test

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/lab/chain"
	"workbench/lab/knob"
	"workbench/lab/meter"
	"workbench/lab/remote"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// The order is part of the lesson; see Patterns.
func TestOrder(t *testing.T) {
	want := []string{
		"edge", "ratelimit", "jobs", "fallback", "shed", "cache", "stale", "singleflight", "timeout", "queue", "concurrency", "retry", "throttle", "breaker", "bulkhead", "hedge",
		"client-backoff", "client-budget",
	}
	var got []string
	for _, p := range catalog.Patterns() {
		got = append(got, p.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("patterns %v, want %v", got, want)
	}
}

// Everything the page and the reference show of a pattern is there.
func TestEveryPatternIsDescribed(t *testing.T) {
	reasons := map[lab.Reason]string{}
	for _, p := range catalog.Patterns() {
		if p.Title == "" || p.Line == "" || utf8.RuneCountInString(p.Line) > 80 || strings.HasSuffix(p.Line, ".") {
			t.Errorf("%s: title %q, line %q; want both, the line of at most 80 characters without a full stop", p.Name, p.Title, p.Line)
		}
		if server := p.Side == lab.Server; server != (p.New != nil) || server != (p.NewStage != nil) || server != (len(p.Events) > 0) {
			t.Errorf("%s is %q: New %v, NewStage %v, events %v; want them for server-side patterns alone", p.Name, p.Side, p.New != nil, p.NewStage != nil, p.Events)
		}
		k, err := p.Settings(nil)
		if err != nil {
			t.Errorf("%s: its defaults are not valid: %v", p.Name, err)
			continue
		}
		seen := map[string]bool{}
		for _, i := range knob.Describe(k) {
			if i.Name == "" || seen[i.Name] || i.Help == "" || i.Kind == knob.Choice && !slices.Contains(i.Options, i.Value) {
				t.Errorf("%s: knob %+v, want a name of its own, help, and a default among the options", p.Name, i)
			}
			seen[i.Name] = true
		}
		for _, r := range p.Reasons {
			if other := reasons[r]; other != "" {
				t.Errorf("reason %q is both %s's and %s's: the figures could not tell them apart", r, other, p.Name)
			}
			reasons[r] = p.Name
		}
		if found, ok := catalog.Find(p.Name); !ok || found.Title != p.Title {
			t.Errorf("Find(%q) = %q, %v; want the pattern", p.Name, found.Title, ok)
		}
	}
	if _, ok := catalog.Find("teleport"); ok {
		t.Error(`Find("teleport") found something`)
	}
}

// service answers after a little work, and fails now and then, so that every
// pattern has something to do.
type service struct{ n atomic.Uint64 }

func (s *service) Serve(context.Context, *lab.Request) lab.Response {
	if n := s.n.Add(1); n%17 == 0 {
		return lab.Answer(nil, lab.ErrFail)
	}
	return lab.Response{Body: []byte("{}")}
}

// rig is all server-side patterns in one chain.
type rig struct {
	*chain.Chain
	counters map[string]*lab.Counters
}

func open(t testing.TB, next lab.Handler) rig {
	t.Helper()
	redis, err := remote.Open(t.Context(), remote.Options{Embedded: true, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var owned sync.WaitGroup
	r := rig{counters: map[string]*lab.Counters{}}
	for _, p := range catalog.Patterns() {
		r.counters[p.Name] = lab.NewCounters()
	}
	var mu sync.Mutex
	r.Chain, err = chain.New(chain.Config{
		Patterns: catalog.Patterns(), Counters: r.counters, Next: next,
		Uniform: func(pattern string) func() float64 {
			s := dist.New(1, pattern)
			return func() float64 { mu.Lock(); defer mu.Unlock(); return s.Float64() }
		},
		Env: lab.Env{Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler), Slots: 20, Service: time.Millisecond, Instance: "a", Redis: redis.Client(),
			Go: func(f func(context.Context)) { owned.Go(func() { f(ctx) }) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		cancel()
		owned.Wait()
		if err := redis.Close(); err != nil {
			t.Errorf("close redis: %v", err)
		}
	})
	return r
}

// Every pattern goes through every state while requests of all sorts pass. Each
// is answered with an outcome there is, for a reason that somebody declared.
func TestToggleEverythingUnderLoad(t *testing.T) {
	known := map[lab.Reason]bool{"": true, lab.ReasonFault: true, lab.ReasonDeadline: true, lab.ReasonShutdown: true, lab.ReasonDown: true}
	var server []lab.Pattern
	for _, p := range catalog.Patterns() {
		for _, r := range p.Reasons {
			known[r] = true
		}
		if p.Side == lab.Server {
			server = append(server, p)
		}
	}
	r := open(t, &service{})
	stop := make(chan struct{})
	var users sync.WaitGroup
	var asked, good atomic.Uint64
	for u := range 4 {
		users.Go(func() {
			draws := dist.New(uint64(u), "user")
			wall := clock.NewWall()
			for id := uint64(1); ; id++ {
				select {
				case <-stop:
					return
				default:
				}
				q := lab.Request{ID: id<<8 | uint64(u), At: wall.Now(), User: 1 + draws.IntN(9), IP: 1 + draws.IntN(4), Token: 1 + draws.IntN(9), Key: 1 + draws.IntN(50),
					Op: uint8(draws.IntN(4)), Priority: lab.Priority(draws.IntN(3)), Read: draws.IntN(3) > 0, Async: draws.IntN(5) == 0}
				res := r.Serve(t.Context(), &q)
				asked.Add(1)
				if res.Outcome.Good() {
					good.Add(1)
				}
				if res.Outcome > lab.Failed || !known[res.Reason] || res.Outcome.Good() != (res.Reason == "") {
					t.Errorf("outcome %v for %q, want one there is and a declared reason for a refusal alone", res.Outcome, res.Reason)
					return
				}
			}
		})
	}
	for _, knobs := range []map[string]map[string]any{nil, {"cache": {"store": "redis"}, "ratelimit": {"store": "redis"}}, {"cache": {"store": "both"}}} {
		for round := range 3 {
			for i, p := range server {
				state := []lab.State{lab.On, lab.Shadow, lab.Off, lab.On}[(i+round)%4]
				before := asked.Load()
				if err := r.Set(chain.Change{Pattern: p.Name, State: &state, Knobs: knobs[p.Name]}); err != nil {
					t.Fatalf("Set(%s, %v, %v): %v", p.Name, state, knobs[p.Name], err)
				}
				for asked.Load() < before+20 && !t.Failed() {
					r.Slots(0) // reading beside it, until some have passed
				}
			}
		}
	}
	close(stop)
	users.Wait()
	if good.Load() == 0 {
		t.Error("nobody was served")
	}
	for _, p := range server {
		sum := uint64(0)
		for _, n := range r.counters[p.Name].All() {
			sum += n
		}
		if p.Name != "timeout" && p.Name != "bulkhead" && p.Name != "stale" && sum == 0 {
			t.Errorf("%s counted nothing over all states, want its events", p.Name)
		}
	}
}

// A chain with everything off is the bare handler and one atomic load.
func TestOffAllocatesNothing(t *testing.T) {
	r := open(t, &service{})
	q := lab.Request{Key: 1, Read: true}
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { r.Serve(ctx, &q) }); n != 0 {
		t.Errorf("a request through a chain that is off allocates %v times more than the handler, want 0", n)
	}
}

type figures func() meter.Figures

func (f figures) Figures() meter.Figures { return f() }

// What a pattern counts arrives in the scrape under its name.
func TestEventsReachTheMetrics(t *testing.T) {
	r := open(t, &service{})
	m, err := meter.New(clock.NewWall(), []string{"read"}, nil, figures(func() meter.Figures {
		var f meter.Figures
		for _, s := range r.Slots(0) {
			f.Patterns = append(f.Patterns, meter.PatternFigures{Name: s.Pattern.Name, State: s.State, Events: s.Counters.All(), Gauges: map[string][]lab.Gauge{"a": s.Gauges}})
		}
		return f
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Set(chain.Change{Pattern: "cache", State: new(lab.On)}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		r.Serve(t.Context(), &lab.Request{Key: 7, Read: true})
	}
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`workbench_pattern_events_total{event="hit",pattern="cache"} 4`, `workbench_pattern_events_total{event="miss",pattern="cache"} 1`,
		`workbench_pattern_state{pattern="cache"} 2`, `workbench_pattern_gauge{gauge="entries",instance="a",pattern="cache"} 1`,
	} {
		if !strings.Contains(string(body), want+"\n") {
			t.Errorf("the scrape lacks %q", want)
		}
	}
}
