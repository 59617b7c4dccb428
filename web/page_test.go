package web_test

import (
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"workbench/lab/classics"
	"workbench/lab/proof"
	"workbench/lab/scenario"
	"workbench/web"
	"workbench/web/assets"
	"workbench/web/webtest"
)

func TestLabPageIsDrawnFromTheState(t *testing.T) {
	s := webtest.Serve(t, nil)
	webtest.Case{Method: "PUT", Path: "/api/lab/patterns/queue", Body: `{"state":"on","knobs":{"length":33}}`, Session: true, Status: http.StatusOK}.Run(t, s)
	webtest.Case{Method: "PUT", Path: "/api/lab/patterns/cache", Body: `{"state":"shadow"}`, Session: true, Status: http.StatusOK}.Run(t, s)
	webtest.Case{Method: "PUT", Path: "/api/lab/faults/instance-kill", Body: `{"on":true}`, Session: true, Status: http.StatusOK}.Run(t, s)
	for range 30 {
		s.Lab.Step()
	}
	doc := parse(t, s.Open(t, "/lab"))
	for name, want := range map[string]string{"queue": "on", "cache": "shadow", "retry": "off"} {
		sw := one(t, doc, "[data-pattern="+name+"]")
		if got := attr(sw, "data-state"); got != want {
			t.Errorf("%s is drawn %s, want %s", name, got, want)
		}
		for _, b := range all(sw, "[data-set]") {
			if got, pressed := attr(b, "data-set"), attr(b, "aria-pressed"); (got == want) != (pressed == "true") {
				t.Errorf("%s: button %s has aria-pressed=%s", name, got, pressed)
			}
		}
		chips := all(doc, "a[data-chip="+name+"]")
		if len(chips) != 2 {
			t.Fatalf("%d chips for %s, want one in each drawing", len(chips), name)
		}
		for _, c := range chips {
			if !strings.Contains(words(c), want) {
				t.Errorf("chip %q does not say %s", words(c), want)
			}
		}
	}
	if got := attr(one(t, doc, "[id=knob-queue-length]"), "value"); got != "33" {
		t.Errorf("queue.length is drawn %s, want 33", got)
	}
	if got := attr(one(t, doc, "[data-fault-name=instance-kill]"), "aria-pressed"); got != "true" {
		t.Errorf("the fault is drawn aria-pressed=%s", got)
	}
	for _, lane := range all(doc, "g[data-node=b]") {
		if !strings.Contains(attr(lane, "class"), "down") {
			t.Error("the killed instance is not drawn down")
		}
	}
	if got := words(one(t, doc, "[data-offered]")); got != "160" {
		t.Errorf("%s users a second offered, want 160", got)
	}
	if got := len(all(doc, "[data-chart]")); got != 4 {
		t.Errorf("%d charts, want 4", got)
	}
}

func TestEveryFieldHasALabelAndIDsAreUnique(t *testing.T) {
	s := webtest.Serve(t, nil)
	finish(t, s)
	for _, path := range []string{"/", "/gallery", "/patterns/queue", "/runs", "/proof"} {
		doc := parse(t, s.Open(t, path))
		labels, ids := map[string]bool{}, map[string]int{}
		for _, l := range all(doc, "label") {
			labels[attr(l, "for")] = true
		}
		for _, n := range all(doc, "[id]") {
			ids[attr(n, "id")]++
		}
		for id, n := range ids {
			if n > 1 {
				t.Errorf("%s: id %s is used %d times", path, id, n)
			}
		}
		for _, name := range []string{"input", "select"} {
			for _, n := range all(doc, name) {
				if id := attr(n, "id"); !labels[id] && n.Parent.Data != "label" {
					t.Errorf("%s: field %s has no label", path, id)
				}
			}
		}
		for _, n := range all(doc, "[aria-describedby]") {
			if ids[attr(n, "aria-describedby")] == 0 {
				t.Errorf("%s: aria-describedby names nothing: %s", path, attr(n, "aria-describedby"))
			}
		}
	}
}

func TestFirstPageExplainsItself(t *testing.T) {
	s := webtest.Serve(t, nil)
	const welcome = "A real service is running on this machine"
	if got := s.Open(t, "/"); !strings.Contains(got, welcome) {
		t.Error("the first page does not say what this is")
	}
	if got := s.Open(t, "/lab"); strings.Contains(got, welcome) {
		t.Error("the lab's page explains itself again")
	}
}

