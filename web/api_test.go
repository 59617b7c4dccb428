package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"workbench/lab/live"
	"workbench/web"
	"workbench/web/webtest"
)

// changes are all requests that change the lab, each as it should be.
func changes() []webtest.Case {
	return []webtest.Case{
		{Method: http.MethodPut, Path: "/api/lab/patterns/queue", Body: `{"state":"on","knobs":{"length":40,"wait":"100ms"}}`},
		{Method: http.MethodPut, Path: "/api/lab/faults/gate-slow", Body: `{"on":true,"for":5000000000,"factor":5}`},
		{Method: http.MethodPut, Path: "/api/lab/traffic", Body: `{"factor":2}`},
		{Method: http.MethodPut, Path: "/api/lab/instances", Body: `{"count":4}`},
		{Method: http.MethodPut, Path: "/api/lab/instances/c", Body: `{"state":"down"}`},
		{Method: http.MethodPut, Path: "/api/lab/balancer", Body: `{"knobs":{"picker":"two-choices","ejection.on":true}}`},
		{Method: http.MethodPut, Path: "/api/lab/autoscaler", Body: `{"knobs":{"on":true,"target":0.5}}`},
		{Method: http.MethodPost, Path: "/api/lab/prediction", Body: `{"choice":2}`},
		{Method: http.MethodPost, Path: "/api/lab/spike", Body: `{"factor":3,"for":1000000000}`},
		{Method: http.MethodPost, Path: "/api/lab/scenario", Body: `{"name":"metastable","seed":7,"patterns":{"breaker":{"state":"shadow"}}}`},
	}
}

func TestChangesAnswerWithTheStateThatHolds(t *testing.T) {
	s := webtest.Serve(t, nil)
	for _, c := range changes() {
		t.Run(c.Path, func(t *testing.T) {
			c.Session, c.Status = true, http.StatusOK
			res, body := c.Run(t, s)
			var got live.State
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("the answer is not a state: %v", err)
			}
			if want := s.Lab.State(); got.Version != want.Version {
				t.Errorf("answered version %d, the lab is at %d", got.Version, want.Version)
			}
			if res.Header.Get("Cache-Control") != "no-store" {
				t.Error("a state may be cached")
			}
		})
	}
	got := s.Lab.State()
	if got.Seed != 7 {
		t.Errorf("seed %d, want 7", got.Seed)
	}
	for _, p := range got.Patterns {
		if p.Name == "breaker" && p.State.String() != "shadow" {
			t.Errorf("breaker is %v, want shadow", p.State)
		}
	}
}

func TestEmptySpikePlaysTheEvent(t *testing.T) {
	s := webtest.Serve(t, nil)
	for _, body := range []string{"", "{}"} {
		webtest.Case{Method: http.MethodPost, Path: "/api/lab/spike", Body: body, Session: true, Status: http.StatusOK, Want: []string{"event: ten times"}}.Run(t, s)
	}
}

