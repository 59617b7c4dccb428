package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/journal"
	"workbench/lab/trace"
	"workbench/web"
	"workbench/web/webtest"
)

func seen(t *testing.T) (*webtest.Site, *webtest.Seen) {
	t.Helper()
	o, err := webtest.NewSeen()
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Serve(t, func(c *web.Config) { c.Observe = o }), o
}

func id(o *webtest.Seen) string { return o.Tracer.Store().List(trace.Query{})[0].ID.String() }

func TestPagesOfWhatIsSeen(t *testing.T) {
	s, o := seen(t)
	for _, c := range []webtest.Case{
		{Path: "/signals", Status: 200, Want: []string{"100.0/s", "10.0 %", "gate gate", "50 %", "7 waiting", "3.0/s", "Slowest now", "/traces/" + id(o)}},
		{Path: "/traces", Status: 200, Want: []string{"/traces/" + id(o), "queue_full", "failed"}},
		{Path: "/traces?show=failed&op=read&instance=a", Status: 200, Want: []string{"/traces/" + id(o)}},
		{Path: "/traces?op=write", Status: 200, Want: []string{"None yet"}, Not: []string{id(o)}},
		{Path: "/traces?show=worst", Status: 422, Want: []string{"latest, slowest or failed"}},
		{Path: "/traces/" + id(o), Status: 200, Want: []string{"queue", "refused", "user 42", `class="fall pattern bad"`, "Its log lines", "/logs?trace=" + id(o)}},
		{Path: "/traces/" + strings.Repeat("1", 32), Status: 404, Want: []string{"not kept"}},
		{Path: "/traces/xyz", Status: 422, Want: []string{"32 hexadecimal digits"}},
		{Path: "/logs", Status: 200, Want: []string{"read · shed · queue_full · user 42", "/traces/" + id(o)}},
		{Path: "/logs?trace=" + id(o), Status: 200, Want: []string{"queue_full"}},
		{Path: "/logs?level=error", Status: 200, Not: []string{"queue_full"}},
		{Path: "/logs?outcome=ok", Status: 200, Not: []string{"queue_full"}},
		{Path: "/logs?level=loud", Status: 422, Want: []string{"debug, info, warn or error"}},
		{Path: "/alerts", Status: 200, Want: []string{"Threshold", "Burn rate", "still rings"}},
		{Path: "/series", Status: 200, Want: []string{"user_id"}},
		{Path: "/incident", Status: 200, Want: []string{"Start an incident"}},
		{Path: "/api/traces?show=failed", Status: 200, Want: []string{id(o), `"why":"failed"`, `"counts"`}},
		{Path: "/api/traces/" + id(o), Status: 200, Want: []string{`"name":"queue"`}},
		{Path: "/api/logs?trace=" + id(o), Status: 200, Want: []string{`"reason":"queue_full"`}},
	} {
		t.Run(c.Path, func(t *testing.T) {
			if strings.HasPrefix(c.Path, "/traces") || strings.HasPrefix(c.Path, "/logs") {
				c.Header = map[string]string{"Accept": "text/html"}
			}
			c.Run(t, s)
		})
	}
}

// send sends a form as a page does.
func send(t *testing.T, s *webtest.Site, path string, values url.Values, status int, want string) {
	t.Helper()
	webtest.Case{Method: "POST", Path: path, Body: values.Encode(), Session: true, Status: status, Want: []string{want},
		Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}.Run(t, s)
}

