//go:build exercise

package etag304_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	etag304 "workbench/exercises/15-etag-304/start"
)

// tell writes down what happened, for the verdict to list. There is no time in
// this exercise.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf("@- %s", fmt.Sprintf(format, args...))
}

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

// says answers every request with body.
func says(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, body)
	})
}

// ask sends one request; each have is one line of If-None-Match.
func ask(t testing.TB, h http.Handler, method string, have ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/feed", nil)
	for _, line := range have {
		r.Header.Add("If-None-Match", line)
	}
	w := httptest.NewRecorder()
	etag304.Wrap(h).ServeHTTP(w, r)
	tell(t, "%s, If-None-Match %.60q = %d, ETag %.40q, %d bytes", method, have, w.Code, w.Header().Get("ETag"), w.Body.Len())
	return w
}

var strong = regexp.MustCompile(`^"[\x21\x23-\x7e]+"$`)

func TestTag(t *testing.T) {
	a, again, b := ask(t, says("a"), "GET"), ask(t, says("a"), "GET"), ask(t, says("b"), "GET")
	tag := a.Header().Get("ETag")
	if !strong.MatchString(tag) {
		t.Fatalf("ETag = %q, want a strong one: printable text in double quotes", tag)
	}
	if a.Code != 200 || a.Body.String() != "a" {
		t.Errorf("answer = %d %q, want 200 \"a\"", a.Code, a.Body)
	}
	if got := again.Header().Get("ETag"); got != tag {
		t.Errorf("the same body got the tags %q and %q", tag, got)
	}
	if got := b.Header().Get("ETag"); got == tag {
		t.Errorf("the bodies \"a\" and \"b\" got the same tag %q", got)
	}
	if empty := ask(t, says(""), "GET"); !strong.MatchString(empty.Header().Get("ETag")) {
		t.Errorf("an empty body got the tag %q, want a strong one", empty.Header().Get("ETag"))
	}
}

func TestMatch(t *testing.T) {
	tag := ask(t, says("feed"), "GET").Header().Get("ETag")
	for _, c := range []struct {
		name, have string
		want       int
	}{
		{"the tag", tag, 304},
		{"weak form of the tag", "W/" + tag, 304},
		{"any", "*", 304},
		{"another tag", `"other"`, 200},
		{"the tag without quotes", strings.Trim(tag, `"`), 200},
		{"a tag that is a star", `"*"`, 200},
		{"nothing", "", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ask(t, says("feed"), "GET", c.have)
			if w.Code != c.want {
				t.Errorf("If-None-Match: %s gives %d, want %d", c.have, w.Code, c.want)
			}
			if body := w.Body.String(); (w.Code == 304) != (body == "") {
				t.Errorf("a %d answer has the body %q", w.Code, body)
			}
		})
	}
}

func TestNotModifiedHeaders(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Cache-Control", "Vary", "Expires", "Content-Location", "Content-Type", "Content-Length"} {
			w.Header().Set(name, "4")
		}
		io.WriteString(w, "feed")
	})
	w := ask(t, h, "GET", "*")
	if w.Code != 304 {
		t.Fatalf("code = %d, want 304", w.Code)
	}
	for _, name := range []string{"Etag", "Cache-Control", "Vary", "Expires", "Content-Location"} {
		if w.Header().Get(name) == "" {
			t.Errorf("the 304 has lost %s: a cache needs it to refresh its copy", name)
		}
	}
	for _, name := range []string{"Content-Type", "Content-Length"} {
		if v, ok := w.Header()[name]; ok {
			t.Errorf("the 304 still has %s %q, of a body it does not carry", name, v)
		}
	}
}

func TestHead(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // a handler that skips the work for HEAD
			io.WriteString(w, "feed")
		}
	})
	get, head := ask(t, h, "GET"), ask(t, h, "HEAD")
	if !maps.EqualFunc(get.Header(), head.Header(), slices.Equal[[]string]) {
		t.Errorf("headers of HEAD %v differ from those of GET %v", head.Header(), get.Header())
	}
	if head.Code != 200 || head.Body.Len() > 0 {
		t.Errorf("HEAD = %d with %d bytes, want 200 without a body", head.Code, head.Body.Len())
	}
	if w := ask(t, h, "HEAD", get.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("HEAD with the tag of GET = %d, want 304", w.Code)
	}
}
