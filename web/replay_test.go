package web_test

import (
	"net/http"
	"strings"
	"testing"

	"workbench/web/webtest"
)

func TestReplayPageSaysWhatItPlays(t *testing.T) {
	s := webtest.Serve(t, nil)
	doc := parse(t, s.Open(t, "/replay?scenario=metastable&seed=9&on=queue&set=queue.length%3D33&scale=2"))
	page := one(t, doc, "[data-replay]")
	want := `["--seed=9","--scale=2","--on=queue","--set=queue.length=33"]`
	if got := attr(page, "data-request"); !strings.Contains(got, want) || !strings.Contains(got, `"scenario":"metastable"`) {
		t.Errorf("request = %s, want metastable with %s", got, want)
	}
	if got, want := words(one(t, page, "pre")), "bin/workbench run metastable --engine virtual --seed=9 --scale=2 --on=queue --set=queue.length=33"; got != want {
		t.Errorf("command = %q, want %q", got, want)
	}
}

func TestReplayOfNothingIsTheFirstScenario(t *testing.T) {
	s := webtest.Serve(t, nil)
	if got := attr(one(t, parse(t, s.Open(t, "/replay")), "[data-replay]"), "data-request"); !strings.Contains(got, `"flags":[]`) {
		t.Errorf("request = %s, want no flags", got)
	}
}

func TestReplayRefusesWhatIsNoSetting(t *testing.T) {
	s := webtest.Serve(t, nil)
	for _, c := range []webtest.Case{
		{Path: "/replay?scenario=metastabel", Status: http.StatusNotFound, Want: []string{"metastable"}},
		{Path: "/replay?scenario=metastable&seed=many", Status: http.StatusUnprocessableEntity, Want: []string{"seed"}},
		{Path: "/replay?scenario=metastable&set=queue", Status: http.StatusUnprocessableEntity, Want: []string{"PATTERN.KNOB=VALUE"}},
		{Path: "/replay?scenario=metastable&on=%3Cscript%3E", Status: http.StatusOK, Not: []string{"<script>"}},
	} {
		c.Run(t, s)
	}
}