func TestPatternPageShowsItsDocumentation(t *testing.T) {
	s := webtest.Serve(t, nil)
	body := s.Open(t, "/patterns/queue")
	doc := parse(t, body)
	text := words(doc)
	for _, want := range []string{"Bounded queue", "Package queue is a stand-in.", "Idea", "One <b>idea</b>.", "drop_expired", "1 to 100000"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(body, "<b>idea</b>") {
		t.Error("documentation is taken for HTML")
	}
	webtest.Case{Path: "/patterns/queue", Header: map[string]string{"Accept": "text/plain"}, Status: http.StatusOK, Want: []string{"# Idea"}, Not: []string{"<html"}}.Run(t, s)
	webtest.Case{Path: "/patterns/magic", Header: map[string]string{"Accept": "text/html"}, Status: http.StatusNotFound, Want: []string{"<html", "Unknown: pattern"}}.Run(t, s)
}

func TestGalleryShowsEveryPart(t *testing.T) {
	s := webtest.Serve(t, nil)
	doc := parse(t, s.Open(t, "/gallery"))
	for _, sel := range []string{"[data-headline]", "[data-predict]", "[data-pattern]", "[data-fault-name]", "[data-flow=wide]", "[data-flow=tall]", "[data-chart]", "table[class=runs]"} {
		if len(all(doc, sel)) == 0 {
			t.Errorf("the gallery lacks %s", sel)
		}
	}
}

func TestAboutNamesWhatOthersWrote(t *testing.T) {
	s := webtest.Serve(t, nil)
	webtest.Case{Path: "/about", Status: http.StatusOK, Want: []string{"uPlot", "Leon Sorokin", "MIT"}}.Run(t, s)
}

func TestFurtherRoomsStandBehindTheSameGuard(t *testing.T) {
	s := webtest.Serve(t, func(c *web.Config) {
		c.Rooms = []web.Room{{Title: "Guide", Path: "/guide", API: []string{"/api/guide"}, Open: func(*web.Server) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("room " + r.URL.Path)) })
		}}}
	})
	webtest.Case{Path: "/guide", Status: http.StatusOK, Want: []string{"room /guide"}}.Run(t, s)
	webtest.Case{Path: "/guide/1", Status: http.StatusOK, Want: []string{"room /guide/1"}}.Run(t, s)
	webtest.Case{Method: "POST", Path: "/api/guide/x", Status: http.StatusUnauthorized}.Run(t, s)
	webtest.Case{Path: "/guide", Header: map[string]string{"Host": "evil.example"}, Status: http.StatusMisdirectedRequest}.Run(t, s)
	if got := words(one(t, parse(t, s.Open(t, "/lab")), "nav")); got != "Lab Guide Patterns Runs Proof" {
		t.Errorf("navigation %q", got)
	}
}

func TestPanicIsAnswered(t *testing.T) {
	s := webtest.Serve(t, func(c *web.Config) {
		c.Rooms = []web.Room{{Title: "Broken", Path: "/broken", Open: func(*web.Server) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("on purpose") })
		}}}
	})
	webtest.Case{Path: "/broken", Status: http.StatusInternalServerError, Not: []string{"on purpose"}}.Run(t, s)
}

func TestAssetsAreKeptForEverAndPacked(t *testing.T) {
	s := webtest.Serve(t, nil)
	doc := parse(t, s.Open(t, "/lab"))
	src := attr(one(t, doc, "script[type=module]"), "src")
	res, _ := webtest.Case{Path: src, Header: map[string]string{"Accept-Encoding": "gzip"}, Status: http.StatusOK}.Run(t, s)
	if res.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %v", src, res.Header)
	}
	if got := res.Header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("Content-Type = %q", got)
	}
	webtest.Case{Path: "/assets/000000000000/lab.js", Status: http.StatusNotFound}.Run(t, s)
	webtest.Case{Path: "/assets/../server.go", Status: http.StatusNotFound}.Run(t, s)
	webtest.Case{Path: "/favicon.ico", Status: http.StatusOK, Want: []string{"<svg"}}.Run(t, s)
}

func TestBudgets(t *testing.T) {
	set, err := assets.Load()
	if err != nil {
		t.Fatal(err)
	}
	script := set.Packed("theme.js")
	for _, name := range loaded(t, "lab.js") {
		script += set.Packed(name)
	}
	style := set.Packed("app.css")
	t.Logf("packed: script %d bytes, style %d bytes", script, style)
	if script == 0 || script > 40<<10 {
		t.Errorf("the lab's script has %d bytes packed, want at most 40 KB", script)
	}
	if style == 0 || style > 12<<10 {
		t.Errorf("the style has %d bytes packed, want at most 12 KB", style)
	}
}

