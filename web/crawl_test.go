package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"workbench/docs/guide"
	"workbench/docs/track"
	"workbench/exercises"
	"workbench/exercises/attempt"
	"workbench/exercises/interview"
	"workbench/exercises/progress"
	"workbench/exercises/shelf"
	"workbench/lab/system/kind"
	"workbench/lab/trial/list"
	"workbench/lab/trial/runner"
	"workbench/sim/clock"
	"workbench/web"
	"workbench/web/webtest"
)

// everything serves a site with all the rooms that the program opens.
func everything(t *testing.T) *webtest.Site {
	t.Helper()
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return rooms(t, p, judge(nil), func(l web.Lab) web.Lab { return played{l} })
}

// rooms is everything with a learner's file, a grader and a lab of one's own.
func rooms(t *testing.T, p *progress.Progress, grade attempt.Grader, of func(web.Lab) web.Lab) *webtest.Site {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	book, err := guide.Open()
	must(err)
	tracks, err := track.All()
	must(err)
	questions, err := interview.Load()
	must(err)
	books, err := shelf.Open(exercises.Files)
	must(err)
	queue, err := attempt.New(t.Context(), attempt.Config{Store: p, Grade: grade, Length: 1, Clock: clock.NewWall(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	must(err)
	t.Cleanup(func() { queue.Close() })
	env := runner.Bare()
	bench, err := runner.New(runner.Config{Env: env})
	must(err)
	t.Cleanup(func() { _ = bench.Close() }) // always nil
	seen, err := webtest.NewSeen()
	must(err)
	patterns := kind.AllPatterns()
	return webtest.Serve(t, func(c *web.Config) {
		c.Lab, c.Patterns, c.Observe = of(c.Lab), patterns, seen
		c.Guide = &web.Guide{Book: book, Patterns: patterns}
		c.Tracks = &web.Tracks{All: tracks, Patterns: patterns}
		c.Exercises = &web.Exercises{Shelf: books, Queue: queue, Keeper: p, Sandbox: "Answers run in a sandbox."}
		c.Rehearse = &web.Rehearse{Catalog: questions, Keeper: p}
		c.Progress = &web.Progress{Patterns: patterns, Keeper: p}
		c.Trials = &web.Trials{All: list.Trials(), Runner: bench, Env: env, Keeper: p}
	})
}

// TestEveryLinkLeadsSomewhere follows all links of all pages.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	s := everything(t)
	from := map[string]string{"/": "nowhere"}
	pages := 0
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		body, isPage := fetch(t, s, path, from[path])
		if !isPage || path == "/gallery" || strings.Contains(path, "?") {
			continue // the gallery's samples are made up, and a page with a question has the links of the page
		}
		pages++
		doc := parse(t, body)
		for selector, key := range map[string]string{"a[href]": "href", "link[href]": "href", "script[src]": "src", "img[src]": "src"} {
			for _, n := range all(doc, selector) {
				to, _, _ := strings.Cut(attr(n, key), "#")
				if !strings.HasPrefix(to, "/") || from[to] != "" {
					continue
				}
				from[to] = path
				queue = append(queue, to)
			}
		}
	}
	for _, p := range kind.AllPatterns() {
		if from["/patterns/"+p.Name] == "" {
			t.Errorf("no page leads to /patterns/%s", p.Name)
		}
	}
	if pages < 100 {
		t.Errorf("%d pages, want at least 100: the links are not followed", pages)
	}
	t.Logf("%d links on %d pages", len(from), pages)
}

// fetch gets what a link on a page leads to, and says whether it is a page too.
func fetch(t *testing.T, s *webtest.Site, path, from string) (string, bool) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	res, err := s.Client.Do(req)
	if err != nil {
		t.Fatalf("%s, to which %s leads: %v", path, from, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s, to which %s leads: %v", path, from, err)
	}
	if res.StatusCode >= 400 {
		t.Errorf("%s, to which %s leads, answers %d", path, from, res.StatusCode)
	}
	return string(body), strings.HasPrefix(res.Header.Get("Content-Type"), "text/html")
}

// A pattern that the running service does not have has a page all the same: it
// says what has it, and offers nothing to switch.
func TestPatternOfAnotherService(t *testing.T) {
	s := everything(t)
	for _, c := range []webtest.Case{
		{Path: "/patterns/sequencer", Status: 200, Want: []string{"not in this service; scenario ", " has it", "data-away", "Settings at first"}, Not: []string{"Figures now", "Operate it"}},
		{Path: "/patterns/queue", Status: 200, Want: []string{"Settings now", "Operate it"}, Not: []string{"data-away"}},
		{Path: "/patterns/magic", Status: 404},
	} {
		c.Run(t, s)
	}
	list := s.Open(t, "/patterns")
	for _, p := range kind.AllPatterns() {
		if !strings.Contains(list, `href="/patterns/`+p.Name+`"`) {
			t.Errorf("the list lacks %s", p.Name)
		}
	}
}
