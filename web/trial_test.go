package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"workbench/docs/guide"
	"workbench/lab/catalog"
	"workbench/lab/trial"
	"workbench/lab/trial/runner"
	"workbench/web"
	"workbench/web/webtest"
)

type benchKnobs struct {
	Way  string `knob:"way" options:"good,bad" help:"how"`
	Rows int    `knob:"rows" min:"1" max:"100" help:"rows"`
	Safe bool   `knob:"safe" help:"whether to be careful"`
}

// benchTrials is a trial that ends when go is closed, and one that needs a
// server that is not here.
func benchTrials(goOn chan struct{}) []trial.Trial {
	run := func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
		k := knobs.(*benchKnobs)
		tell(trial.Step{Text: "makes <rows>", Done: 1000, Total: 2000})
		select {
		case <-goOn:
		case <-ctx.Done():
			return trial.Result{}, ctx.Err()
		}
		bad := 0
		if k.Way == "bad" {
			bad = 7
		}
		return trial.Result{
			Component: "a bench", Columns: []trial.Column{{Title: "what"}, {Title: "count"}}, Rows: [][]string{{"rows", trial.Count(k.Rows)}},
			Claims: []trial.Claim{trial.Exactly("posts <lost>", bad, 0)}, Notes: []trial.Note{{Title: "Plan", Text: "SCAN <posts>"}},
		}, nil
	}
	return []trial.Trial{
		{
			Name: "pages", Title: "Pages", Chapter: 5, Question: "How many?", Lesson: "None is lost.", Run: run,
			Knobs: func() any { return &benchKnobs{Way: "good", Rows: 10, Safe: true} },
			Wrong: map[string]any{"way": "bad"}, Right: map[string]any{"way": "good"},
		},
		{Name: "replicas", Title: "Replicas", Chapter: 5, Question: "How old?", Lesson: "Old.", Needs: "--postgres", Run: run, Knobs: func() any { return &benchKnobs{Way: "good", Rows: 10} }},
	}
}

