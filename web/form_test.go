package web_test

import (
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"workbench/web/webtest"
)

// refused sends a wrong form as a person's browser does and returns the page
// that comes back.
func refused(t *testing.T, s *webtest.Site, path string, values url.Values, status int, want ...string) string {
	t.Helper()
	_, page := webtest.Case{Method: "POST", Path: path, Body: values.Encode(), Session: true, Status: status, Want: append(want, "<form", "Nothing was changed."), Not: []string{"Go to the lab"},
		Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}}.Run(t, s)
	return page
}

// A wrong entry comes back with its form: what was typed is still there, and
// the fault stands at its field.
func TestAWrongFormComesBack(t *testing.T) {
	s, _ := seen(t)
	for _, c := range []struct {
		path, field, value string
		more               url.Values
		want               string
	}{
		{"/incident/start", "seed", "abc", nil, "Give a whole number, or nothing."},
		{"/alerts/settings", "objective", "often", url.Values{"share": {"7.5"}}, "Give a percentage from 0 to 100."},
		{"/traces/settings", "slow_ms", "soon", url.Values{"share": {"7.5"}, "tail": {"1"}}, "milliseconds from 0"},
		{"/logs/settings", "share", "101", url.Values{"mode": {"errors"}}, "Give a percentage from 0 to 100."},
		{"/series/settings", "limit", "-1", nil, "Give a whole number from 1"},
	} {
		t.Run(c.path, func(t *testing.T) {
			v := url.Values{c.field: {c.value}}
			for name, all := range c.more {
				v[name] = all
			}
			doc := parse(t, refused(t, s, c.path, v, 422))
			in := one(t, doc, "input[name="+c.field+"]")
			if attr(in, "value") != c.value || attr(in, "aria-invalid") != "true" || attr(in, "aria-describedby") != "fault-"+c.field {
				t.Errorf("the field holds %q, invalid %q, described by %q; want it as typed and marked", attr(in, "value"), attr(in, "aria-invalid"), attr(in, "aria-describedby"))
			}
			if got := words(one(t, doc, "[id=fault-"+c.field+"]")); !strings.Contains(got, c.want) {
				t.Errorf("at the field stands %q, want %q", got, c.want)
			}
			if c.more.Has("share") && attr(one(t, doc, "input[name=share]"), "value") != "7.5" {
				t.Error("the field beside it is not as it was typed")
			}
			if c.path == "/traces/settings" && (has(one(t, doc, "input[name=on]"), "checked") || !has(one(t, doc, "input[name=tail]"), "checked")) {
				t.Error("the boxes are not as they were ticked")
			}
		})
	}
	if got := refused(t, s, "/logs/settings", url.Values{"mode": {"loud"}, "share": {"1"}}, 422); !strings.Contains(got, "all, sampled, errors or off") || strings.Contains(got, "[all sampled") {
		t.Error("the modes are not listed as one reads them")
	}
	send(t, s, "/incident/start", url.Values{"seed": {"5"}}, 303, "")
	page := refused(t, s, "/incident/answer", url.Values{"cause": {"crowd"}}, 422, "one of the list of what helps")
	if got := words(one(t, parse(t, page), "[id=fault-fix]")); !strings.Contains(got, "what helps") || strings.Contains(page, "@component") {
		t.Errorf("beside the list stands %q", got)
	}
	for _, in := range all(parse(t, page), "input[value=crowd]") {
		if !has(in, "checked") {
			t.Error("the chosen cause is lost")
		}
	}
}

// An answer that is refused is not lost, nor is the tick that is missing.
func TestAWrongAnswerComesBack(t *testing.T) {
	s := stage(t)
	long := strings.Repeat("x", 20_001)
	doc := parse(t, refused(t, s, "/rehearse/retries-worse", url.Values{"text": {long}, "elapsed_ms": {"55000"}}, 422))
	if got := words(one(t, doc, "textarea")); got != long {
		t.Errorf("%d bytes of the answer are left, want %d", len(got), len(long))
	}
	if got := attr(one(t, doc, "input[name=elapsed_ms]"), "value"); got != "55000" {
		t.Errorf("the clock is back at %s ms", got)
	}
	refused(t, s, "/rehearse/retries-worse", url.Values{"text": {" "}}, 422, "an answer of 1 to 20000 bytes")
	d, _ := diary(t)
	page := refused(t, d, "/progress/forget", url.Values{}, 422, "the tick that says")
	if !strings.Contains(page, "<details open") || !strings.Contains(page, `id="fault-sure"`) || strings.Contains(page, "@component") {
		t.Error("the form for deleting is folded away, or does not say what is wrong")
	}
}

// A ruling that is refused comes back at the concept that it was for, open and
// filled in; characters are counted, not bytes.
func TestAWrongRulingComesBack(t *testing.T) {
	s := stage(t)
	at := post(t, s, "/rehearse/retries-worse", url.Values{"text": {"Retries multiply the load while the service is down."}}).Header.Get("Location")
	forms := all(parse(t, s.Open(t, at)), "details[class=rule]")
	if len(forms) < 2 {
		t.Fatalf("%d items can be overruled, want two at least", len(forms))
	}
	field := func(form *html.Node, name string) string { return attr(one(t, form, "input[name="+name+"]"), "value") }
	concept, verdict := field(forms[1], "concept"), field(forms[1], "verdict")
	ruling := func(reason string) url.Values {
		return url.Values{"concept": {concept}, "verdict": {verdict}, "reason": {reason}}
	}
	for _, reason := range []string{"", strings.Repeat("ü", 301)} {
		doc := parse(t, refused(t, s, at+"/rulings", ruling(reason), 422, "a reason of 1 to 300 characters"))
		open := 0
		for _, form := range all(doc, "details[class=rule]") {
			if !has(form, "open") {
				continue
			}
			open++
			in := one(t, form, "input[name=reason]")
			if field(form, "concept") != concept || attr(in, "value") != reason || attr(in, "aria-invalid") != "true" || attr(in, "aria-describedby") != "fault-reason" || !has(in, "required") {
				t.Errorf("%d characters: open is the form of %s with %q, want that of %s, as typed and marked", len([]rune(reason)), field(form, "concept"), attr(in, "value"), concept)
			}
			if got := words(one(t, form, "[id=fault-reason]")); got != "Give a reason of 1 to 300 characters." {
				t.Errorf("at the field stands %q", got)
			}
		}
		if open != 1 {
			t.Errorf("%d forms are open, want the one that was sent", open)
		}
	}
	if res := post(t, s, at+"/rulings", ruling(strings.Repeat("ü", 300))); res.StatusCode != 303 {
		t.Errorf("300 characters: %d, want 303", res.StatusCode)
	}
}
