package edge_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"workbench/lab/edge"
)

// conformance is one row of the table: what a shared cache does with a few
// requests in turn, in virtual time.
type conformance struct {
	group, name string
	steps       []step
}

// step is one request and what the origin would answer to it.
type step struct {
	after  int    // seconds to wait first
	do     string // method and path; "" is GET /
	ask    string // the request's fields, between bars
	give   string // the origin's status, if not 200, and fields, between bars; @N is a date N seconds from now; "down": no answer
	body   string // "": one that names the request to the origin
	want   string // who answers: hit, origin, tag or date (the origin, asked with If-None-Match or If-Modified-Since), nobody
	status int    // 0: 200
	has    string // fields of the answer, between bars; without a value: the field is there
	lacks  string // names of fields, between bars, that it must not have
	is     string // the body; "": not looked at
}

// fakeOrigin answers with what the step says. It has no clock of its own.
type fakeOrigin struct {
	t     *testing.T
	now   *time.Time
	step  step
	tag   string // of the last answer it gave
	date  string
	calls int
	asked http.Header // of the last request
}

func (o *fakeOrigin) RoundTrip(r *http.Request) (*http.Response, error) {
	o.calls++
	o.asked = r.Header.Clone()
	if o.step.give == "down" {
		return nil, errors.New("connection reset")
	}
	if o.step.give == "mislead" && r.Header.Get("If-None-Match") != "" {
		return &http.Response{StatusCode: http.StatusNotModified, Header: http.Header{"Etag": {`"other"`}}, Body: http.NoBody}, nil
	}
	status, head := parseAnswer(o.step.give, *o.now)
	body := o.step.body
	if body == "" {
		body = "answer " + strconv.Itoa(o.calls)
	}
	// Like a real origin it says 304 when the condition holds, but only where the
	// step is about that.
	if o.step.want == "tag" && o.tag != "" && strings.Contains(r.Header.Get("If-None-Match"), o.tag) ||
		o.step.want == "date" && o.date != "" && r.Header.Get("If-Modified-Since") == o.date {
		status, body = http.StatusNotModified, ""
	}
	if status != http.StatusNotModified {
		o.tag, o.date = head.Get("Etag"), head.Get("Last-Modified")
	}
	if status == http.StatusNoContent || r.Method == http.MethodHead {
		body = ""
	}
	res := &http.Response{
		StatusCode: status, Header: head, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		ProtoMajor: 1, ProtoMinor: 1, Request: r,
	}
	if r.Method != http.MethodHead && status != http.StatusNotModified && status != http.StatusNoContent && head.Get("Content-Length") == "" {
		head.Set("Content-Length", strconv.Itoa(len(body)))
	}
	return res, nil
}

// fields reads "Name: value | Name: value".
func fields(text string, now time.Time) http.Header {
	h := http.Header{}
	for part := range strings.SplitSeq(text, "|") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		if at, ok := strings.CutPrefix(value, "@"); ok {
			s, err := strconv.Atoi(at)
			if err != nil {
				panic("a date in the table: " + value)
			}
			value = now.Add(time.Duration(s) * time.Second).UTC().Format(http.TimeFormat)
		}
		h.Add(name, value)
	}
	return h
}

func parseAnswer(text string, now time.Time) (int, http.Header) {
	status := http.StatusOK
	first, rest, _ := strings.Cut(text, "|")
	if n, err := strconv.Atoi(strings.TrimSpace(first)); err == nil {
		status, text = n, rest
	}
	h := fields(text, now)
	if _, ok := h["Date"]; !ok {
		h.Set("Date", now.UTC().Format(http.TimeFormat))
	}
	return status, h
}

// play runs a row against a fresh cache.
func (c conformance) play(t *testing.T, settings edge.Settings) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	origin := &fakeOrigin{t: t, now: &now}
	cache, err := edge.New(edge.Config{
		Origin: &url.URL{Scheme: "http", Host: "origin.example"}, Now: func() time.Time { return now }, Transport: origin, Name: "edge", Settings: settings,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	for i, s := range c.steps {
		now = now.Add(time.Duration(s.after) * time.Second)
		origin.step, origin.asked = s, nil
		before := origin.calls
		method, path := "GET", "/"
		if s.do != "" {
			method, path, _ = strings.Cut(s.do, " ")
		}
		r := httptest.NewRequest(method, path, nil)
		r.Header = fields(s.ask, now)
		w := httptest.NewRecorder()
		cache.ServeHTTP(w, r)
		cache.Settle() // so that what was fetched in the background counts as asked for
		s.judge(t, fmt.Sprintf("request %d", i+1), w.Result(), who(origin, before))
	}
}

// who says who answered.
func who(o *fakeOrigin, before int) string {
	switch {
	case o.calls == before:
		return "hit"
	case o.asked.Get("If-None-Match") != "":
		return "tag"
	case o.asked.Get("If-Modified-Since") != "":
		return "date"
	}
	return "origin"
}

func (s step) judge(t *testing.T, what string, got *http.Response, by string) {
	t.Helper()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := s.want
	if want == "nobody" {
		want = "hit" // the origin is not asked
	}
	if want != "" && by != want && (want != "origin" || by == "hit") {
		t.Errorf("%s: answered by %s, want %s (%s)", what, by, s.want, got.Header.Get("Cache-Status"))
	}
	status := s.status
	if status == 0 {
		status = http.StatusOK
	}
	if got.StatusCode != status {
		t.Errorf("%s: status %d, want %d", what, got.StatusCode, status)
	}
	if s.is != "" && string(body) != s.is {
		t.Errorf("%s: body %q, want %q", what, body, s.is)
	}
	for part := range strings.SplitSeq(s.has, "|") {
		name, value, valued := strings.Cut(strings.TrimSpace(part), ":")
		if name == "" {
			continue
		}
		is := strings.Join(got.Header.Values(name), ", ")
		if is == "" || valued && is != strings.TrimSpace(value) {
			t.Errorf("%s: %s is %q, want %q", what, name, is, strings.TrimSpace(value))
		}
	}
	for name := range strings.SplitSeq(s.lacks, "|") {
		if name = strings.TrimSpace(name); name != "" && got.Header.Get(name) != "" {
			t.Errorf("%s: has %s: %s, want none", what, name, got.Header.Get(name))
		}
	}
}

// reused is a row in which the second request, three seconds later, is answered
// from the cache.
func reused(name, give string) conformance {
	return conformance{name: name, steps: []step{{give: give, want: "origin"}, {after: 3, want: "hit", is: "answer 1"}}}
}

// asked is a row in which it is not.
func asked(name, give string) conformance {
	return conformance{name: name, steps: []step{{give: give, want: "origin"}, {after: 3, want: "origin"}}}
}

// group names the group of rows.
func group(name string, rows ...conformance) []conformance {
	for i := range rows {
		rows[i].group = name
	}
	return rows
}