// testBench serves a site with two trials, and the guide.
func testBench(t *testing.T) (*webtest.Site, chan struct{}, *runner.Runner) {
	t.Helper()
	goOn := make(chan struct{})
	env := runner.Bare()
	env.Dir = t.TempDir()
	r, err := runner.New(runner.Config{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // always nil
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Serve(t, func(c *web.Config) {
		c.Trials = &web.Trials{All: benchTrials(goOn), Runner: r, Env: env}
		c.Guide = &web.Guide{Book: book, Patterns: catalog.Patterns()}
	}), goOn, r
}

func runOf(t *testing.T, body string) runner.Run {
	t.Helper()
	var run runner.Run
	if err := json.Unmarshal([]byte(body), &run); err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	return run
}

// await waits for the end of a run.
func await(t *testing.T, r *runner.Runner, id uint64) runner.Run {
	t.Helper()
	states, err := r.Watch(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var last runner.Run
	for last = range states {
	}
	return last
}

// begun waits until a run is at its work.
func begun(t *testing.T, r *runner.Runner, id uint64) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	states, err := r.Watch(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for now := range states {
		if now.Step.Text != "" {
			return
		}
	}
	t.Fatalf("run %d ended before it was at its work", id)
}

func TestTrialFromTheAPI(t *testing.T) {
	s, goOn, r := testBench(t)
	res, body := webtest.Case{Method: "POST", Path: "/api/trials/pages", Body: `{"settings":{"rows":7},"guess":"two"}`, Session: true, Status: http.StatusAccepted, Want: []string{`"state":"running"`}}.Run(t, s)
	run := runOf(t, body)
	if got := res.Header.Get("Location"); got != "/api/trials/runs/1" || run.ID != 1 {
		t.Errorf("Location %q for run %d, want /api/trials/runs/1", got, run.ID)
	}
	webtest.Case{Method: "POST", Path: "/api/trials/pages", Session: true, Status: http.StatusConflict, Want: []string{"one trial runs at a time"}}.Run(t, s)
	close(goOn)
	await(t, r, run.ID)
	_, body = webtest.Case{Path: "/api/trials/runs/1", Status: http.StatusOK}.Run(t, s)
	run = runOf(t, body)
	if run.State != runner.Done || len(run.Outcomes) != 2 || run.Outcomes[0].Won || !run.Outcomes[1].Won || run.Outcomes[1].Settings["rows"] != "7" {
		t.Errorf("run %+v, want lost, then won, with 7 rows", run)
	}
	stream, err := s.Client.Get(s.URL + "/api/trials/runs/1/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	line, err := bufio.NewReader(stream.Body).ReadString('\n')
	if err != nil || line != "event: run\n" {
		t.Errorf("the stream of a finished run begins %q, %v; want its last state", line, err)
	}
}

func TestTrialsRefuse(t *testing.T) {
	s, _, _ := testBench(t)
	for _, c := range []webtest.Case{
		{Name: "no session", Path: "/api/trials/pages", Status: http.StatusUnauthorized},
		{Name: "unknown", Path: "/api/trials/none", Session: true, Status: http.StatusNotFound, Want: []string{"none"}},
		{Name: "wrong knobs", Path: "/api/trials/pages", Body: `{"settings":{"rows":0,"colour":"red"}}`, Session: true, Status: http.StatusUnprocessableEntity, Want: []string{"rows", "colour"}},
		{Name: "wrong part", Path: "/api/trials/pages", Body: `{"parts":["left"],"seed":99999999999}`, Session: true, Status: http.StatusUnprocessableEntity, Want: []string{"left", "seed"}},
		{Name: "too many parts", Path: "/api/trials/pages", Body: `{"parts":["wrong","wrong","wrong","wrong"]}`, Session: true, Status: http.StatusUnprocessableEntity, Want: []string{"at most 3"}},
		{Name: "no wrong way", Path: "/api/trials/replicas", Body: `{"parts":["wrong"]}`, Session: true, Status: http.StatusUnprocessableEntity, Want: []string{"some of yours"}},
		{Name: "a long guess", Path: "/api/trials/pages", Body: `{"guess":"` + strings.Repeat("é", 81) + `"}`, Session: true, Status: http.StatusUnprocessableEntity, Want: []string{"81 characters"}},
		{Name: "not JSON", Path: "/api/trials/pages", Body: `{"parts":`, Session: true, Status: http.StatusBadRequest},
		{Name: "no such program", Path: "/api/guide/databases/none", Session: true, Status: http.StatusNotFound},
		{Name: "a scenario is no program", Path: "/api/guide/backpressure/fail-fast", Session: true, Status: http.StatusNotFound},
	} {
		t.Run(c.Name, func(t *testing.T) {
			c.Method = "POST"
			c.Run(t, s)
		})
	}
	webtest.Case{Path: "/api/trials/runs/9", Status: http.StatusNotFound}.Run(t, s)
	webtest.Case{Path: "/api/trials/runs/x", Status: http.StatusNotFound}.Run(t, s)
	webtest.Case{Method: "DELETE", Path: "/api/trials/runs/9", Session: true, Status: http.StatusNotFound}.Run(t, s)
}

// sent posts a form as a browser does, and returns where it leads.
func sent(t *testing.T, s *webtest.Site, path string, form url.Values) string {
	t.Helper()
	_, _ = webtest.Case{Path: "/about", Status: http.StatusOK}.Run(t, s)
	res, _ := webtest.Case{Method: "POST", Path: path, Body: form.Encode(), Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, Session: true, Status: http.StatusSeeOther}.Run(t, s)
	return res.Header.Get("Location")
}

// A wrong setting comes back with all that was typed, and stands at its field;
// so does an order that comes while another trial runs.
func TestAWrongTrialComesBack(t *testing.T) {
	s, goOn, r := testBench(t)
	typed := url.Values{"guess": {"two"}, "seed": {"12"}, "knob-rows": {"0"}, "knob-way": {"bad"}, "run": {"yours"}}
	doc := parse(t, refused(t, s, "/trials/pages", typed, 422, "<details open"))
	for name, want := range map[string]string{"guess": "two", "seed": "12", "knob-rows": "0"} {
		if got := attr(one(t, doc, "input[name="+name+"]"), "value"); got != want {
			t.Errorf("%s is %q, want it as typed: %q", name, got, want)
		}
	}
	if in := one(t, doc, "input[name=knob-safe]"); has(in, "checked") {
		t.Error("a switch that was not ticked comes back ticked")
	}
	in := one(t, doc, "input[name=knob-rows]")
	if id := attr(in, "id") + "-fault"; attr(in, "aria-invalid") != "true" || !strings.Contains(words(one(t, doc, "[id="+id+"]")), "Give ") || !strings.Contains(attr(in, "aria-describedby"), id) {
		t.Error("the wrong setting is not marked, or nothing says why")
	}
	typed.Set("seed", "many")
	if got := words(one(t, parse(t, refused(t, s, "/trials/pages", typed, 422)), "[id=fault-seed]")); !strings.Contains(got, "a whole number up to") {
		t.Errorf("at the seed stands %q", got)
	}
	sent(t, s, "/trials/pages", url.Values{"knob-rows": {"7"}, "run": {"yours"}})
	begun(t, r, 1)
	typed.Set("seed", "12")
	typed.Set("knob-rows", "8")
	busy := refused(t, s, "/trials/pages", typed, 409, "one trial runs at a time", `value="8"`)
	if strings.Contains(busy, `http-equiv="refresh"`) {
		t.Error("the page asks again by itself, and loses what was typed")
	}
	close(goOn)
	await(t, r, 1)
}

// Everything works without scripts: a form, a page that asks again, a result.
func TestTrialWithoutScripts(t *testing.T) {
	s, goOn, r := testBench(t)
	list := s.Open(t, "/trials")
	if n := len(all(parse(t, list), "li[data-trial]")); n != 2 || !strings.Contains(list, "needs --postgres, which is not here") {
		t.Errorf("%d trials listed, want 2, one of which needs a server: %.300s", n, list)
	}
	if got := sent(t, s, "/trials/pages", url.Values{"guess": {"two <b>"}, "knob-rows": {"7"}, "knob-way": {"bad"}, "run": {"yours"}}); got != "/trials/pages#run" {
		t.Errorf("the form leads to %q", got)
	}
	begun(t, r, 1)
	running := s.Open(t, "/trials/pages")
	for _, want := range []string{`<noscript><meta http-equiv="refresh" content="2"`, "Your settings: makes &lt;rows&gt;, 1,000 of 2,000", "Your guess was “two &lt;b&gt;”"} {
		if !strings.Contains(running, want) {
			t.Errorf("the page of a run under way lacks %q", want)
		}
	}
	if strings.Contains(running, "None is lost.") {
		t.Error("the lesson stands there before the run has ended")
	}
	if !strings.Contains(s.Open(t, "/trials"), "Running now") {
		t.Error("the list does not say that one runs")
	}
	close(goOn)
	if run := await(t, r, 1); run.Outcomes[0].Settings["safe"] != "false" {
		t.Errorf("settings %v, want safe false: it was not ticked", run.Outcomes[0].Settings)
	}
	done := s.Open(t, "/trials/pages")
	for _, want := range []string{"Not every claim holds with your settings.", "SCAN &lt;posts&gt;", "posts &lt;lost&gt;: 0", "None is lost.", `value="7"`} {
		if !strings.Contains(done, want) {
			t.Errorf("the page of a finished run lacks %q", want)
		}
	}
	if strings.Contains(done, "refresh") {
		t.Error("the page of a finished run asks again")
	}
}

func TestTrialIsStopped(t *testing.T) {
	s, _, r := testBench(t)
	sent(t, s, "/trials/pages", url.Values{"run": {"both"}, "knob-safe": {"true"}})
	if got := sent(t, s, "/trials/runs/1/stop", nil); got != "/trials/pages#run" {
		t.Errorf("stopping leads to %q", got)
	}
	if run := await(t, r, 1); run.State != runner.Stopped {
		t.Errorf("the run is %s, want stopped", run.State)
	}
	webtest.Case{Path: "/trials/runs/1", Status: http.StatusOK, Want: []string{"Stopped."}}.Run(t, s)
}

// Each of the guide's programs can be run from its chapter, and its fresh
// figures stand beside the kept ones.
func TestGuideProgramsRun(t *testing.T) {
	s, _, r := testBench(t)
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	programs := 0
	for _, c := range book.Chapters {
		doc := parse(t, s.Open(t, "/guide/"+c.Slug))
		for _, e := range c.Experiments() {
			if e.Program != "" {
				programs++
				one(t, doc, "form[action=/guide/"+c.Slug+"/"+e.ID+"]")
			}
		}
	}
	if bench := one(t, parse(t, s.Open(t, "/guide/databases")), "section[id=trials]"); len(all(bench, "a")) != 2 {
		t.Errorf("the chapter on databases names %q, want both of its trials", words(bench))
	}
	if programs < 30 {
		t.Errorf("%d programs, want all of the guide's", programs)
	}
	curve := parse(t, s.Open(t, "/guide/mental-model"))
	pool := words(one(t, curve, "section[aria-labelledby=x-mental-model.pooling]"))
	if !strings.Contains(pool, "Worked out from C(c, 0.8c)") || strings.Contains(pool, "What was measured") || strings.Contains(pool, "drift") {
		t.Errorf("the formula's section says %q, want that it is worked out, and no drift", pool)
	}
	var order []string
	for _, row := range all(one(t, curve, "section[aria-labelledby=x-mental-model.pooling]"), "tr[data-figure]") {
		order = append(order, strings.Fields(words(row))[0])
	}
	if got := strings.Join(order, " "); got != "one two four ten twenty" && got != "one two ten twenty" && got != "one four ten twenty" {
		t.Errorf("the rows are %q, want them in the order of the servers", got)
	}
	if measured := words(one(t, curve, "section[aria-labelledby=x-mental-model.omission]")); !strings.Contains(measured, "What was measured") || !strings.Contains(measured, "drift") {
		t.Errorf("a measured section says %q, want what was measured and its drift", measured)
	}
	place := sent(t, s, "/guide/caching/convoy", url.Values{"guess": {"100"}})
	run := await(t, r, 1)
	if place != "/trials/runs/1#run" || run.State != runner.Done || len(run.Outcomes[0].Result.Rows) != 3 || !run.Outcomes[0].Won {
		t.Errorf("%q, run %+v, want its three figures as they were kept", place, run)
	}
	webtest.Case{Path: "/trials/runs/1", Status: http.StatusOK, Want: []string{"Every figure is as it was kept.", "Back to the chapter", "Your guess was “100”"}}.Run(t, s)
	sent(t, s, "/guide/mental-model/hockey", url.Values{"guess": {"20"}})
	if worked := await(t, r, 2); len(worked.Outcomes) != 1 || len(worked.Outcomes[0].Result.Columns) != 3 || worked.Outcomes[0].Result.Rows[0][0] != "busy50" {
		t.Errorf("run %+v, want figures that are worked out, without drift", worked)
	}
	webtest.Case{Path: "/trials/runs/2", Status: http.StatusOK, Want: []string{"Worked out just now", "worked out from 1/(1-ρ), not measured"}, Not: []string{"Measured just now"}}.Run(t, s)
}
