package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"workbench/exercises/plug"
	"workbench/exercises/shelf"
	"workbench/lab"
	"workbench/lab/beside"
	"workbench/lab/live"
	"workbench/web"
	"workbench/web/webtest"
)

// socket is a plugger of paper.
type socket struct {
	plugged  string // the answer's text
	compared bool
	again    string // what is said of an answer from before
	fail     error
}

func (s *socket) Plug(_ context.Context, _ shelf.Exercise, answer map[string]string) error {
	if s.fail == nil {
		s.plugged = answer["gate.go"]
	}
	return s.fail
}

func (s *socket) Unplug(context.Context, shelf.Exercise) error {
	s.plugged, s.again = "", ""
	return s.fail
}
func (s *socket) Plugged(shelf.Exercise) bool { return s.plugged != "" }
func (s *socket) Again(string) string         { return s.again }

func (s *socket) Compare(context.Context, shelf.Exercise) (beside.Result, error) {
	if s.plugged == "" {
		return beside.Result{}, plug.ErrNotPlugged
	}
	s.compared = true
	r, _ := s.Compared(shelf.Exercise{})
	return r, nil
}

func (s *socket) Compared(shelf.Exercise) (beside.Result, bool) {
	return beside.Result{
		Pattern: "concurrency", Seed: 7, Setting: "a surge", Duration: 4e9, Patience: 15e7, Lag: 1e9,
		Columns: []beside.Column{
			{State: lab.Off, Offered: 100, Good: 31, Late: 69, Curve: []int{31}},
			{State: lab.On, Offered: 100, Good: 72, Refused: 28, P99: 25e6, Curve: []int{72}},
			{State: lab.Yours, Offered: 100, Good: 73, Refused: 27, Curve: []int{73}, Guard: "guard open: it hangs", Counters: map[string]uint64{lab.EventDecisions: 98, lab.EventFallbacks: 2}},
		},
	}, s.compared
}

// plugs serves a site on which answers can be plugged in.
func plugs(t *testing.T) (*webtest.Site, chan<- struct{}, *socket) {
	k := &socket{}
	s, next := desks(t, 4, func(x *web.Exercises) { x.Plug = k })
	return s, next, k
}

// An accepted answer is plugged in, compared and taken out; before there is one,
// nothing is.
func TestPlug(t *testing.T) {
	s, next, k := plugs(t)
	at := func(method, path string, status int, want ...string) {
		t.Helper()
		webtest.Case{Method: method, Path: "/api/exercises/" + path, Body: `{}`, Session: true, Status: status, Want: want}.Run(t, s)
	}
	webtest.Case{Method: "POST", Path: "/api/exercises/gate/plug", Body: `{}`, Status: http.StatusUnauthorized}.Run(t, s)
	at("POST", "gate/plug", http.StatusConflict, "no answer to this exercise was accepted yet: check one first")
	at("POST", "none/plug", http.StatusNotFound, "no such exercise")
	at("POST", "gate/compare", http.StatusConflict, "plug it in first")
	if panel := one(t, parse(t, s.Open(t, "/exercises/gate")), "[data-plug]"); !has(panel, "hidden") {
		t.Error("the page offers to plug in what was not accepted")
	}
	for _, text := range []string{"wrong", "right // the first", "right // the second"} {
		res, _ := webtest.Case{Method: "POST", Path: "/api/exercises/gate/attempts", Body: `{"files":{"gate.go":"package gate // ` + text + `"}}`, Session: true, Status: http.StatusAccepted}.Run(t, s)
		next <- struct{}{}
		steps(t, s, res.Header.Get("Location"))
	}
	panel := one(t, parse(t, s.Open(t, "/exercises/gate")), "[data-plug]")
	if has(panel, "hidden") || !strings.Contains(words(panel), "Plug it into the lab") || !strings.Contains(words(panel), "Concurrency limit") {
		t.Errorf("after a pass the panel reads %q", words(panel))
	}
	at("POST", "gate/plug", http.StatusOK, `"pattern":"concurrency"`, `"attempt":3`)
	if k.plugged != "package gate // right // the second" {
		t.Errorf("plugged in is %q, want the latest accepted answer", k.plugged)
	}
	at("POST", "gate/compare", http.StatusOK, `"state":"yours"`, `"good":73`)
	text := words(one(t, parse(t, s.Open(t, "/exercises/gate")), "[data-plug]"))
	for _, want := range []string{"Plugged in", "Take it out", "a surge.", "without ours yours", "answered in time 31 72 73", "refused by the pattern 0 28 27", "98 decisions", "ours stood in for 2", "Yours: guard open: it hangs.", "Distrust these figures"} {
		if !strings.Contains(text, want) {
			t.Errorf("the panel lacks %q: %s", want, text)
		}
	}
	at("DELETE", "gate/plug", http.StatusOK, `"plugged":false`)
	k.again = "was plugged in and could not be again, so ours decides: it is unfit"
	text = words(one(t, parse(t, s.Open(t, "/exercises/gate")), "[data-plug]"))
	for _, want := range []string{"Your answer was plugged in and could not be again, so ours decides: it is unfit.", "Plug it into the lab", "Take it out"} {
		if !strings.Contains(text, want) {
			t.Errorf("the panel lacks %q: %s", want, text)
		}
	}
	at("DELETE", "gate/plug", http.StatusOK, `"plugged":false`)
	for err, status := range map[error]int{plug.ErrBusy: http.StatusServiceUnavailable, plug.ErrNoSlot: http.StatusConflict, live.ErrConflict: http.StatusConflict, errors.New("a bug"): http.StatusInternalServerError} {
		k.fail = err
		at("POST", "gate/plug", status)
	}
}

func TestNothingIsPluggedWhereNothingIsRun(t *testing.T) {
	s, _ := desks(t, 4, func(x *web.Exercises) { x.Why = "the sandbox is none" })
	webtest.Case{Method: "POST", Path: "/api/exercises/gate/plug", Body: `{}`, Session: true, Status: http.StatusForbidden, Want: []string{"the sandbox is none"}}.Run(t, s)
	if strings.Contains(s.Open(t, "/exercises/gate"), "data-plug") {
		t.Error("the page offers what cannot be done")
	}
}

// steps waits for the end of an attempt.
func steps(t *testing.T, s *webtest.Site, at string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+at+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
}