func TestBadInputNamesTheFieldAndChangesNothing(t *testing.T) {
	s := webtest.Serve(t, nil)
	pattern, traffic := "/api/lab/patterns/queue", "/api/lab/traffic"
	for _, c := range []webtest.Case{
		{Name: "unknown field", Method: "PUT", Path: pattern, Body: `{"stat":"on"}`, Status: 400, Want: []string{`"field":"stat"`}},
		{Name: "unknown state", Method: "PUT", Path: pattern, Body: `{"state":"maybe"}`, Status: 422, Want: []string{`"field":"state"`, `"got":"\"maybe\""`, `"want":"off, shadow, on or yours"`}},
		{Name: "state of a wrong type", Method: "PUT", Path: pattern, Body: `{"state":5}`, Status: 400, Want: []string{`"field":"state"`}},
		{Name: "unknown state in a scenario", Method: "POST", Path: "/api/lab/scenario", Body: `{"name":"metastable","patterns":{"queue":{"state":"maybe"}}}`, Status: 422, Want: []string{`"field":"state"`}},
		{Name: "a fault neither begun nor ended", Method: "PUT", Path: "/api/lab/faults/gate-slow", Body: `{}`, Status: 422, Want: []string{`"field":"on"`, "true"}},
		{Name: "a fault's knob alone", Method: "PUT", Path: "/api/lab/faults/gate-slow", Body: `{"factor":5}`, Status: 422, Want: []string{`"field":"on"`}},
		{Name: "wrong type", Method: "PUT", Path: traffic, Body: `{"factor":"fast"}`, Status: 400, Want: []string{`"field":"factor"`, "float64"}},
		{Name: "not JSON", Method: "PUT", Path: traffic, Body: `factor=2`, Status: 400, Want: []string{`"field":"body"`}},
		{Name: "nothing", Method: "PUT", Path: traffic, Body: ``, Status: 400, Want: []string{`"field":"body"`}},
		{Name: "half", Method: "PUT", Path: traffic, Body: `{"factor":`, Status: 400, Want: []string{`"field":"body"`}},
		{Name: "two values", Method: "PUT", Path: traffic, Body: `{"factor":1}{"factor":2}`, Status: 400, Want: []string{"one JSON object"}},
		{Name: "list", Method: "PUT", Path: traffic, Body: `[1]`, Status: 400, Want: []string{`"field":"body"`}},
		{Name: "other type", Method: "PUT", Path: traffic, Body: `{"factor":2}`, Header: map[string]string{"Content-Type": "text/plain"}, Status: 415},
		{Name: "too large", Method: "PUT", Path: traffic, Body: `{"factor":2` + strings.Repeat(" ", 64<<10) + `}`, Status: 413},
		{Name: "out of range", Method: "PUT", Path: traffic, Body: `{"factor":1000}`, Status: 422, Want: []string{`"field":"factor"`, "0 to 100"}},
		{Name: "nothing to do", Method: "PUT", Path: traffic, Body: `{}`, Status: 422, Want: []string{`"field":"factor"`}},
		{Name: "two bad knobs", Method: "PUT", Path: pattern, Body: `{"state":"on","knobs":{"length":0,"order":"random"}}`, Status: 422, Want: []string{`"field":"length"`, `"field":"order"`, "fifo, lifo"}},
		{Name: "unknown knob", Method: "PUT", Path: pattern, Body: `{"knobs":{"size":3}}`, Status: 422, Want: []string{`"field":"size"`, "length"}},
		{Name: "too many instances", Method: "PUT", Path: "/api/lab/instances", Body: `{"count":9}`, Status: 422, Want: []string{`"field":"count"`, "1 to 8"}},
		{Name: "unknown instance", Method: "PUT", Path: "/api/lab/instances/z", Body: `{"state":"up"}`, Status: 404},
		{Name: "unknown state of an instance", Method: "PUT", Path: "/api/lab/instances/a", Body: `{"state":"dead"}`, Status: 422, Want: []string{`"field":"state"`, "draining"}},
		{Name: "unknown picker", Method: "PUT", Path: "/api/lab/balancer", Body: `{"knobs":{"picker":"x","health.fall":0}}`, Status: 422, Want: []string{`"field":"picker"`, `"field":"health.fall"`}},
		{Name: "target out of range", Method: "PUT", Path: "/api/lab/autoscaler", Body: `{"knobs":{"target":3}}`, Status: 422, Want: []string{`"field":"target"`}},
		{Name: "unknown pattern", Method: "PUT", Path: "/api/lab/patterns/magic", Body: on, Status: 404},
		{Name: "unknown fault", Method: "PUT", Path: "/api/lab/faults/rain", Body: `{"on":true}`, Status: 404},
		{Name: "unknown scenario", Method: "POST", Path: "/api/lab/scenario", Body: `{"name":"none"}`, Status: 422, Want: []string{`"field":"name"`}},
		{Name: "no choice", Method: "POST", Path: "/api/lab/prediction", Body: `{}`, Status: 422, Want: []string{`"field":"choice"`}},
		{Name: "no such choice", Method: "POST", Path: "/api/lab/prediction", Body: `{"choice":9}`, Status: 422, Want: []string{`"field":"choice"`}},
		{Name: "spike too long", Method: "POST", Path: "/api/lab/spike", Body: `{"factor":2,"for":1}`, Status: 422, Want: []string{`"field":"for"`}},
		{Name: "no such run", Path: "/api/runs/9", Status: 404},
		{Name: "run without number", Path: "/api/runs/last", Status: 404},
		{Name: "no such address", Path: "/api/nothing", Status: 404},
		{Name: "wrong method", Method: "DELETE", Path: "/api/lab", Status: 405},
	} {
		t.Run(c.Name, func(t *testing.T) {
			c.Session = true
			res, _ := c.Run(t, s)
			if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type = %q, want a problem document", got)
			}
		})
	}
	if got := s.Lab.State(); got.Version != 1 {
		t.Errorf("refused requests moved the lab to version %d", got.Version)
	}
}

