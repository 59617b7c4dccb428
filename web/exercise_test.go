package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/progress"
	"workbench/exercises/shelf"
	"workbench/sim/clock"
	"workbench/web"
	"workbench/web/webtest"
)

// bookcase holds one small exercise.
func bookcase(t *testing.T) *shelf.Shelf {
	t.Helper()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	s, err := shelf.Open(fstest.MapFS{
		"01-gate/exercise.json": file(`{"slug":"gate","title":"A gate","order":1,"difficulty":2,"minutes":15,"tracks":["login"],"chapter":3,"pattern":"concurrency","plug":{"pattern":"concurrency"},"package":"gate",
			"files":["gate.go"],"allow_imports":["sync"],"levels":["blank"],"checks":{"race":true,"leaks":true,"runs":2},"limits":{"build_s":60,"run_s":20,"mem_mb":512},
			"tasks":[{"id":"enter","title":"Let in so many","tests":["TestEnter"],"points":50,"kind":"correctness","hints":["look at the count","count under a lock","lock, compare, add"]}],"right":["right/a"]}`),
		"01-gate/README.md":          file("# A gate\n\nThe *story*. <script>bad()</script>\n\n## Contract\n\n- it lets in so many\n"),
		"01-gate/start/gate.go":      file("package gate // start\n"),
		"01-gate/bug/gate.go":        file("package gate // bug\n"),
		"01-gate/right/a/gate.go":    file("package gate // right\n"),
		"01-gate/tests/gate_test.go": file("//go:build exercise\n\npackage gate_test\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// judge accepts what says "right", as soon as it is told to.
func judge(go_ <-chan struct{}) attempt.Grader {
	return func(ctx context.Context, _ string, files map[string]string, doing func(string)) (json.RawMessage, bool, error) {
		doing("runs the tests")
		select {
		case <-go_:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
		if strings.Contains(files["gate.go"], "right") {
			return json.RawMessage(`{"accepted":true,"score":97}`), true, nil
		}
		return json.RawMessage(`{"accepted":false,"score":20,"state":"fail"}`), false, nil
	}
}

// desks serves a site with exercises; each value sent lets one attempt end.
func desks(t *testing.T, length int, change func(*web.Exercises)) (*webtest.Site, chan<- struct{}) {
	t.Helper()
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	next := make(chan struct{})
	q, err := attempt.New(t.Context(), attempt.Config{Store: p, Grade: judge(next), Length: length, Clock: clock.NewWall(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	x := &web.Exercises{Shelf: bookcase(t), Queue: q, Keeper: p, Sandbox: "Answers run in a sandbox."}
	if change != nil {
		change(x)
	}
	return webtest.Serve(t, func(c *web.Config) { c.Exercises = x }), next
}

const right = `{"files":{"gate.go":"package gate // right"}}`

func TestExercisePages(t *testing.T) {
	s, _ := desks(t, 4, nil)
	list := parse(t, s.Open(t, "/exercises"))
	card := one(t, list, "[data-exercise=gate]")
	if got := words(card); attr(card, "data-state") != "new" || !strings.Contains(got, "A gate") || !strings.Contains(got, "15 min") || !strings.Contains(got, "login") {
		t.Errorf("the card reads %q, state %q", got, attr(card, "data-state"))
	}
	text := s.Open(t, "/exercises/gate")
	doc := parse(t, text)
	if strings.Contains(text, "<script>bad") {
		t.Error("a script of the brief is on the page")
	}
	if got := words(one(t, doc, "[data-text=gate.go]")); got != "package gate // start" {
		t.Errorf("the editor begins with %q, want the start", got)
	}
	if got := len(all(one(t, doc, "[data-level]"), "option")); got != 2 {
		t.Errorf("%d beginnings, want the blank file and the bug", got)
	}
	for _, want := range []string{"The <em>story</em>", "bin/workbench check gate --watch", "Answers run in a sandbox.", "package gate_test"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, "// right") {
		t.Error("the page gives the answer away")
	}
	webtest.Case{Path: "/exercises/none", Header: map[string]string{"Accept": "text/html"}, Status: http.StatusNotFound, Want: []string{"such exercise"}}.Run(t, s)
	webtest.Case{Path: "/api/exercises", Status: http.StatusOK, Want: []string{`"slug":"gate"`, `"passed":false`, `"attempts":0`}}.Run(t, s)
}

func TestAttempt(t *testing.T) {
	s, next := desks(t, 4, nil)
	res, body := webtest.Case{Method: "POST", Path: "/api/exercises/gate/attempts", Body: right, Session: true, Status: http.StatusAccepted, Want: []string{`"state":"queued"`}}.Run(t, s)
	at := res.Header.Get("Location")
	if at != "/api/attempts/1" {
		t.Fatalf("Location = %q, body %s", at, body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+at+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	go func() { next <- struct{}{} }()
	var last string
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			last = data
		}
	}
	if last != `{"state":"done"}` {
		t.Errorf("the stream ends with %q, want done", last)
	}
	webtest.Case{Path: at, Status: http.StatusOK, Want: []string{`"state":"done"`, `"passed":true`, `"score":97`}}.Run(t, s)
	webtest.Case{Path: "/api/exercises/gate/answer", Status: http.StatusOK, Want: []string{"// right"}}.Run(t, s)
	if card := one(t, parse(t, s.Open(t, "/exercises")), "[data-exercise=gate]"); attr(card, "data-state") != "passed" {
		t.Errorf("after a pass the card is %q", attr(card, "data-state"))
	}
}

func TestAnswersOpenAfterThreeHonestTries(t *testing.T) {
	s, next := desks(t, 4, nil)
	answer := webtest.Case{Path: "/api/exercises/gate/answer", Status: http.StatusForbidden, Want: []string{"after three attempts"}}
	for range 3 {
		answer.Run(t, s)
		webtest.Case{Method: "POST", Path: "/api/exercises/gate/attempts", Body: `{"files":{"gate.go":"package gate"}}`, Session: true, Status: http.StatusAccepted}.Run(t, s)
		next <- struct{}{}
	}
	answer.Status, answer.Want = http.StatusOK, []string{"// right"}
	answer.Run(t, s)
}

func TestFullQueueIsRefusedAsWeTeach(t *testing.T) {
	s, _ := desks(t, 1, nil)
	full := false
	for range 3 { // one is graded, one waits
		res := submit(t, s, right)
		if res.StatusCode == http.StatusTooManyRequests {
			full = true
			if after := res.Header.Get("Retry-After"); after == "" || after == "0" {
				t.Errorf("Retry-After = %q, want seconds", after)
			}
		}
	}
	if !full {
		t.Error("three attempts were taken by a queue of one")
	}
}

func submit(t *testing.T, s *webtest.Site, body string) *http.Response {
	t.Helper()
	s.Open(t, "/about")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/exercises/gate/attempts", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res
}

func TestDraftsAndHints(t *testing.T) {
	s, _ := desks(t, 4, nil)
	draft := func(version, status int, want string) {
		t.Helper()
		webtest.Case{Method: "PUT", Path: "/api/exercises/gate/draft", Body: fmt.Sprintf(`{"files":{"gate.go":"package gate // v%d"},"version":%d}`, version+1, version), Session: true, Status: status, Want: []string{want}}.Run(t, s)
	}
	draft(0, http.StatusOK, `"version":1`)
	draft(1, http.StatusOK, `"version":2`)
	draft(1, http.StatusConflict, "changed elsewhere")
	if got := words(one(t, parse(t, s.Open(t, "/exercises/gate")), "[data-text=gate.go]")); got != "package gate // v2" {
		t.Errorf("the editor shows %q, want the draft", got)
	}
	for _, want := range []string{`{"hints":["look at the count"],"of":3}`, `"count under a lock"`, `"lock, compare, add"`, `"of":3`} {
		webtest.Case{Method: "POST", Path: "/api/exercises/gate/hints/enter", Body: `{}`, Session: true, Status: http.StatusOK, Want: []string{want}}.Run(t, s)
	}
	webtest.Case{Method: "POST", Path: "/api/exercises/gate/hints/leave", Body: `{}`, Session: true, Status: http.StatusNotFound}.Run(t, s)
}

func TestWrongAnswersAreRefusedByName(t *testing.T) {
	s, _ := desks(t, 4, nil)
	for _, c := range []webtest.Case{
		{Name: "another file", Body: `{"files":{"gate.go":"x","gate_test.go":"y"}}`, Status: 422, Want: []string{"gate_test.go", "only the files"}},
		{Name: "no file", Body: `{"files":{}}`, Status: 422, Want: []string{`"field":"files.gate.go"`}},
		{Name: "unknown field", Body: `{"file":{}}`, Status: 400, Want: []string{`"field":"file"`}},
		{Name: "huge", Body: `{"files":{"gate.go":"` + strings.Repeat("x", 600<<10) + `"}}`, Status: 413, Want: []string{"512 KiB"}},
		{Name: "no session", Body: right, Status: 401},
	} {
		c.Method, c.Path, c.Session = "POST", "/api/exercises/gate/attempts", c.Status != 401
		t.Run(c.Name, func(t *testing.T) { c.Run(t, s) })
	}
	webtest.Case{Path: "/api/attempts/1", Status: http.StatusNotFound}.Run(t, s)
	webtest.Case{Path: "/api/attempts/x/stream", Status: http.StatusNotFound}.Run(t, s)
}

func TestNothingIsRunWhereItMayNot(t *testing.T) {
	s, _ := desks(t, 4, func(x *web.Exercises) { x.Why = "This machine has no sandbox." })
	webtest.Case{Method: "POST", Path: "/api/exercises/gate/attempts", Body: right, Session: true, Status: http.StatusForbidden, Want: []string{"This machine has no sandbox."}}.Run(t, s)
	if doc := parse(t, s.Open(t, "/exercises/gate")); !has(one(t, doc, "[data-check]"), "disabled") {
		t.Error("the page offers to check an answer")
	}
}

// Whoever would rather read first says so, and that is remembered.
func TestReadFirst(t *testing.T) {
	s, _ := desks(t, 4, nil)
	webtest.Case{Path: "/exercises/gate/read", Header: map[string]string{"Accept": "text/html"}, Status: http.StatusForbidden, Want: []string{"would rather read first"}}.Run(t, s)
	webtest.Case{Path: "/api/exercises/gate/answer", Status: http.StatusForbidden}.Run(t, s)
	if got := words(one(t, parse(t, s.Open(t, "/exercises/gate")), "[data-read]")); !strings.Contains(got, "Read first") {
		t.Errorf("the page says %q, want how to read first", got)
	}
	webtest.Case{Method: "POST", Path: "/api/exercises/gate/read", Body: `{}`, Status: http.StatusUnauthorized}.Run(t, s)
	webtest.Case{Method: "POST", Path: "/api/exercises/gate/read", Body: `{}`, Session: true, Status: http.StatusOK, Want: []string{`"/exercises/gate/read"`}}.Run(t, s)
	if got := words(one(t, parse(t, s.Open(t, "/exercises/gate/read")), "[data-worked=gate]")); !strings.Contains(got, "package gate // right") || !strings.Contains(got, "Answer a") {
		t.Errorf("the worked answers read %q", got)
	}
	webtest.Case{Path: "/api/exercises/gate/answer", Status: http.StatusOK, Want: []string{"// right"}}.Run(t, s)
	if got := words(one(t, parse(t, s.Open(t, "/exercises/gate")), "[data-read]")); !strings.Contains(got, "You chose to read") {
		t.Errorf("the page says %q, want that it was chosen to read first", got)
	}
}
