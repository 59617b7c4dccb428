package web_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"workbench/exercises/interview"
	"workbench/exercises/progress"
	"workbench/lab/trial"
	"workbench/lab/trial/runner"
	"workbench/web"
	"workbench/web/webtest"
)

// A result of an earlier process is shown on the trial's page, and an answer can
// cite it: its figure bears out the sentence that names it.
func TestKeptTrialIsCited(t *testing.T) {
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	result := trial.Result{
		Component: "SQLite", Columns: []trial.Column{{Title: "rows"}}, Rows: [][]string{{"1"}},
		Claims: []trial.Claim{trial.AtLeast("how many times as fast as OFFSET", 1342, 500, "×")},
	}
	run := runner.Run{Subject: "trial/pages", Title: "Pages", State: runner.Done, Parts: []string{runner.Yours}, Outcomes: []runner.Outcome{{Part: runner.Yours, Won: true, Result: &result}}}
	if _, err := p.KeepTrial(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	catalog, err := interview.Load()
	if err != nil {
		t.Fatal(err)
	}
	env := runner.Bare()
	r, err := runner.New(runner.Config{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	s := webtest.Serve(t, func(c *web.Config) {
		c.Lab = played{c.Lab}
		c.Rehearse = &web.Rehearse{Catalog: catalog, Keeper: p}
		c.Trials = &web.Trials{All: benchTrials(nil), Runner: r, Env: env, Keeper: p}
	})
	for path, want := range map[string]string{
		"/trials":                 "Every claim holds with your settings.",
		"/trials/pages":           "1,342 ×",
		"/trials/kept/1":          "1,342 ×",
		"/rehearse/retries-worse": "trial #1 Pages: Every claim holds",
	} {
		if !strings.Contains(s.Open(t, path), want) {
			t.Errorf("%s lacks %q", path, want)
		}
	}
	webtest.Case{Path: "/trials/kept/9", Status: http.StatusNotFound}.Run(t, s)
	res := post(t, s, "/rehearse/retries-worse", url.Values{"text": {"We paged by keyset. It was 1342 times as fast as OFFSET."}, "trial": {"1"}})
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("the answer gives %d, want 303", res.StatusCode)
	}
	shown := s.Open(t, res.Header.Get("Location"))
	for _, want := range []string{"borne out by trial #1, how many times as fast as OFFSET (yours): 1,342 ×", `href="/trials/kept/1"`} {
		if !strings.Contains(shown, want) {
			t.Errorf("the answer's page lacks %q", want)
		}
	}
	for _, bad := range []string{"9", "x"} {
		if res := post(t, s, "/rehearse/retries-worse", url.Values{"text": {"Something."}, "trial": {bad}}); res.StatusCode < 400 || res.StatusCode > 499 {
			t.Errorf("citing trial %q gives %d, want a refusal", bad, res.StatusCode)
		}
	}
}