func TestLockedPredictionIsAConflict(t *testing.T) {
	s := webtest.Serve(t, nil)
	c := webtest.Case{Method: "POST", Path: "/api/lab/prediction", Body: `{"choice":0}`, Session: true, Status: http.StatusOK}
	c.Run(t, s)
	c.Status, c.Want = http.StatusConflict, []string{"locked"}
	c.Run(t, s)
}

func TestRunsAndReport(t *testing.T) {
	s := webtest.Serve(t, nil)
	webtest.Case{Path: "/api/runs", Status: http.StatusOK, Want: []string{"[]"}}.Run(t, s)
	finish(t, s)
	webtest.Case{Path: "/api/runs", Status: http.StatusOK, Want: []string{`"id":1`}}.Run(t, s)
	webtest.Case{Path: "/api/runs/1", Status: http.StatusOK, Want: []string{`"scenario":"metastable"`}}.Run(t, s)
	res, body := webtest.Case{Path: "/runs/1/report", Status: http.StatusOK, Want: []string{"<svg", "polyline"}, Not: []string{"<script", "src=", "http://", "https://", "<link"}}.Run(t, s)
	if got := res.Header.Get("Content-Disposition"); got != `attachment; filename="run-1.html"` {
		t.Errorf("Content-Disposition = %q", got)
	}
	if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "style-src 'sha256-") || strings.Contains(policy, "script-src") {
		t.Errorf("policy = %q, want one style by digest and no script", policy)
	}
	if strings.Contains(body, "ZgotmplZ") {
		t.Error("the report's template refused a value")
	}
}

// finish plays the event to its end in the stand-in's time.
func finish(t *testing.T, s *webtest.Site) {
	t.Helper()
	webtest.Case{Method: "POST", Path: "/api/lab/spike", Session: true, Status: http.StatusOK}.Run(t, s)
	for range 610 {
		s.Lab.Step()
	}
}

func TestEveryRouteOfTheAPIIsDocumented(t *testing.T) {
	s := webtest.Serve(t, nil)
	page := words(parse(t, s.Open(t, "/api")))
	for _, c := range changes() {
		path := c.Path
		for _, p := range []string{"patterns/", "faults/", "instances/"} {
			if at := strings.Index(path, p); at > 0 {
				path = path[:at+len(p)] + "{name}"
			}
		}
		if !strings.Contains(page, c.Method+" "+path) {
			t.Errorf("/api does not list %s %s", c.Method, path)
		}
	}
	for _, path := range []string{"/api/lab", "/api/lab/stream", "/api/runs", "/api/runs/{id}", "/metrics", "/healthz", "/readyz"} {
		if !strings.Contains(page, "GET "+path+" ") {
			t.Errorf("/api does not list GET %s", path)
		}
	}
}

// starting is a lab that runs nothing yet.
type starting struct{ *webtest.Lab }

func (starting) State() live.State { return live.State{Phase: "starting"} }

func TestReadiness(t *testing.T) {
	s := webtest.Serve(t, nil)
	webtest.Case{Path: "/readyz", Status: http.StatusOK}.Run(t, s)
	webtest.Case{Path: "/metrics", Status: http.StatusOK, Want: []string{"workbench_lab_version 1\n"}}.Run(t, s)
	s = webtest.Serve(t, func(c *web.Config) { c.Lab = starting{webtest.New()} })
	webtest.Case{Path: "/readyz", Status: http.StatusServiceUnavailable}.Run(t, s)
	webtest.Case{Path: "/healthz", Status: http.StatusOK}.Run(t, s)
	webtest.Case{Path: "/lab", Status: http.StatusOK}.Run(t, s)
}