func TestSettingsOfWhatIsSeen(t *testing.T) {
	s, o := seen(t)
	send(t, s, "/traces/settings", url.Values{"on": {"1"}, "share": {"12.5"}, "slow_ms": {"300"}}, 303, "")
	if got := o.Tracer.Settings(); got != (trace.Settings{On: true, Share: .125, Slow: 300 * time.Millisecond}) {
		t.Errorf("tracing is %+v, want 12.5 %% from 300 ms on without the tail", got)
	}
	send(t, s, "/logs/settings", url.Values{"mode": {"errors"}, "share": {"5 %"}}, 303, "")
	if got := o.Lines.Settings(); got != (journal.Settings{Mode: journal.Errors, Share: .05}) {
		t.Errorf("logging is %+v, want errors and 5 %%", got)
	}
	send(t, s, "/series/settings", url.Values{"on": {"1"}, "guard": {"1"}, "limit": {"7"}}, 303, "")
	if got := o.Metric.Settings(); !got.On || !got.Guard || got.Limit != 7 {
		t.Errorf("the series are %+v, want them on, guarded at 7", got)
	}
	send(t, s, "/alerts/settings", url.Values{"objective": {"99.9"}, "share": {"1"}}, 303, "")
	if got := o.Alarm().Config; got.Objective < .9989 || got.Objective > .9991 || got.Share != .01 {
		t.Errorf("the alarm is %+v, want 99.9 %% and 1 %%", got)
	}
	for _, c := range []struct{ path, field, value, want string }{
		{"/traces/settings", "share", "101", "share: got"}, {"/logs/settings", "mode", "loud", "mode: got"},
		{"/series/settings", "limit", "-1", "limit: got"}, {"/alerts/settings", "objective", "x", "objective: got"},
	} {
		v := url.Values{"share": {"1"}, "slow_ms": {"1"}, "mode": {"all"}, "limit": {"1"}, "objective": {"99"}}
		v.Set(c.field, c.value)
		send(t, s, c.path, v, 422, c.want)
	}
	webtest.Case{Method: "POST", Path: "/traces/settings", Status: 401}.Run(t, s) // nobody without a session
}

func TestARehearsalOnThePage(t *testing.T) {
	s, o := seen(t)
	send(t, s, "/incident/start", url.Values{"seed": {"5"}}, 303, "")
	cause := o.Cause()
	page := s.Open(t, "/incident")
	if strings.Contains(page, cause.Clue) || strings.Count(page, `type="radio"`) != 18 {
		t.Errorf("the page gives the cause away or lacks a choice:\n%s", page)
	}
	send(t, s, "/incident/seen", nil, 303, "")
	if v := o.Incident(); v.False != 1 || v.Seen {
		t.Errorf("before the strike: %+v, want a false alarm", v)
	}
	o.Pass(90 * time.Second)
	send(t, s, "/incident/seen", nil, 303, "")
	send(t, s, "/incident/answer", url.Values{"cause": {cause.Name}, "fix": {cause.Fix}}, 303, "")
	doc := s.Open(t, "/incident")
	for _, want := range []string{"Solved.", cause.Title, "time to detect", "false alarms"} {
		if !strings.Contains(doc, want) {
			t.Errorf("the page after the answer lacks %q", want)
		}
	}
	send(t, s, "/incident/start", url.Values{"seed": {"many"}}, 422, "seed: got")
}

// event reads the first event of a stream.
func event(t *testing.T, s *webtest.Site, path string, after func()) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "retry:") {
			after()
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			return data
		}
	}
	t.Fatalf("%s ended without an event: %v", path, lines.Err())
	return ""
}

func TestStreamsOfWhatIsSeen(t *testing.T) {
	s, o := seen(t)
	got := event(t, s, "/api/logs/stream?outcome=late", func() {
		o.Request(lab.Response{})
		o.Request(lab.Refuse(lab.Late, lab.ReasonDeadline, 0))
	})
	if !strings.Contains(got, `read · late · deadline`) {
		t.Errorf("the stream sends %s, want the late request alone", got)
	}
	for path, want := range map[string]string{
		"/api/signals/stream": `"o0r":"100.0/s"`, "/api/signals/stream?shape=other": `"reload":`, "/api/alerts/stream": `"lt@data-lamp":"off"`, "/api/series/stream": `"n":"–"`,
	} {
		if got := event(t, s, path, o.Tick); !strings.Contains(got, want) {
			t.Errorf("%s sends %.200s…, want %s in it", path, got, want)
		}
	}
}