// loaded returns a script and the ones that it cannot begin without.
func loaded(t *testing.T, first string) []string {
	t.Helper()
	imports := regexp.MustCompile(`(?:from|import)"\./([\w-]+\.js)"`)
	out := []string{first}
	for i := 0; i < len(out); i++ {
		text, err := os.ReadFile("assets/dist/" + out[i])
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imports.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(out, m[1]) {
				out = append(out, m[1])
			}
		}
	}
	return out
}

// Every scenario has its row, with figures of both kinds and a way into the lab.
func TestProofShowsEveryScenario(t *testing.T) {
	s := webtest.Serve(t, func(c *web.Config) { c.Version = "v1.2.3" })
	doc := parse(t, s.Open(t, "/proof"))
	if got := len(all(doc, "tr[data-proof]")); got != len(scenario.Names()) {
		t.Errorf("%d rows, want %d", got, len(scenario.Names()))
	}
	for name, want := range map[string][]string{
		"metastable":            {"The spike that never ends", "users answered in time", "at least 95 %, in the last 15 s", "0 %", "--on=client-budget", "5 of 5 ✓"},
		"fail-fast-that-is-not": {"median latency", "at most 45 ms", "518 ms", "20 ms", "instead of --set=concurrency.wait=500ms"},
		"priority":              {"update-profile alone", "98.9 % to 99.2 %"},
		"traffic-ramp":          {"at least 800/s, from second 32 to 40", "0/s", "1000/s"},
		"sick-database-convoy":  {"3 s to 5 s", "0 s"},
	} {
		row := one(t, doc, "[data-proof="+name+"]")
		for _, w := range want {
			if !strings.Contains(words(row), w) {
				t.Errorf("%s reads %q, want it to hold %q", name, words(row), w)
			}
		}
		if got := attr(all(row, "a")[0], "href"); got != "/lab?scenario="+name {
			t.Errorf("%s leads to %q", name, got)
		}
	}
	if got := words(one(t, doc, "main")); !strings.Contains(got, "All 39 scenarios are lost without their pattern") || !strings.Contains(got, "version v1.2.3") || !strings.Contains(got, "make ablation") {
		t.Errorf("the page reads %.600q", got)
	}
}

func TestPickerOffersNamedLoadsApart(t *testing.T) {
	offered := 0
	s := webtest.Serve(t, func(c *web.Config) {
		c.Scenarios = append(c.Scenarios, web.Choice{Name: "preset-starr-report", Title: "The Starr report", Preset: true})
		offered = len(c.Scenarios)
	})
	picker := one(t, parse(t, s.Open(t, "/lab")), "[data-scenario-pick]")
	loads := all(one(t, picker, "optgroup"), "option")
	if len(loads) != 1 || attr(loads[0], "value") != "preset-starr-report" || words(loads[0]) != "The Starr report" {
		t.Errorf("%d named loads are offered, want The Starr report alone", len(loads))
	}
	if got := len(all(picker, "option")); got != offered || got < 2 {
		t.Errorf("%d options in the picker, want %d", got, offered)
	}
}

func TestClassicsShowsEveryResultAndOurFigure(t *testing.T) {
	s := webtest.Serve(t, func(c *web.Config) { c.Version = "v1.2.3" })
	doc := parse(t, s.Open(t, "/classics"))
	if got, want := len(all(doc, "tr[data-classic]")), len(classics.All()); got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
	kept, err := proof.Figures()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range kept {
		row := one(t, doc, "[data-classic="+f.ID+"]")
		got, err := strconv.ParseFloat(words(one(t, row, "[data-value]")), 64)
		if err != nil || math.Abs(got-f.Value) > 1e-4*math.Abs(f.Value) {
			t.Errorf("%s shows %v (%v), want %v", f.ID, got, err, f.Value)
		}
		if want := map[bool]string{true: "✓", false: "✗"}[f.OK]; words(one(t, row, "[data-ok]")) != want {
			t.Errorf("%s is marked %q, want %q", f.ID, words(one(t, row, "[data-ok]")), want)
		}
	}
	for _, want := range []string{"All 50 published results are reproduced.", "seed 1", "v1.2.3", "bin/workbench classics"} {
		if !strings.Contains(words(doc), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
