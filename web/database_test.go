package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"workbench/lab/live"
	"workbench/web"
	"workbench/web/webtest"
)

// TestDatabase works the page as a person would, on a real lab.
func TestDatabase(t *testing.T) {
	lab, err := live.New(t.Context(), live.Config{Dir: t.TempDir(), Embedded: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := webtest.Serve(t, func(c *web.Config) { c.Rooms = []web.Room{web.DatabaseRoom(lab)} })
	webtest.Case{Path: "/database", Status: http.StatusOK, Want: []string{"SQLite", "still starting"}}.Run(t, s)
	if _, err := lab.Load(t.Context(), live.ScenarioChange{Name: "metastable"}); err != nil {
		t.Fatal(err)
	}
	s.Open(t, "/database")
	form := func(status int, want string, fields ...string) {
		t.Helper()
		values := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			values.Set(fields[i], fields[i+1])
		}
		res, body := webtest.Case{
			Method: "POST", Path: "/database", Session: true, Body: values.Encode(), Status: status,
			Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		}.Run(t, s)
		if want != "" && !strings.Contains(body, want) {
			t.Errorf("POST %v = %d without %q: %s", fields, res.StatusCode, want, body)
		}
	}
	form(http.StatusConflict, "no replica is read", "change", "lag", "on", "true", "by", "1s")
	form(http.StatusUnprocessableEntity, "own", "change", "settings", "own", "maybe")
	form(http.StatusUnprocessableEntity, "change", "change", "everything")
	form(http.StatusSeeOther, "", "change", "settings", "reads", "replicas", "own", "pin")
	doc := parse(t, s.Open(t, "/database"))
	if got := len(all(doc, "tr[data-replica]")); got != 2 {
		t.Errorf("the page shows %d replicas, want 2", got)
	}
	form(http.StatusUnprocessableEntity, "by", "change", "lag", "on", "true", "by", "soon")
	lag := parse(t, refused(t, s, "/database", url.Values{"change": {"lag"}, "on": {"true"}, "by": {"soon"}}, 422))
	if got := words(one(t, lag, "[id=fault-by]")); attr(one(t, lag, "input[name=by]"), "value") != "soon" || !strings.Contains(got, "a duration such as 500ms") {
		t.Errorf("the lag does not come back as it was typed, or at it stands %q", got)
	}
	knobs := parse(t, refused(t, s, "/database", url.Values{"change": {"settings"}, "own": {"maybe"}, "reads": {"replicas"}}, 422))
	if got := words(one(t, knobs, "[id=knob-database-own-fault]")); !strings.Contains(got, "Give ") || !has(one(t, knobs, "option[value=replicas]"), "selected") {
		t.Errorf("the settings do not come back as they were chosen, or at the wrong one stands %q", got)
	}
	form(http.StatusSeeOther, "", "change", "lag", "on", "true", "by", "2s")
	if body := s.Open(t, "/database"); !strings.Contains(body, "End the lag") {
		t.Error("the page does not offer to end the lag that is on")
	}
	form(http.StatusSeeOther, "", "change", "lag", "on", "false")
	webtest.Case{Method: "PUT", Path: "/api/lab/database", Session: true, Body: `{"reads":"primary"}`, Status: http.StatusOK, Want: []string{`"database":{"label":"SQLite"`}}.Run(t, s)
	webtest.Case{Method: "PUT", Path: "/api/lab/database", Session: true, Body: `{"reads":"moon"}`, Status: http.StatusUnprocessableEntity, Want: []string{"reads"}}.Run(t, s)
	webtest.Case{Path: "/api/lab/database", Status: http.StatusMethodNotAllowed}.Run(t, s)
	if strings.Contains(s.Open(t, "/database"), "<tr data-replica") {
		t.Error("with reads from the primary the page still shows replicas")
	}
}
