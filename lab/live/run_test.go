package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/lab/store/sqlite"
	"workbench/sim/load"
)

func parse(t *testing.T, yaml string) scenario.Spec {
	t.Helper()
	s, err := scenario.Parse("test", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The prediction is locked before the event, and compared after it; the run is
// kept; then it is calm again, and the event can be played anew.
func TestEvent(t *testing.T) {
	r := open(t)
	r.load(eventful)
	if s, err := r.Predict(t.Context(), 1); err != nil || !s.Predict.Locked || *s.Predict.Chosen != 1 || s.Predict.Value != nil || !marked(s, "prediction: not all") {
		t.Fatalf("Predict(1) = %+v, %v; want it chosen, locked and not yet measured", s.Predict, err)
	}
	for _, choice := range []int{0, 7} {
		if _, err := r.Predict(t.Context(), choice); !errors.Is(err, live.ErrConflict) {
			t.Errorf("Predict(%d) after the first = %v, want ErrConflict", choice, err)
		}
	}
	s, err := r.Spike(t.Context(), load.Spike{})
	if err != nil || s.Traffic.Base != 600 || s.Traffic.Phase != "spike" || !marked(s, "event: traffic rises to 600/s") {
		t.Fatalf("Spike() shows %+v, %v; want the spike at 600/s", s.Traffic, err)
	}
	r.until("the scenario's fault began", func(s live.State) bool { return faulty(s, "gate-error").On })
	r.until("the scenario's fault ended", func(s live.State) bool { return !faulty(s, "gate-error").On && marked(s, "gate-error ends") })
	s = r.until("the event was over", func(s live.State) bool { return marked(s, "event over") })
	if p := s.Predict; p.Value == nil || *p.Value > 0.9 || p.Right == nil || !*p.Right || !strings.HasPrefix(p.Answer, "You were right. Measured: ") {
		t.Errorf("prediction %+v after the event, want it measured below .9 and right", p)
	}
	if s.Traffic.Base != 50 {
		t.Errorf("after the event %v/s come, want the calm 50/s", s.Traffic.Base)
	}
	runs, err := r.Runs(t.Context())
	if err != nil || len(runs) != 1 || runs[0].Scenario != "eventful" || runs[0].Prediction != "right" || runs[0].Claims == 0 {
		t.Fatalf("Runs() = %+v, %v; want the one, with its claims and the right prediction", runs, err)
	}
	rep, err := r.Run(t.Context(), runs[0].ID)
	if err != nil || rep.Offered < 400 || rep.Outcomes["late"] == 0 || rep.DurationS != 3 {
		t.Errorf("Run(%d) = %v offered, %v late, %v s, %v; want an event of 3 s with a spike that is too much", runs[0].ID, rep.Offered, rep.Outcomes["late"], rep.DurationS, err)
	}
	if _, err := r.Run(t.Context(), 99); !errors.Is(err, live.ErrUnknown) {
		t.Errorf("Run(99) = %v, want ErrUnknown", err)
	}
}

// A second Spike begins the event again; what the first one has left is ended,
// and only the second is kept.
func TestEventAgain(t *testing.T) {
	r := open(t)
	r.load(eventful)
	for range 2 {
		if _, err := r.Spike(t.Context(), load.Spike{}); err != nil {
			t.Fatal(err)
		}
		r.until("the fault began", func(s live.State) bool { return faulty(s, "gate-error").On })
	}
	s, err := r.Spike(t.Context(), load.Spike{})
	if err != nil || faulty(s, "gate-error").On {
		t.Fatalf("after a third Spike the fault is %+v, %v; want it to wait for its time", faulty(s, "gate-error"), err)
	}
	if _, err := r.Predict(t.Context(), 0); !errors.Is(err, live.ErrConflict) {
		t.Errorf("Predict during the event = %v, want ErrConflict", err)
	}
	r.until("the event was over", func(s live.State) bool { return marked(s, "event over") })
	if runs, err := r.Runs(t.Context()); err != nil || len(runs) != 1 || runs[0].Prediction != "" {
		t.Errorf("Runs() = %+v, %v; want one run without a prediction", runs, err)
	}
}

func TestPlayReports(t *testing.T) {
	r := open(t)
	seconds := 0
	rep, err := r.Play(t.Context(), parse(t, eventful), live.Options{Seed: 5, Progress: func(elapsed, total time.Duration, p scenario.Point) {
		if seconds++; elapsed <= 0 || elapsed > total || total != 3*time.Second {
			t.Errorf("Progress(%v, %v), want an instant of 3 s", elapsed, total)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Engine != "live" || rep.Seed != 5 || rep.Scale != 1 || rep.Version != "test" || rep.DurationS != 3 || len(rep.Series) != 3 || seconds < 2 {
		t.Errorf("report %q seed %d scale %v version %q of %v s, %d points, %d calls of Progress; want live 5 1 test 3 3 and at least 2",
			rep.Engine, rep.Seed, rep.Scale, rep.Version, rep.DurationS, len(rep.Series), seconds)
	}
	var ended uint64
	for _, n := range rep.Outcomes {
		ended += n
	}
	if rep.Offered < 500 || ended != rep.Offered || rep.Sent != rep.Offered {
		t.Errorf("%d offered, %d sent, %d ended; want the three alike, at least 500: nobody retries and everybody ends", rep.Offered, rep.Sent, ended)
	}
	if len(rep.Claims) != 2 || len(rep.Changes) != 2 || len(rep.Patterns) == 0 || rep.Patterns["queue"].State != lab.Off {
		t.Errorf("claims %+v, changes %+v, %d patterns; want two, the fault's two, and all", rep.Claims, rep.Changes, len(rep.Patterns))
	}
	drawn := 0
	seq, err := load.Draw(load.Plan{Seed: 5, Duration: 3 * time.Second, Schedule: parse(t, eventful).Traffic, Ops: []load.Op{{Name: "read-profile", Path: "/"}}})
	if err != nil {
		t.Fatal(err)
	}
	for range seq {
		drawn++
	}
	if rep.Offered != uint64(drawn) {
		t.Errorf("%d users came, the seed draws %d", rep.Offered, drawn)
	}
}

func TestPlayWithPatterns(t *testing.T) {
	r := open(t)
	rep, err := r.Play(t.Context(), parse(t, eventful), live.Options{Seed: 5, Patterns: []chain.Change{{Pattern: "shed", State: new(lab.On), Knobs: map[string]any{"capacity": 1}}}})
	if err != nil || rep.Patterns["shed"].State != lab.On || rep.Outcomes["shed"] == 0 || rep.Patterns["shed"].Counters["refused_normal"]+rep.Patterns["shed"].Counters["refused"]+rep.Outcomes["shed"] == 0 {
		t.Errorf("Play with shedding = %v, %v; want users shed", rep.Outcomes, err)
	}
	if _, err := r.Play(t.Context(), parse(t, eventful), live.Options{Patterns: []chain.Change{{Pattern: "shed", Knobs: map[string]any{"capacity": -1}}}}); !errors.Is(err, live.ErrInvalid) {
		t.Errorf("Play with a wrong knob = %v, want ErrInvalid", err)
	}
	if _, err := r.Play(t.Context(), scenario.Spec{Name: "empty"}, live.Options{}); !errors.Is(err, live.ErrInvalid) {
		t.Errorf("Play of an empty scenario = %v, want ErrInvalid", err)
	}
}

func TestPlayCutShort(t *testing.T) {
	r := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	rep, err := r.Play(ctx, parse(t, calm), live.Options{Seed: 1, Progress: func(time.Duration, time.Duration, scenario.Point) { cancel() }})
	if !errors.Is(err, context.Canceled) || rep.Offered == 0 || rep.Outcomes["ok"] == 0 {
		t.Errorf("Play cut short = %d offered, %v, %v; want what there is and context.Canceled", rep.Offered, rep.Outcomes, err)
	}
	if s := r.until("it stopped", func(s live.State) bool { return s.Phase == "stopped" }); s.Confidence == "" {
		t.Error("a stopped run says nothing about why, want a reason")
	}
	if _, err := r.SetTraffic(t.Context(), live.TrafficChange{Factor: new(2.0)}); !errors.Is(err, live.ErrConflict) {
		t.Errorf("SetTraffic of a stopped run = %v, want ErrConflict", err)
	}
	_, err = r.Play(t.Context(), parse(t, calm), live.Options{Seed: 1, Progress: func(time.Duration, time.Duration, scenario.Point) {
		go r.Load(t.Context(), live.ScenarioChange{YAML: calm})
	}})
	if err == nil || !strings.Contains(err.Error(), "another scenario") {
		t.Errorf("Play that another scenario replaced = %v, want an error that says so", err)
	}
}

// What was accepted with 202 is done when the lab is closed, however long its
// queue, and was forgotten by a new run before.
func TestAcceptedWorkSurvivesAnOrderlyEnd(t *testing.T) {
	var dir string
	r := open(t, func(c *live.Config) { dir = c.Dir })
	const jobs = 60
	for range 2 {
		r.load(strings.Replace(calm, "rate: 100", "rate: 1", 1))
		r.set("jobs", lab.On, map[string]any{"workers": 1, "length": 1000})
		for id := 1; id <= jobs; id++ {
			code, h, body := r.ask("a", "POST", "/jobs", fmt.Sprintf(`{"profile":%d}`, id), "Workbench-Id", strconv.Itoa(id))
			if code != 202 || h.Get("Location") != "/jobs/"+strconv.Itoa(id) {
				t.Fatalf("job %d: %d %s, want 202 with its place", id, code, body)
			}
		}
	}
	r.set("jobs", lab.Off, nil) // also what a pattern that is off has left
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, "service", "profiles.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for id := uint64(1); id <= jobs; id++ {
		if key, _, err := s.Job(t.Context(), id); err != nil || key != id {
			t.Errorf("job %d is for item %d, %v; want it done", id, key, err)
		}
	}
}

// A scrape says what the state says, and no counter falls from run to run.
func TestFiguresMatchTheState(t *testing.T) {
	r := open(t)
	scrape := func() string {
		rec := httptest.NewRecorder()
		r.Metrics().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
		return rec.Body.String()
	}
	value := func(text, name string) float64 {
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, name+" "); ok {
				v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
		}
		return -1
	}
	if text := scrape(); value(text, "workbench_redis_up") != 1 || value(text, "workbench_traffic_offered_total") != 0 {
		t.Errorf("before the first scenario: redis up %v, offered %v; want 1 and 0", value(text, "workbench_redis_up"), value(text, "workbench_traffic_offered_total"))
	}
	r.load(calm)
	r.set("cache", lab.On, map[string]any{"store": "memory"})
	r.frames(12)
	text := scrape()
	for name, want := range map[string]float64{
		`workbench_pattern_state{pattern="cache"}`: 2, `workbench_pattern_state{pattern="queue"}`: 0, `workbench_gate_slots{gate="gate"}`: 8,
		`workbench_instance_up{instance="b"}`: 1, `workbench_redis_up`: 1,
	} {
		if got := value(text, name); got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	hits := value(text, `workbench_pattern_events_total{event="hit",pattern="cache"}`)
	if now := float64(pattern(r.State(), "cache").Counters["hit"]); hits <= 0 || hits > now {
		t.Errorf("the scrape shows %v hits and the state %v a moment later, want some and no fewer later", hits, now)
	}
	entries := 0.0
	for _, instance := range []string{"a", "b"} {
		entries += value(text, `workbench_pattern_gauge{gauge="entries",instance="`+instance+`",pattern="cache"}`)
	}
	if now := gauge(pattern(r.State(), "cache"), "entries"); entries <= 0 || entries > now {
		t.Errorf("the instances' entries add up to %v and the state shows %v a moment later", entries, now)
	}
	offered := value(text, "workbench_traffic_offered_total")
	if users := value(text, `workbench_traffic_users_total{outcome="ok"}`); offered < 100 || users < 50 || users > offered {
		t.Errorf("%v offered and %v served, want over a second's", offered, users)
	}
	r.load(calm)
	if again := value(scrape(), "workbench_traffic_offered_total"); again < offered {
		t.Errorf("%v offered after a new run, %v before: a counter has fallen", again, offered)
	}
}

// spy passes changes on to a generator and tells of each.
type spy struct {
	live.Generator
	changes chan load.Change
}

func (s spy) Apply(c load.Change) error {
	err := s.Generator.Apply(c)
	s.changes <- c
	return err
}

func TestNobodyWatching(t *testing.T) {
	changes := make(chan load.Change, 100)
	r := open(t, func(c *live.Config) {
		c.Idle = time.Nanosecond
		c.Generator = func(ctx context.Context, p load.Plan) (live.Generator, error) {
			if p.Duration != 5*time.Minute {
				t.Errorf("the traffic is to last %v, want 5m0s: it is extended while it is needed", p.Duration)
			}
			g, err := load.Start(ctx, p)
			return spy{g, changes}, err
		}
	})
	r.load(calm)
	c := <-changes
	if c.Factor == nil || *c.Factor != 0 || c.Extend == nil || *c.Extend != 5*time.Minute {
		t.Fatalf("the first second without a reader brings %+v, want a pause and five more minutes", c)
	}
	if s := r.until("it paused", func(s live.State) bool { return s.Phase == "paused" }); s.Confidence == "" || s.Traffic.Rate != 0 {
		t.Errorf("paused at %v/s, saying %q; want 0/s and a reason", s.Traffic.Rate, s.Confidence)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.Watch(ctx)
	if s, err := r.SetTraffic(t.Context(), live.TrafficChange{Phase: new("running")}); err != nil || s.Phase != "running" || s.Traffic.Rate != 100 {
		t.Errorf("resumed: %q at %v/s, %v; want running at 100/s", s.Phase, s.Traffic.Rate, err)
	}
	for c := range changes {
		if c.Factor != nil && *c.Factor == 1 {
			break
		}
	}
	if c := <-changes; c.Factor != nil || c.Extend == nil {
		t.Errorf("with a reader a second brings %+v, want an extension alone", c)
	}
}
