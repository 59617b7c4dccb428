package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"workbench/lab/scenario"
	"workbench/web/view"
	"workbench/web/webtest"
)

// A link is asked about on the page, with everything that it sets, and nothing
// is changed by opening it.
func TestALinkIsAskedAbout(t *testing.T) {
	s := webtest.Serve(t, nil)
	before := s.Lab.State().Version
	doc := parse(t, s.Open(t, "/lab?scenario=metastable&seed=9&instances=3&on=queue&set=queue.length%3D33&set=balancer.picker%3Dtwo-choices&traffic=0.5&fault=gate-slow&down=b"))
	said := words(one(t, doc, "[data-ask]"))
	for _, want := range []string{"Start the shared setting?", "seed", "9", "instances", "3", "two-choices", "length 33", "×0.5", "gate-slow", "killed", "Start it"} {
		if !strings.Contains(said, want) {
			t.Errorf("the question does not say %q: %s", want, said)
		}
	}
	if q, err := url.ParseQuery(attr(one(t, doc, "[data-ask]"), "data-ask")); err != nil || q.Get("instances") != "3" || q.Get("down") != "b" {
		t.Errorf("the page would start %v, want the link", q)
	}
	if got := s.Lab.State().Version; got != before {
		t.Errorf("opening a link moved the lab from version %d to %d", before, got)
	}
	for _, path := range []string{"/lab", "/lab?seed=2"} {
		if n := len(all(parse(t, s.Open(t, path)), "[data-ask]")); n != 0 {
			t.Errorf("%s asks about a link that there is not", path)
		}
	}
}

// A bad link is answered with each wrong word, and cannot be started.
func TestABadLinkIsNotOffered(t *testing.T) {
	s := webtest.Serve(t, nil)
	doc := parse(t, s.Open(t, "/lab?scenario=metastable&instances=9&scale=%3Cscript%3E"))
	said := words(one(t, doc, "[data-ask]"))
	for _, want := range []string{"cannot be opened", "instances", "9", "1 to 8", "scale", "<script>", "0.01"} {
		if !strings.Contains(said, want) {
			t.Errorf("the answer does not say %q: %s", want, said)
		}
	}
	if len(all(doc, "[data-ask-yes]")) != 0 {
		t.Error("a link that cannot be opened can be started")
	}
	said = words(one(t, parse(t, s.Open(t, "/lab?scenario=metastable&set=balancer.picker%3Dbest")), "[data-ask]"))
	if !strings.Contains(said, "balancer.picker") || !strings.Contains(said, "two-choices") {
		t.Errorf("the answer is %s, want the setting and its values", said)
	}
	webtest.Case{Session: true, Method: http.MethodPost, Path: "/api/lab/scenario", Body: `{"link":"scenario=metastable&set=balancer.picker=best"}`, Status: http.StatusUnprocessableEntity, Want: []string{`"field":"balancer.picker"`, "two-choices"}}.Run(t, s)
}

// The link that the state holds starts the same again.
func TestTheStatesLinkStartsTheSame(t *testing.T) {
	s := webtest.Serve(t, nil)
	webtest.Case{Session: true, Method: http.MethodPut, Path: "/api/lab/instances", Body: `{"count":3}`, Status: http.StatusOK}.Run(t, s)
	webtest.Case{Session: true, Method: http.MethodPut, Path: "/api/lab/balancer", Body: `{"knobs":{"picker":"two-choices","health.on":true}}`, Status: http.StatusOK}.Run(t, s)
	link := s.Lab.State().Link
	webtest.Case{Session: true, Method: http.MethodPost, Path: "/api/lab/scenario", Body: `{"name":"metastable"}`, Status: http.StatusOK}.Run(t, s)
	if got := s.Lab.State(); got.Link == link {
		t.Fatal("the scenario afresh has the link of what was set")
	}
	webtest.Case{Session: true, Method: http.MethodPost, Path: "/api/lab/scenario", Body: `{"link":"` + link + `"}`, Status: http.StatusOK, Want: []string{"two choices, health checks"}}.Run(t, s)
	if got := s.Lab.State(); got.Link != link || len(got.Instances) != 3 {
		t.Errorf("%d instances and the link %s, want 3 and %s", len(got.Instances), got.Link, link)
	}
}

// The page of virtual time takes a lab's link, plays what it can, and refuses
// what it does not have.
func TestReplayTakesALabsLink(t *testing.T) {
	s := webtest.Serve(t, nil)
	body := s.Open(t, "/replay?scenario=metastable&scale=0.2&instances=3&traffic=0.5&fault=gate-slow%3Afactor%3D3&down=b&set=balancer.picker%3Dtwo-choices")
	for _, want := range []string{"--instances=3", "--traffic=0.5", "--fault=gate-slow:factor=3", "--fault=instance-kill:target=b", "--set=balancer.picker=two-choices"} {
		if !strings.Contains(words(parse(t, body)), want) {
			t.Errorf("the page does not have %s", want)
		}
	}
	for query, want := range map[string]string{"yours=queue": "own patterns", "drain=b": "drained by hand", "set=database.reads%3Dreplicas": "without replicas", "instances=12": "1 to 8"} {
		webtest.Case{Path: "/replay?scenario=metastable&" + query, Status: http.StatusUnprocessableEntity, Want: []string{want}}.Run(t, s)
	}
}

// A command that a page shows is one command, whatever the link holds.
func TestTheCommandOfALinkIsQuoted(t *testing.T) {
	spec, err := scenario.Find("metastable")
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.ReplayOf(spec, []string{"--on=queue", "--set=queue.length=1; rm -rf '~'"}, "", "", "v1", 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := `bin/workbench run metastable --engine virtual --on=queue '--set=queue.length=1; rm -rf '\''~'\'''`; v.Command != want {
		t.Errorf("the command is %s, want %s", v.Command, want)
	}
}
