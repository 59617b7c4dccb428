package live_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/live"
)

// paper is a solution that lives in this process, and refuses when told to.
type paper struct {
	name string

	mu     sync.Mutex
	fail   error // guarded by mu; of Open
	guard  string
	refuse bool
	opened int
	closed int
}

func (p *paper) Name() string { return p.name }

func (p *paper) Open(lab.Env, lab.Terms) (lab.Foreign, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return nil, p.fail
	}
	p.opened++
	return p, nil
}

func (p *paper) Admit(context.Context, lab.Question) (lab.Ruling, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.guard != "" {
		return lab.Ruling{}, lab.ErrForeign
	}
	return lab.Ruling{OK: !p.refuse, Retry: 3 * time.Second}, nil
}

func (p *paper) Done(lab.Ruling, time.Duration, lab.End) {}

func (p *paper) Gauges(time.Duration) []lab.Gauge {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.guard != "" {
		return []lab.Gauge{{Name: lab.GaugeGuard, Value: 1, Text: p.guard}}
	}
	return []lab.Gauge{{Name: lab.GaugeGuard, Text: "closed"}}
}

func (p *paper) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed++
	return nil
}

func (p *paper) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *paper) alive() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened - p.closed
}

// patternOf returns a pattern's state and the diagram's word on instance a.
func patternOf(s live.State, name string) (out live.PatternState, degraded string) {
	for _, p := range s.Patterns {
		if p.Name == name {
			out = p
		}
	}
	for _, n := range s.Nodes {
		if n.ID == "a" {
			degraded = n.Degraded
		}
	}
	return out, degraded
}

// A solution is refused before it is plugged in, decides from the next request
// on when it is yours, is replaced by a later one and by ours, and stays plugged
// in over runs.
func TestPlug(t *testing.T) {
	r := open(t)
	first, second := &paper{name: "token-bucket", refuse: true}, &paper{name: "keyed-limiter"}
	if err := r.Plug("ratelimit", first); err != nil {
		t.Fatalf("Plug before the first run = %v, want nil", err)
	}
	still := strings.Replace(calm, "rate: 100", "rate: 0.001", 1) // so that every count is the test's own
	s := r.load(still)
	if p, _ := patternOf(s, "ratelimit"); p.Yours != "token-bucket" || p.State != lab.Off {
		t.Errorf("the pattern is %v with %q plugged in, want off and token-bucket", p.State, p.Yours)
	}
	code := func() int {
		c, _, _ := r.ask("a", "GET", "/profiles/5", "")
		return c
	}
	r.set("ratelimit", lab.Yours, nil)
	if got := code(); got != 429 || first.alive() != 2 {
		t.Errorf("with a solution that refuses: %d, %d at work; want 429 and one for each instance", got, first.alive())
	}
	first.set(func() { first.guard = "guard open: it is paper" })
	if got := code(); got != 200 {
		t.Errorf("with an open guard: %d, want 200 from ours", got)
	}
	if p, degraded := patternOf(r.State(), "ratelimit"); degraded != "ratelimit yours: guard open: it is paper" || p.Counters[lab.EventFallbacks] == 0 || p.Counters[lab.EventDiffered] == 0 {
		t.Errorf("instance a is %q, counters %v; want the guard's reason, a fallback and a decision unlike ours", degraded, p.Counters)
	}
	for _, want := range []string{`workbench_pattern_state{pattern="ratelimit"} 3`, `workbench_pattern_events_total{event="yours_differed",pattern="ratelimit"} 1`, `workbench_pattern_events_total{event="yours_fallbacks",pattern="ratelimit"} 1`, `workbench_pattern_gauge{gauge="yours_guard",instance="a",pattern="ratelimit"} 1`} {
		if text := r.scrape(); !strings.Contains(text, want+"\n") {
			t.Errorf("the scrape lacks %q", want)
		}
	}
	if err := r.Plug("ratelimit", second); err != nil {
		t.Fatal(err)
	}
	if got := code(); got != 200 || first.alive() != 0 || second.alive() != 2 {
		t.Errorf("after another one was plugged in: %d, %d and %d at work; want 200, 0 and 2", got, first.alive(), second.alive())
	}
	bad := &paper{name: "token-bucket", fail: errors.New("it refuses these settings")}
	if err := r.Plug("ratelimit", bad); !errors.Is(err, live.ErrConflict) || !strings.Contains(err.Error(), "it refuses these settings") || r.Plugged("ratelimit") != "keyed-limiter" {
		t.Errorf("Plug of one that does not start = %v, %q plugged in; want a conflict with the reason, and the old one", err, r.Plugged("ratelimit"))
	}
	r.load(still)
	if second.alive() != 0 {
		t.Errorf("%d are at work after the run, want 0", second.alive())
	}
	if _, err := r.Load(t.Context(), live.ScenarioChange{YAML: still, Patterns: map[string]live.PatternChange{"ratelimit": {State: new(lab.Yours)}}}); err != nil || second.alive() != 2 {
		t.Errorf("a run that begins with yours: %v, %d at work, want 2", err, second.alive())
	}
	if err := r.Unplug("ratelimit"); err != nil {
		t.Fatal(err)
	}
	if p, _ := patternOf(r.State(), "ratelimit"); p.State != lab.On || p.Yours != "" || second.alive() != 0 {
		t.Errorf("after Unplug the pattern is %v with %q plugged in and %d at work, want on, none and 0", p.State, p.Yours, second.alive())
	}
	if _, err := r.SetPattern(t.Context(), "ratelimit", live.PatternChange{State: new(lab.Yours)}); !errors.Is(err, live.ErrInvalid) || !strings.Contains(err.Error(), "no accepted solution is plugged in") {
		t.Errorf("yours after Unplug = %v, want that nothing is plugged in", err)
	}
}

// What is said beside a pattern is in its state, from the first run on.
func TestRemark(t *testing.T) {
	r := open(t)
	r.Remark("ratelimit", "the answer is being compiled again")
	if p, _ := patternOf(r.load(calm), "ratelimit"); p.Remark != "the answer is being compiled again" {
		t.Errorf("the pattern says %q", p.Remark)
	}
	r.Remark("ratelimit", "")
	if p, _ := patternOf(r.State(), "ratelimit"); p.Remark != "" {
		t.Errorf("afterwards the pattern says %q, want nothing", p.Remark)
	}
}

func TestWhatCannotBePlugged(t *testing.T) {
	r := open(t)
	for pattern, want := range map[string]error{"teleport": live.ErrUnknown, "stale": live.ErrConflict, "client-budget": live.ErrConflict} {
		if err := r.Plug(pattern, &paper{}); !errors.Is(err, want) {
			t.Errorf("Plug(%s) = %v, want %v", pattern, err, want)
		}
	}
	if err := r.Unplug("ratelimit"); err != nil {
		t.Errorf("Unplug of nothing = %v, want nil", err)
	}
}

// scrape returns the lab's metrics as text.
func (r *rig) scrape() string {
	rec := httptest.NewRecorder()
	r.Metrics().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	return rec.Body.String()
}
