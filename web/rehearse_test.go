package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"workbench/exercises/interview"
	"workbench/exercises/progress"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/web"
	"workbench/web/webtest"
)

// played is a lab in which run 7 was played.
type played struct{ web.Lab }

func (p played) Runs(context.Context) ([]live.RunSummary, error) {
	return []live.RunSummary{{ID: 7, Scenario: "metastable", Title: "The spike that never ends", Prediction: "wrong", On: []string{"queue"}, GoodputShare: .94, P99MS: 120}}, nil
}

func (p played) Run(_ context.Context, id uint64) (scenario.Report, error) {
	if id != 7 {
		return scenario.Report{}, fmt.Errorf("%w: run %d", live.ErrUnknown, id)
	}
	return scenario.Report{
		Scenario: "metastable", Offered: 200, Sent: 400, GoodputShare: .94, DurationS: 2, LatencyMS: scenario.Latency{P50: 20, P99: 120},
		Series: []scenario.Point{{T: 1, Offered: 100, Good: 100}, {T: 2, Offered: 100, Good: 50}},
	}, nil
}

// stage serves a site with the rehearsal.
func stage(t *testing.T) *webtest.Site {
	t.Helper()
	s, _ := staged(t)
	return s
}

// staged is stage with the learner's file.
func staged(t *testing.T) (*webtest.Site, *progress.Progress) {
	t.Helper()
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	catalog, err := interview.Load()
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Serve(t, func(c *web.Config) {
		c.Lab = played{c.Lab}
		c.Rehearse = &web.Rehearse{Catalog: catalog, Keeper: p}
	}), p
}

// post sends a form as a browser does and returns where it leads.
func post(t *testing.T, s *webtest.Site, path string, fields url.Values) *http.Response {
	t.Helper()
	s.Open(t, "/about")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := *s.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res
}

func model(t *testing.T, id string) interview.Question {
	t.Helper()
	c, err := interview.Load()
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestRehearseListsItsQuestions(t *testing.T) {
	s := stage(t)
	catalog, err := interview.Load()
	if err != nil {
		t.Fatal(err)
	}
	text := s.Open(t, "/rehearse")
	for _, q := range catalog.List(interview.Filter{}) {
		if !strings.Contains(text, `href="/rehearse/`+q.ID+`"`) {
			t.Errorf("question %s is not in the list", q.ID)
		}
	}
	short := s.Open(t, "/rehearse?mode=45m")
	if strings.Contains(short, `href="/rehearse/retries-worse"`) {
		t.Error("a question of 60 seconds is among those of 45 minutes")
	}
	webtest.Case{Path: "/rehearse?mode=2h", Status: 422, Want: []string{`"field":"mode"`}}.Run(t, s)
	webtest.Case{Path: "/rehearse/none", Status: http.StatusNotFound}.Run(t, s)
}

// A model answer is scored, kept, asked again only tomorrow, and overruled.
func TestAnswerToAQuestion(t *testing.T) {
	s := stage(t)
	q := model(t, "retries-worse")
	res := post(t, s, "/rehearse/"+q.ID, url.Values{"text": {q.Model.Minute}, "elapsed_ms": {"55000"}})
	at := res.Header.Get("Location")
	if res.StatusCode != http.StatusSeeOther || at != "/rehearse/answers/1" {
		t.Fatalf("%d, Location %q, want 303 to the answer", res.StatusCode, at)
	}
	doc := parse(t, s.Open(t, at))
	total, err := strconv.Atoi(words(one(t, doc, "p[class=total ok]").FirstChild.NextSibling))
	if err != nil {
		total, err = strconv.Atoi(strings.Fields(words(one(t, doc, "p[class=total ok]")))[0])
	}
	if err != nil || total < 70 {
		t.Fatalf("a model answer has %d points, %v, want 70 or more", total, err)
	}
	if got := words(one(t, doc, "ol[class=heard]")); !strings.Contains(got, "earned points") {
		t.Errorf("no sentence is marked: %q", got)
	}
	if list := s.Open(t, "/rehearse"); !strings.Contains(list, "best "+strconv.Itoa(total)) {
		t.Error("the points are not in the list")
	}
	if !strings.Contains(words(doc), "Asked again on ") {
		t.Error("the page does not say when the question comes back")
	}

	// The learner takes a point away, with a reason that stays.
	forms := all(doc, "input[name=concept]")
	if len(forms) == 0 {
		t.Fatal("nothing can be overruled")
	}
	said := map[string]string{}
	for _, f := range all(doc, "form") {
		if verdict := attr(one(t, f, "input[name=verdict]"), "value"); verdict == "not-said" {
			said["concept"] = attr(one(t, f, "input[name=concept]"), "value")
		}
	}
	res = post(t, s, at+"/rulings", url.Values{"concept": {said["concept"]}, "verdict": {"not-said"}, "reason": {"I only meant it"}})
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("overruling = %d, want 303", res.StatusCode)
	}
	ruled := s.Open(t, at)
	if !strings.Contains(ruled, "by your own ruling; "+strconv.Itoa(total)+" without") || !strings.Contains(ruled, "I only meant it") {
		t.Error("the page does not show both scores and the reason")
	}
}

