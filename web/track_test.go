package web_test

import (
	"html"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"workbench/docs/track"
	"workbench/exercises"
	"workbench/exercises/interview"
	"workbench/exercises/progress"
	"workbench/exercises/shelf"
	"workbench/lab/catalog"
	"workbench/web"
	"workbench/web/webtest"
)

func trails(t *testing.T) (*webtest.Site, []track.Track) {
	t.Helper()
	all, err := track.All()
	if err != nil {
		t.Fatal(err)
	}
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	questions, err := interview.Load()
	if err != nil {
		t.Fatal(err)
	}
	books, err := shelf.Open(exercises.Files)
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Serve(t, func(c *web.Config) {
		c.Lab = played{c.Lab}
		c.Tracks = &web.Tracks{All: all, Patterns: catalog.Patterns()}
		c.Rehearse = &web.Rehearse{Catalog: questions, Keeper: p}
		c.Exercises = &web.Exercises{Shelf: books, Keeper: p}
	}), all
}

// Every track leads to all of its exercises, its questions and the lab.
func TestTracks(t *testing.T) {
	s, all := trails(t)
	list := s.Open(t, "/tracks")
	for _, tr := range all {
		if !strings.Contains(list, `href="/tracks/`+tr.Name+`"`) {
			t.Errorf("track %s is not in the list", tr.Name)
		}
		text := s.Open(t, "/tracks/"+tr.Name)
		for _, slug := range tr.Exercises {
			if !strings.Contains(text, `href="/exercises/`+slug+`"`) {
				t.Errorf("%s: exercise %s is not there", tr.Name, slug)
			}
		}
		if got := strings.Count(text, `href="/rehearse/`); got < 10 {
			t.Errorf("%s: %d questions, want at least 10", tr.Name, got)
		}
		for _, h := range tr.Hazards {
			if !strings.Contains(text, `href="/lab?scenario=`+h.Scenario+`"`) || !strings.Contains(html.UnescapeString(text), h.Title) {
				t.Errorf("%s: %s does not lead into the lab", tr.Name, h.Title)
			}
			if h.Trial != "" && !strings.Contains(text, `href="/trials/`+h.Trial+`"`) {
				t.Errorf("%s: %s does not lead to its trial", tr.Name, h.Title)
			}
		}
	}
	if got := words(one(t, parse(t, s.Open(t, "/tracks/login")), "p[class=crumbs dim]")); !strings.Contains(got, "1 of ") {
		t.Errorf("a run of metastable is no step of the login track: %q", got)
	}
	webtest.Case{Path: "/tracks/none", Status: http.StatusNotFound}.Run(t, s)
}

func TestTrackCalculator(t *testing.T) {
	s, _ := trails(t)
	text := s.Open(t, "/tracks/feed?users=10,000,000&per_user=20&peak=3&ms=50&per_box=20&busy_share=0.6")
	for _, want := range []string{"2,310 requests/s", "6,940 requests/s", "347", "400 requests/s", ">30<"} {
		if !strings.Contains(text, want) {
			t.Errorf("the estimate lacks %q", want)
		}
	}
	if text := s.Open(t, "/tracks/feed?busy_share=2"); !strings.Contains(text, "busy_share is 2, want 0.05 to 0.95") {
		t.Error("a share of 2 is not refused by name")
	}
	webtest.Case{Path: "/tracks/feed?ms=soon", Status: 422, Want: []string{`"field":"ms"`}}.Run(t, s)
}
