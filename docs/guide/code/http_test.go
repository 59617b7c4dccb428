package code_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"workbench/docs/guide/code"
)

func TestTagged(t *testing.T) {
	h := code.Tagged(func(string) string { return "v7" }, func(string) []byte { return []byte("page") })
	for _, c := range []struct {
		name   string
		sent   []string
		status int
		body   string
	}{
		{"the first time", nil, 200, "page"},
		{"the same", []string{`"v7"`}, 304, ""},
		{"an older one", []string{`"v6"`}, 200, "page"},
		{"a list", []string{`"v5", "v7"`}, 304, ""},
		{"two headers", []string{`"v5"`, `"v7"`}, 304, ""},
		{"a weak one", []string{`W/"v7"`}, 304, ""},
		{"any", []string{`*`}, 304, ""},
		{"without quotation marks", []string{`v7`}, 200, "page"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["If-None-Match"] = c.sent
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("ETag") != `"v7"` {
			t.Errorf("%s: %d %q, ETag %s; want %d %q", c.name, w.Code, w.Body, w.Header().Get("ETag"), c.status, c.body)
		}
	}
}

func TestReader(t *testing.T) {
	r := &code.Reader{Pin: time.Second}
	if r.Primary(0, "ada") {
		t.Error("a user who wrote nothing reads from the primary")
	}
	r.Wrote(0, "ada")
	for _, c := range []struct {
		now  time.Duration
		user string
		want bool
	}{{0, "ada", true}, {time.Second, "ada", true}, {time.Second + 1, "ada", false}, {0, "bob", false}} {
		if got := r.Primary(c.now, c.user); got != c.want {
			t.Errorf("Primary(%v, %s) = %v, want %v", c.now, c.user, got, c.want)
		}
	}
}
