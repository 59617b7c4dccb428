package web_test

import (
	"net/url"
	"strings"
	"testing"

	"workbench/web/webtest"
)

// While an incident is rehearsed nothing on the lab's page can be pressed, and
// the page says why and where it ends.
func TestLabIsOutOfUseDuringARehearsal(t *testing.T) {
	s := webtest.Serve(t, nil)
	s.Lab.Veil(true)
	doc := parse(t, s.Open(t, "/lab"))
	shut := 0
	for _, f := range all(doc, "fieldset") {
		if cls := attr(f, "class"); strings.Contains(cls, "bare") {
			shut++
			if !has(f, "disabled") {
				t.Errorf("the controls %q are open", words(f))
			}
		}
	}
	if shut < 10 {
		t.Errorf("%d groups of controls are shut, want every switch, the traffic, the faults, the instances and the picker", shut)
	}
	if !has(one(t, doc, "div[data-lab]"), "data-veiled") {
		t.Error("the page's script is not told")
	}
	intro := one(t, doc, "section[aria-label=The scenario]")
	if got := words(intro); !strings.Contains(got, "incident is being rehearsed") || len(all(intro, "a[href=/incident]")) == 0 {
		t.Errorf("the page says %q, want why, and a link to the rehearsal", got)
	}
	if got := words(one(t, doc, "section[aria-labelledby=faults-title]")); !strings.Contains(got, "Out of use") {
		t.Errorf("the faults' card says %q, want why it is empty", got)
	}
	var chosen []string
	for _, o := range all(one(t, doc, "[data-scenario-pick]"), "option") {
		if has(o, "selected") {
			chosen = append(chosen, words(o))
		}
	}
	if len(chosen) != 1 || chosen[0] != "On call" {
		t.Errorf("the picker shows %q, want the rehearsal's scenario", chosen)
	}
	s.Lab.Veil(false)
	if page := s.Open(t, "/lab"); strings.Contains(page, "data-veiled") || strings.Contains(page, "being rehearsed") {
		t.Error("the page is still shut after the rehearsal")
	}
}

// Who gives up before anything was wrong reads of nothing that did not happen.
func TestGivenUpBeforeItBegan(t *testing.T) {
	s, o := seen(t)
	send(t, s, "/incident/start", url.Values{"seed": {"5"}}, 303, "")
	cause := o.Cause()
	send(t, s, "/incident/end", nil, 303, "")
	page := words(one(t, parse(t, s.Open(t, "/incident")), "section"))
	for _, want := range []string{"Given up.", "It had not begun yet", "it ended 0:00 after the start"} {
		if !strings.Contains(page, want) {
			t.Errorf("the result reads %q, want %q in it", page, want)
		}
	}
	for _, not := range []string{cause.Title, cause.Clue, "it began", "What helps"} {
		if strings.Contains(page, not) {
			t.Errorf("the result says %q, which did not happen", not)
		}
	}
}

// A service that is down though nobody has pressed anything says why, with the
// button that helps beside it.
func TestLabSaysWhyItIsDownWithoutAnEvent(t *testing.T) {
	s := webtest.Serve(t, nil)
	box := one(t, parse(t, s.Open(t, "/lab")), "[data-stalled]")
	if !has(box, "hidden") {
		t.Error("the box is shown on a service that is well")
	}
	const why = "This machine stood still for 8 s; the users' retries have kept the service down since. Restart to begin calm."
	s.Lab.Stall(why)
	box = one(t, parse(t, s.Open(t, "/lab")), "[data-stalled]")
	if has(box, "hidden") || !strings.Contains(words(box), why) || len(all(box, "button[data-restart]")) != 1 {
		t.Errorf("the box says %q, want why, and Restart", words(box))
	}
	webtest.Case{Path: "/api/lab", Status: 200, Want: []string{`"stalled":"This machine stood still`}}.Run(t, s)
}
