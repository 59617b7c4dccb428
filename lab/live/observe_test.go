package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/incident"
	"workbench/lab/journal"
	"workbench/lab/live"
	"workbench/lab/trace"
)

func watched(c *live.Config) {
	c.Trace = trace.Settings{On: true, Share: 1}
	c.Lines = journal.Settings{Mode: journal.All}
}

// eventually waits until ok, and says what was waited for when it does not come.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	ready, stop := r.Ready()
	defer stop()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for !ok() {
		select {
		case <-ready:
		case <-limit.C:
			r.t.Fatalf("after a minute: %s did not come", what)
		}
	}
}

// spanned waits for a trace in which these spans follow each other.
func (r *rig) spanned(names ...string) {
	r.t.Helper()
	want := strings.Join(names, "|") + "|"
	r.eventually("a trace with "+want, func() bool {
		return slices.ContainsFunc(r.Traces().Store().List(trace.Query{Limit: 200}), func(tr trace.Trace) bool {
			got := ""
			for _, row := range tr.Rows() {
				got += row.Name + "|"
			}
			return strings.Contains(got, want)
		})
	})
}

// One request is seen from its user's try to the database, and its line in the
// log has the trace's id.
func TestOneRequestIsFollowedThroughAll(t *testing.T) {
	r := open(t, watched)
	r.load(strings.Replace(calm, "name: calm", "name: processor\nsystem: login", 1))
	r.spanned("processor", "wait for a slot", "work", "service and round trip")
	r.load(calm)
	r.set("cache", lab.On, map[string]any{"store": "redis"})
	var got trace.Trace
	r.eventually("a whole trace", func() bool {
		for _, tr := range r.Traces().Store().List(trace.Query{Limit: 200}) {
			names := ""
			for _, row := range tr.Rows() {
				names += row.Name + "|"
			}
			if strings.Contains(names, "user's try|balancer|read-profile|") && strings.Contains(names, "cache|") && strings.Contains(names, "redis ") && strings.Contains(names, "database|wait for a slot|SQLite|service and round trip|") {
				got = tr
				return true
			}
		}
		return false
	})
	lines := r.Journal().List(journal.Query{Trace: got.ID.String()})
	if len(lines) != 1 || lines[0].Op != "read-profile" || lines[0].Outcome != "ok" || lines[0].Instance == "" || lines[0].Took <= 0 {
		t.Errorf("the lines of trace %v are %+v, want one with operation, outcome, instance and duration", got.ID, lines)
	}
	for _, row := range got.Rows() {
		if row.Start.Before(got.Start) || row.End.Sub(got.Start) > got.Took {
			t.Errorf("span %s lies outside its trace", row.Name)
		}
	}
}

func TestTracingIsSwitchedWhileItRuns(t *testing.T) {
	r := open(t)
	r.load(calm)
	r.eventually("a second of traffic", func() bool { return len(r.Signals(9)) > 1 })
	if c := r.Traces().Store().Counts(); c.Ended != 0 {
		t.Errorf("%d traces ended with tracing off, want none", c.Ended)
	}
	if err := r.SetTracing(trace.Settings{On: true, Share: 1}); err != nil {
		t.Fatal(err)
	}
	r.eventually("a trace with its user's try", func() bool {
		for _, tr := range r.Traces().Store().List(trace.Query{}) {
			if tr.Spans[0].Where == "users" {
				return true
			}
		}
		return false
	})
	if err := r.SetTracing(trace.Settings{Share: 2}); err == nil || r.Traces().Settings().Share != 1 {
		t.Errorf("share 2 = %v, want an error and no change", err)
	}
}

func TestSignalsComeFromTheRun(t *testing.T) {
	r := open(t)
	r.load(calm)
	r.eventually("three windows", func() bool { return len(r.Signals(9)) >= 3 })
	all := r.Signals(9)
	w := all[len(all)-1]
	if rate := float64(w.All().Good()) / w.Span.Seconds(); rate < 50 || rate > 150 {
		t.Errorf("%.0f good requests a second, want about 100", rate)
	}
	if p := w.All().Took.Quantile(.5); p < 4 || p > 60 {
		t.Errorf("the median is %.1f ms, want about 5", p)
	}
	if len(w.Instances) != 2 || len(w.Resources) < 3 {
		t.Errorf("instances %+v and resources %+v, want two instances, gate and pool", w.Instances, w.Resources)
	}
	if a := r.Alarm(); a.State.Threshold.On || a.State.Burn.On || len(a.Pages) != 0 {
		t.Errorf("a calm service has %+v", a)
	}
	if err := r.SetFaultOn("gate-error"); err != nil {
		t.Fatal(err)
	}
	r.eventually("both lamps", func() bool { s := r.Alarm().State; return s.Threshold.On && s.Burn.On })
}

// SetFaultOn begins a fault.
func (r *rig) SetFaultOn(name string) error {
	_, err := r.SetFault(r.t.Context(), name, live.FaultChange{On: true, Share: 1})
	return err
}