// Looking at the pages keeps no card; a card of a run is kept once it is rated.
func TestLookingKeepsNoCards(t *testing.T) {
	s, p := staged(t)
	kept := func() int {
		cards, err := p.Cards(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(cards)
	}
	due := all(parse(t, s.Open(t, "/rehearse")), "input[name=card]")
	if len(due) == 0 || !strings.HasPrefix(attr(due[0], "value"), "run/7/") {
		t.Fatalf("%d cards are due, want one of run 7", len(due))
	}
	if got := kept(); got != 0 {
		t.Errorf("%d cards are kept after a look, want 0", got)
	}
	if res := post(t, s, "/rehearse/cards", url.Values{"card": {attr(due[0], "value")}, "rating": {"3"}}); res.StatusCode != http.StatusSeeOther || kept() != 1 {
		t.Errorf("rating it: %d, %d cards kept, want 303 and 1", res.StatusCode, kept())
	}
}

// What an answer lacked is asked at once, until it is known.
func TestWhatWasMissingIsAsked(t *testing.T) {
	s := stage(t)
	post(t, s, "/rehearse/retries-worse", url.Values{"text": {"It depends, really."}})
	cards := func() []string {
		var out []string
		for _, c := range all(parse(t, s.Open(t, "/rehearse")), "input[name=card]") {
			out = append(out, attr(c, "value"))
		}
		return out
	}
	due := cards()
	if len(due) < 3 || !strings.HasPrefix(due[0], "concept/retries-worse/") {
		t.Fatalf("due are %q, want what the answer lacked", due)
	}
	for rating, status := range map[string]int{"3": http.StatusSeeOther, "0": 422, "5": 422, "well": 422} {
		if res := post(t, s, "/rehearse/cards", url.Values{"card": {due[0]}, "rating": {rating}}); res.StatusCode != status {
			t.Errorf("rating %s: %d, want %d", rating, res.StatusCode, status)
		}
	}
	if now := cards(); slices.Contains(now, due[0]) {
		t.Errorf("%s is known and still due", due[0])
	}
	if res := post(t, s, "/rehearse/cards", url.Values{"card": {"none"}, "rating": {"3"}}); res.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown card: %d, want 404", res.StatusCode)
	}
}

// A run that is cited appears in the answer and in the crib with its chart.
func TestAnswerCitesARun(t *testing.T) {
	s := stage(t)
	const id = "7"
	if page := s.Open(t, "/rehearse/retries-worse"); !strings.Contains(page, `name="run" value="`+id+`"`) {
		t.Errorf("run %s cannot be cited", id)
	}
	res := post(t, s, "/rehearse/retries-worse", url.Values{"text": {"I would use a retry budget of 10 %."}, "run": {id}})
	for _, path := range []string{res.Header.Get("Location"), "/rehearse/crib"} {
		if page := s.Open(t, path); !strings.Contains(page, "Run #"+id) || !strings.Contains(page, `d="M0.0 0.0L600.0 40.0"`) {
			t.Errorf("%s does not show run %s with its chart", path, id)
		}
	}
}

func TestWrongAnswersToQuestions(t *testing.T) {
	s := stage(t)
	for name, c := range map[string]struct {
		path   string
		fields url.Values
		status int
	}{
		"nothing said":     {"/rehearse/retries-worse", url.Values{"text": {"  "}}, 422},
		"too long":         {"/rehearse/retries-worse", url.Values{"text": {strings.Repeat("x", 20_001)}}, 422},
		"a huge form":      {"/rehearse/retries-worse", url.Values{"text": {strings.Repeat("x", 200_000)}}, 413},
		"no time":          {"/rehearse/retries-worse", url.Values{"text": {"x"}, "elapsed_ms": {"soon"}}, 422},
		"no such run":      {"/rehearse/retries-worse", url.Values{"text": {"x"}, "run": {"99"}}, 404},
		"no run's number":  {"/rehearse/retries-worse", url.Values{"text": {"x"}, "run": {"last"}}, 422},
		"no such question": {"/rehearse/nothing", url.Values{"text": {"x"}}, 404},
		"no such answer":   {"/rehearse/answers/7/rulings", url.Values{"concept": {"x"}, "verdict": {"said"}}, 404},
	} {
		if res := post(t, s, c.path, c.fields); res.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, c.status)
		}
	}
	post(t, s, "/rehearse/retries-worse", url.Values{"text": {"Budget."}})
	if res := post(t, s, "/rehearse/answers/1/rulings", url.Values{"concept": {"retry-budget"}, "verdict": {"maybe"}}); res.StatusCode != 422 {
		t.Errorf("an unknown ruling: %d, want 422", res.StatusCode)
	}
	if strings.Contains(s.Open(t, "/rehearse/crib"), "maybe") {
		t.Error("the refused ruling was kept")
	}
}
