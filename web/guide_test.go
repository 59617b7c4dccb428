package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"workbench/docs/guide"
	"workbench/lab/catalog"
	"workbench/web"
	"workbench/web/webtest"
)

// library serves a site with the guide.
func library(t *testing.T) (*webtest.Site, guide.Book) {
	t.Helper()
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Serve(t, func(c *web.Config) { c.Guide = &web.Guide{Book: book, Patterns: catalog.Patterns()} }), book
}

func TestGuideListsItsChapters(t *testing.T) {
	s, book := library(t)
	text := s.Open(t, "/guide")
	for _, c := range book.Chapters {
		if !strings.Contains(text, `href="/guide/`+c.Slug+`"`) {
			t.Errorf("chapter %s is not in the contents", c.Slug)
		}
	}
	found := s.Open(t, "/guide?q=stampede")
	if got := len(all(one(t, parse(t, found), "section[aria-label=Found]"), "li")); got == 0 {
		t.Error("a search for stampede finds nothing")
	}
	if !strings.Contains(s.Open(t, "/guide?q=xyzzyplugh"), "Nothing in the guide") {
		t.Error("a search for nonsense does not say that it found nothing")
	}
	if strings.Contains(s.Open(t, "/guide?q="+url.QueryEscape("<script>x")), "<script>x") {
		t.Error("a search's words come back as HTML")
	}
}

// Every chapter has its challenge, its experiments with the kept figures and a
// way into the lab, and no mark of the text's own is left on the page.
func TestChapters(t *testing.T) {
	s, book := library(t)
	for _, c := range book.Chapters {
		text := s.Open(t, "/guide/"+c.Slug)
		doc := parse(t, text)
		for _, mark := range []string{"<!--n:", "&lt;!--", "```", "raw HTML omitted"} {
			if strings.Contains(text, mark) {
				t.Errorf("%s: the page shows %q", c.Slug, mark)
			}
		}
		boxes := all(doc, "[data-experiment]")
		if want := c.Experiments(); len(boxes) != len(want) || len(boxes) < 3 {
			t.Errorf("%s: %d experiments, want %d", c.Slug, len(boxes), len(want))
		}
		for i, e := range c.Experiments() {
			if e.Scenario == "" {
				continue
			}
			var data struct {
				Scenario string
				Runs     [][]string
			}
			if err := json.Unmarshal([]byte(attr(boxes[i], "data-experiment")), &data); err != nil || data.Scenario != e.Scenario || len(data.Runs) != len(e.Runs) {
				t.Errorf("%s.%s: the script gets %+v, %v", c.Slug, e.ID, data, err)
			}
			headline := book.Figures[e.Figure(c.Slug, e.Runs[0], e.Reads[0])]
			if headline.ID == "" || !strings.Contains(words(boxes[i]), headline.Text()) {
				t.Errorf("%s.%s: the kept figure %q is not shown", c.Slug, e.ID, headline.Text())
			}
		}
	}
}

// A link into the lab sets what the run's flags set; knobs that grow with the
// scale are as large as the live lab's.
func TestExperimentsLeadIntoTheLab(t *testing.T) {
	s, _ := library(t)
	doc := parse(t, s.Open(t, "/guide/backpressure"))
	links := map[string]bool{}
	for _, a := range all(doc, "a") {
		links[attr(a, "href")] = true
	}
	for _, want := range []string{
		"/lab?scenario=fail-fast-that-is-not&set=concurrency.wait%3D0s&on=concurrency",
		"/lab?off=concurrency&scenario=fail-fast-that-is-not",
		"/lab?on=ratelimit&scenario=noisy-neighbour&set=ratelimit.per%3Dglobal&set=ratelimit.rate%3D160",
	} {
		u, err := url.Parse(want)
		if err != nil {
			t.Fatal(err)
		}
		if u.RawQuery = u.Query().Encode(); !links[u.String()] {
			t.Errorf("no link to %s", u)
		}
	}
}

func TestPagesBesideTheChapters(t *testing.T) {
	s, book := library(t)
	for _, p := range book.Pages {
		if text := s.Open(t, "/guide/"+p.Slug); !strings.Contains(text, "<h1>") {
			t.Errorf("%s has no title", p.Slug)
		}
	}
	webtest.Case{Path: "/guide/none", Header: map[string]string{"Accept": "text/html"}, Status: http.StatusNotFound}.Run(t, s)
}