// kept is a keeper of rehearsals.
type kept struct {
	mu  sync.Mutex
	all []incident.Result
}

func (k *kept) KeepIncident(_ context.Context, _ time.Time, r incident.Result) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, r)
	return nil
}

// told is everything that the lab tells: state, frames, metrics.
func (r *rig) told() string {
	r.t.Helper()
	var b strings.Builder
	state, err := json.Marshal(r.State())
	if err != nil {
		r.t.Fatal(err)
	}
	frames, err := json.Marshal(r.History())
	if err != nil {
		r.t.Fatal(err)
	}
	view, err := json.Marshal(r.Incident())
	if err != nil {
		r.t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	r.Metrics().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	b.Write(state)
	b.Write(frames)
	b.Write(view)
	b.WriteString(rec.Body.String())
	return b.String()
}

// While a fault is hidden nothing that can be asked for names it, whichever it
// is, and the switches are shut.
func TestAHiddenFaultIsNotTold(t *testing.T) {
	seen := map[string]bool{}
	keep := &kept{}
	r := open(t, watched, func(c *live.Config) { c.Incidents = keep })
	for seed := uint64(1); len(seen) < len(incident.Causes()); seed++ {
		s, err := incident.New(seed, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		cause := s.Cause()
		if seen[cause.Name] {
			continue
		}
		seen[cause.Name] = true
		if _, err := r.StartIncident(t.Context(), seed); err != nil {
			t.Fatal(err)
		}
		before := r.State()
		if !before.Veiled {
			t.Errorf("%s: the state does not say that the switches are out of use", cause.Name)
		}
		if err := r.StrikeNow(); err != nil {
			t.Fatalf("%s: %v", cause.Name, err)
		}
		text := r.told()
		for _, word := range []string{cause.Name, cause.Title, "service time ×", "% errors", "further away", "hung", `"spike":4`, "instance-kill", "does not answer", "gate-slow", "incident", "rehears"} {
			if strings.Contains(text, word) {
				at := strings.Index(text, word)
				t.Errorf("%s: what is told holds %q: …%s…", cause.Name, word, text[max(0, at-60):min(len(text), at+60)])
			}
		}
		after := r.State()
		for i, n := range after.Nodes {
			if n != before.Nodes[i] {
				t.Errorf("%s: node %+v was %+v before: it must not change", cause.Name, n, before.Nodes[i])
			}
		}
		if after.Traffic.Clients != before.Traffic.Clients || after.Traffic.Rate != before.Traffic.Rate || len(after.Markers) != len(before.Markers) || len(after.Faults) != 0 {
			t.Errorf("%s: traffic %+v, markers %v, faults %v; want them as before and no faults", cause.Name, after.Traffic, after.Markers, after.Faults)
		}
		if err := r.SetFaultOn("gate-slow"); err == nil {
			t.Errorf("%s: a fault can be switched during a rehearsal, want a conflict", cause.Name)
		}
		r.EndIncident(t.Context())
		if v := r.Incident(); v.Running || v.Result == nil || v.Result.Cause != cause {
			t.Errorf("%s: after giving up the view is %+v, want the cause", cause.Name, v)
		}
		if s := r.State(); len(s.Faults) == 0 || !s.Redis.Up {
			t.Errorf("%s: after the end faults %v and redis %+v, want switches, and nothing broken", cause.Name, s.Faults, s.Redis)
		}
	}
	if r.State().Veiled {
		t.Error("the lab is veiled after the last rehearsal")
	}
	if len(keep.all) != len(incident.Causes()) {
		t.Errorf("%d rehearsals were kept, want %d", len(keep.all), len(incident.Causes()))
	}
}

// A rehearsal ends by a person's word alone: neither a scenario nor another
// rehearsal takes its place by the way.
func TestARehearsalIsNotEndedByAScenario(t *testing.T) {
	r := open(t, watched)
	if _, err := r.StartIncident(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	run := r.State().Run
	if _, err := r.Load(t.Context(), live.ScenarioChange{YAML: calm}); !errors.Is(err, live.ErrConflict) || !strings.Contains(err.Error(), "give up on the page Incident") {
		t.Errorf("Load during a rehearsal = %v, want a conflict that says what to do", err)
	}
	if _, err := r.StartIncident(t.Context(), 2); !errors.Is(err, live.ErrConflict) {
		t.Errorf("a second rehearsal = %v, want a conflict", err)
	}
	if s := r.State(); !r.Incident().Running || s.Run != run {
		t.Errorf("the rehearsal is %+v in run %d, want it under way in run %d", r.Incident(), s.Run, run)
	}
	r.EndIncident(t.Context())
	if s, err := r.Load(t.Context(), live.ScenarioChange{Name: "on-call"}); err != nil || s.Run == run {
		t.Errorf("Restart after the rehearsal = %v in run %d, want its scenario afresh", err, s.Run)
	}
	if s := r.load(calm); s.Veiled || s.Scenario != "calm" {
		t.Errorf("after giving up the scenario is %s, veiled %v; want calm, open", s.Scenario, s.Veiled)
	}
}
