package web_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/interview/card"
	"workbench/exercises/progress"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/web"
	"workbench/web/webtest"
)

// kept is a lab whose runs are those of a learner's file.
type kept struct {
	web.Lab
	file *progress.Progress
}

func (k kept) Runs(ctx context.Context) ([]live.RunSummary, error) { return k.file.Runs(ctx) }

func (k kept) Run(ctx context.Context, id uint64) (scenario.Report, error) {
	return k.file.Run(ctx, id)
}

// damaged serves a site whose learner's file has rows that cannot be read, each
// beside a sound one.
func damaged(t *testing.T) *webtest.Site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "progress.db")
	p, err := progress.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	state, err := json.Marshal(card.Card{ID: "mistake/x", Kind: card.Mistake, Prompt: "What is a mistake?"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, fault := p.AddAttempt(t.Context(), attempt.Attempt{Slug: "token-bucket", At: time.UnixMilli(1), State: attempt.Done})
		if err := errors.Join(fault, p.Keep(t.Context(), live.RunSummary{Scenario: "metastable", Title: "A sound run", At: time.UnixMilli(1)}, scenario.Report{Scenario: "metastable"})); err != nil {
			t.Fatal(err)
		}
	}
	_, fault := p.SetDraft(t.Context(), "token-bucket", map[string]string{}, 0, time.UnixMilli(1))
	if err := errors.Join(fault, p.SetCard(t.Context(), progress.Card{ID: "mistake/x", State: state}), p.SetCard(t.Context(), progress.Card{ID: "torn", State: state})); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`UPDATE run SET summary = 'torn' WHERE id = 1; UPDATE run SET report = 'torn' WHERE id = 2; UPDATE attempt SET files = 'torn' WHERE id = 1;
		UPDATE card SET state = 'torn' WHERE id = 'torn'; UPDATE draft SET files = 'torn'`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return rooms(t, p, judge(nil), func(l web.Lab) web.Lab { return kept{l, p} })
}

// A row that cannot be read takes no page with it: it is left out and said, and
// there is a way out in the browser.
func TestAFileWithBadRowsHasAWayOut(t *testing.T) {
	s := damaged(t)
	for _, path := range []string{"/", "/lab", "/rehearse", "/tracks", "/exercises", "/exercises/token-bucket", "/rehearse/retries-worse", "/guide", "/trials", "/api/runs", "/progress/export"} {
		s.Open(t, path)
	}
	if text := words(one(t, parse(t, s.Open(t, "/runs")), "[data-unread]")); !strings.HasPrefix(text, "2 runs cannot be read and are left out here.") {
		t.Errorf("the list of runs says %q", text)
	}
	webtest.Case{Path: "/api/runs/2", Status: http.StatusGone, Want: []string{"table run, row 2, column report", "/progress says what can be done"}}.Run(t, s)
	doc := parse(t, s.Open(t, "/progress"))
	box := words(one(t, doc, "[id=unread]"))
	for _, want := range []string{"1 attempt, 1 card, 1 draft, 2 runs cannot be read", "table run, row 1, column summary", `table card, row "torn", column state`, "Delete what cannot be read"} {
		if !strings.Contains(box, want) {
			t.Errorf("the progress page says %q, want %q in it", box, want)
		}
	}
	if res := post(t, s, "/progress/mend", url.Values{}); res.StatusCode != http.StatusSeeOther {
		t.Errorf("mending: %d, want 303", res.StatusCode)
	}
	if text := s.Open(t, "/progress"); strings.Contains(text, `id="unread"`) {
		t.Error("after mending the page still says that something cannot be read")
	}
	if text := s.Open(t, "/runs"); strings.Contains(text, "data-unread") || strings.Count(text, "A sound run") != 1 {
		t.Error("after mending the sound run is not all there is")
	}
}

// What cannot be read later is refused, in words that say where it lies, and
// all pages are as they were.
func TestImportOfABadRowIsRefused(t *testing.T) {
	s := everything(t)
	const bad = `{"kind":"traffic-workbench-progress","format":1,"tables":{"run":[[7,1,"metastable","torn","{}"]]}}`
	if got := upload(t, s, bad); got != http.StatusUnprocessableEntity {
		t.Errorf("importing a run that cannot be read: %d, want 422", got)
	}
	for _, path := range []string{"/progress", "/rehearse", "/runs", "/lab", "/tracks"} {
		s.Open(t, path)
	}
}

// While an answer is graded its file is not replaced under it.
func TestImportAndDeletingWaitForVerdicts(t *testing.T) {
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	next := make(chan struct{})
	s := rooms(t, p, judge(next), func(l web.Lab) web.Lab { return kept{l, p} })
	_, export := webtest.Case{Path: "/progress/export", Status: http.StatusOK}.Run(t, s)
	files := map[string]string{}
	doc := parse(t, s.Open(t, "/exercises/token-bucket"))
	for _, area := range all(doc, "[data-text]") {
		files[attr(area, "data-text")] = "package bucket"
	}
	body, err := json.Marshal(map[string]any{"files": files})
	if err != nil {
		t.Fatal(err)
	}
	webtest.Case{Method: "POST", Path: "/api/exercises/token-bucket/attempts", Body: string(body), Session: true, Status: http.StatusAccepted}.Run(t, s)
	if got := upload(t, s, export); got != http.StatusConflict {
		t.Errorf("importing while an answer is graded: %d, want 409", got)
	}
	webtest.Case{Method: "POST", Path: "/progress/forget", Body: "sure=yes", Session: true, Status: http.StatusConflict, Want: []string{"an answer is being checked: wait for its verdict, then try again"},
		Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}.Run(t, s)
	if got, err := p.Attempts(t.Context(), ""); err != nil || len(got) != 1 {
		t.Errorf("%d attempts, %v, want the one that is graded", len(got), err)
	}
	next <- struct{}{}
	stream, err := s.Client.Get(s.URL + "/api/attempts/1/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	if _, err := io.Copy(io.Discard, stream.Body); err != nil { // until the verdict
		t.Fatal(err)
	}
	if got := upload(t, s, export); got != http.StatusSeeOther {
		t.Errorf("importing after the verdict: %d, want 303", got)
	}
	if got, err := p.Attempts(t.Context(), ""); err != nil || len(got) != 0 {
		t.Errorf("%d attempts, %v, want none as in the export", len(got), err)
	}
}

// A page that finds its draft changed elsewhere can read the other text.
func TestDraftCanBeRead(t *testing.T) {
	s, _ := desks(t, 1, nil)
	webtest.Case{Path: "/api/exercises/gate/draft", Status: http.StatusOK, Want: []string{`{"files":null,"version":0}`}}.Run(t, s)
	webtest.Case{Method: "PUT", Path: "/api/exercises/gate/draft", Body: `{"files":{"gate.go":"mine"},"version":0}`, Session: true, Status: http.StatusOK}.Run(t, s)
	webtest.Case{Method: "PUT", Path: "/api/exercises/gate/draft", Body: `{"files":{"gate.go":"other"},"version":0}`, Session: true, Status: http.StatusConflict}.Run(t, s)
	webtest.Case{Path: "/api/exercises/gate/draft", Status: http.StatusOK, Want: []string{`{"files":{"gate.go":"mine"},"version":1}`}}.Run(t, s)
	webtest.Case{Path: "/api/exercises/none/draft", Status: http.StatusNotFound}.Run(t, s)
}
