package web_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/interview"
	"workbench/exercises/progress"
	"workbench/exercises/shelf"
	"workbench/lab/catalog"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/web"
	"workbench/web/view"
	"workbench/web/webtest"
)

func diary(t *testing.T) (*webtest.Site, *progress.Progress) {
	t.Helper()
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return webtest.Serve(t, func(c *web.Config) { c.Progress = &web.Progress{Patterns: catalog.Patterns(), Keeper: p} }), p
}

// A cell is filled by what was done, and what comes next is what is missing, in
// the order in which things are learnt.
func TestProgressOf(t *testing.T) {
	specs, err := scenario.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	queue := view.Record{
		Patterns:  catalog.Patterns(),
		Specs:     specs,
		Exercises: []shelf.Exercise{{Slug: "gate", Title: "A gate", Pattern: "concurrency", Minutes: 30}},
		Questions: []interview.Question{{ID: "q", Text: "Why?", Links: interview.Links{Exercise: "gate"}}},
	}
	row := func(v view.Progress, pattern string) view.ProgressRow {
		for _, r := range v.Rows {
			if r.Pattern == pattern {
				return r
			}
		}
		t.Fatalf("no row for %s", pattern)
		return view.ProgressRow{}
	}
	monday := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	queue.Runs = []live.RunSummary{
		{ID: 3, At: monday.AddDate(0, 0, 6), Scenario: "fail-fast-that-is-not", Prediction: "right", On: []string{"concurrency", "queue"}},
		{ID: 2, At: monday, Scenario: "fail-fast-that-is-not", Prediction: "wrong"},
		{ID: 1, At: monday.AddDate(0, 0, -1), Scenario: "stampede", Prediction: "right"},
	}
	v := view.ProgressOf(queue)
	if got := row(v, "concurrency"); got.Predicted != "1 of 2 right" || got.Operated != "1 run" || got.Built != "" || got.Explained != "" {
		t.Errorf("concurrency: %+v", got)
	}
	if got := row(v, "queue"); got.Operated != "1 run" {
		t.Errorf("queue: %+v", got)
	}
	if v.Predictions != "2 of 3 right" || len(v.Calibration) != 2 || v.Calibration[0].Right != "1 of 1" || v.Calibration[1].Week != "23 Nov 2026" || v.Calibration[1].Right != "1 of 2" {
		t.Errorf("predictions %q, by week %+v", v.Predictions, v.Calibration)
	}
	queue.Standings = map[string]progress.Standing{"gate": {Slug: "gate", Passed: true}}
	queue.Bests = map[string]progress.Best{"q": {Total: 61, Answers: 1}}
	queue.Due = 2
	v = view.ProgressOf(queue)
	if got := row(v, "concurrency"); got.Built != "1 exercise" || got.Explained != "1 question" {
		t.Errorf("concurrency, built and explained: %+v", got)
	}
	if len(v.Next) != 3 || v.Next[0].Title != "2 cards to recall" || !strings.HasPrefix(v.Next[1].Title, "Predict: ") {
		t.Errorf("next: %+v", v.Next)
	}
	queue.Bests["q"] = progress.Best{Total: 59, Answers: 1}
	if got := row(view.ProgressOf(queue), "concurrency"); got.Explained != "" {
		t.Errorf("59 points explain: %+v", got)
	}
}

func TestProgressIsOneFileToTakeAlong(t *testing.T) {
	s, p := diary(t)
	if _, err := p.AddAttempt(t.Context(), attempt.Attempt{Slug: "gate", At: time.UnixMilli(1), State: attempt.Done}); err != nil {
		t.Fatal(err)
	}
	res, kept := webtest.Case{Path: "/progress/export", Status: http.StatusOK, Want: []string{"traffic-workbench-progress", `"gate"`}}.Run(t, s)
	if got := res.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Errorf("Content-Disposition = %q", got)
	}
	if res := post(t, s, "/progress/forget", url.Values{}); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("deleting without being sure: %d, want 422", res.StatusCode)
	}
	if res := post(t, s, "/progress/forget", url.Values{"sure": {"yes"}}); res.StatusCode != http.StatusSeeOther {
		t.Errorf("deleting: %d, want 303", res.StatusCode)
	}
	if got, err := p.Attempts(t.Context(), ""); err != nil || len(got) != 0 {
		t.Errorf("after deleting there are %d attempts, %v", len(got), err)
	}
	for text, status := range map[string]int{"a shopping list": 422, kept: http.StatusSeeOther} {
		if got := upload(t, s, text); got != status {
			t.Errorf("importing %.20q: %d, want %d", text, got, status)
		}
	}
	if got, err := p.Attempts(t.Context(), ""); err != nil || len(got) != 1 {
		t.Errorf("after importing there are %d attempts, %v, want 1", len(got), err)
	}
	if text := s.Open(t, "/progress"); !strings.Contains(text, `data-pattern="breaker"`) {
		t.Error("the page has no row for the breaker")
	}
}

// upload sends an export as the page's form does.
func upload(t *testing.T, s *webtest.Site, text string) int {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, err := m.CreateFormFile("file", "export.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	s.Open(t, "/about")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/progress/import", &b)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", m.FormDataContentType())
	client := *s.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
