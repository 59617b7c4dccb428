//go:build exercise

package etag304_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	etag304 "workbench/exercises/15-etag-304/start"
)

type handle = http.HandlerFunc

func try(t testing.TB, h http.Handler, method string, have ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/x", nil)
	if len(have) > 0 {
		r.Header["If-None-Match"] = have
	}
	w := httptest.NewRecorder()
	etag304.Wrap(h).ServeHTTP(w, r)
	tell(t, "%s, If-None-Match %.60q = %d, ETag %.40q, %d bytes", method, have, w.Code, w.Header().Get("ETag"), w.Body.Len())
	return w
}

func TestOwnTag(t *testing.T) {
	for _, own := range []string{`"v7"`, `W/"v7"`} {
		h := handle(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", own)
			io.WriteString(w, "seven")
		})
		if w := try(t, h, "GET"); w.Header().Get("ETag") != own || w.Code != 200 || w.Body.String() != "seven" {
			t.Errorf("own tag %s: answer %d %q with tag %s", own, w.Code, w.Body, w.Header().Get("ETag"))
		}
		for have, want := range map[string]int{`"v7"`: 304, `W/"v7"`: 304, `"v8"`: 200, `"W/v7"`: 200} {
			if w := try(t, h, "GET", have); w.Code != want || w.Header().Get("ETag") != own {
				t.Errorf("own tag %s, If-None-Match %s: %d with tag %s, want %d", own, have, w.Code, w.Header().Get("ETag"), want)
			}
		}
	}
}

func TestLists(t *testing.T) {
	h := handle(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"a,b"`)
		io.WriteString(w, "body")
	})
	for _, c := range []struct {
		have []string
		want int
	}{
		{[]string{`"x", "a,b"`}, 304},
		{[]string{`"x","y",W/"a,b"`}, 304},
		{[]string{`W/"x" , 	"a,b" ,"z"`}, 304},
		{[]string{`, "a,b",`}, 304},
		{[]string{`"x"`, `"a,b"`}, 304},
		{[]string{`"a", "b"`}, 200},
		{[]string{`"x,"a", b"`}, 200},
		{[]string{`"a,b`}, 200},
		{[]string{`"x"`, `"y"`}, 200},
		{[]string{""}, 200},
	} {
		if w := try(t, h, "GET", c.have...); w.Code != c.want {
			t.Errorf("tag \"a,b\", If-None-Match %q: %d, want %d", c.have, w.Code, c.want)
		}
	}
}

func TestOthersUntouched(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
	}{{"POST", 200}, {"PUT", 200}, {"DELETE", 200}, {"GET", 404}, {"GET", 500}, {"GET", 201}, {"GET", 206}, {"HEAD", 404}} {
		h := handle(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			io.WriteString(w, "said")
		})
		w := try(t, h, c.method, "*")
		body := "said"
		if c.method == "HEAD" {
			body = ""
		}
		if w.Code != c.status || w.Header().Get("ETag") != "" || w.Body.String() != body {
			t.Errorf("%s answered %d: got %d %q with tag %q, want it untouched", c.method, c.status, w.Code, w.Body, w.Header().Get("ETag"))
		}
	}
}

func TestStatusOnce(t *testing.T) {
	h := handle(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		w.WriteHeader(500)
		io.WriteString(w, "one ")
		io.WriteString(w, "two")
	})
	if w := try(t, h, "GET"); w.Code != 200 || w.Body.String() != "one two" || w.Header().Get("ETag") == "" {
		t.Errorf("two WriteHeaders and two Writes = %d %q, tag %q", w.Code, w.Body, w.Header().Get("ETag"))
	}
	if w := try(t, handle(func(http.ResponseWriter, *http.Request) {}), "GET"); w.Code != 200 || w.Header().Get("ETag") == "" {
		t.Errorf("a silent handler = %d with tag %q, want 200 with the tag of nothing", w.Code, w.Header().Get("ETag"))
	}
}

func TestGarbage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(15, 304))
	h := handle(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "body") })
	for range 3000 {
		var have strings.Builder
		for range rnd.IntN(12) {
			have.WriteByte(`",W/ ab;`[rnd.IntN(8)])
		}
		if w := try(quiet{t}, h, "GET", have.String()); w.Code != 200 || w.Body.String() != "body" {
			tell(t, "GET, If-None-Match %q = %d", have.String(), w.Code)
			t.Fatalf("If-None-Match %q gives %d %q, want 200 and the body", have.String(), w.Code, w.Body)
		}
	}
	if w := try(t, h, "GET", strings.Repeat(`"x",`, 20_000)); w.Code != 200 {
		t.Errorf("80 kB of tags give %d, want 200", w.Code)
	}
}

// TestLongBody writes ten times what may be held, and looks while it does.
func TestLongBody(t *testing.T) {
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	rec := httptest.NewRecorder()
	h := handle(func(w http.ResponseWriter, _ *http.Request) {
		for n := 0; n < 10*etag304.MaxBody; n += len(chunk) {
			w.Write(chunk)
			if n == 0 || n+len(chunk) == etag304.MaxBody || n == etag304.MaxBody {
				tell(t, "%d bytes are written, the client has %d", n+len(chunk), rec.Body.Len())
			}
			if held := n + len(chunk) - rec.Body.Len(); held > etag304.MaxBody {
				t.Fatalf("%d bytes are held back, want at most %d", held, etag304.MaxBody)
			}
		}
	})
	etag304.Wrap(h).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	tell(t, "GET of %d bytes = %d, ETag %q, %d bytes", 10*etag304.MaxBody, rec.Code, rec.Header().Get("ETag"), rec.Body.Len())
	if rec.Code != 200 || rec.Body.Len() != 10*etag304.MaxBody {
		t.Errorf("long body = %d with %d bytes, want 200 with %d", rec.Code, rec.Body.Len(), 10*etag304.MaxBody)
	}
	if tag := rec.Header().Get("ETag"); tag != "" {
		t.Errorf("a body nobody holds has the tag %s", tag)
	}
	if w := try(t, handle(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, etag304.MaxBody)) }), "GET"); w.Header().Get("ETag") == "" {
		t.Errorf("a body of exactly MaxBody has no tag")
	}
}

func TestPanic(t *testing.T) {
	rec := httptest.NewRecorder()
	defer func() {
		p := recover()
		tell(t, "GET of a handler that writes and then panics: recovered %v, the client has %d bytes", p, rec.Body.Len())
		if p != http.ErrAbortHandler {
			t.Errorf("recovered %v, want the handler's own panic", p)
		}
		if rec.Body.Len() > 0 || rec.Header().Get("ETag") != "" {
			t.Errorf("a handler that panicked sent %q with tag %q", rec.Body, rec.Header().Get("ETag"))
		}
	}()
	etag304.Wrap(handle(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	})).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
}

func TestConcurrent(t *testing.T) {
	h := etag304.Wrap(handle(func(w http.ResponseWriter, r *http.Request) {
		for i := range 20 {
			fmt.Fprintf(w, "%s line %d\n", r.URL.Path, i)
		}
	}))
	tags := make([]string, 32)
	tell(t, "%d goroutines begin to GET, 20 times each", len(tags))
	var wg sync.WaitGroup
	for i := range tags {
		wg.Go(func() {
			for range 20 {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprint("/", i), nil))
				if !strings.HasPrefix(w.Body.String(), fmt.Sprintf("/%d line 0\n/%d line 1\n", i, i)) {
					t.Errorf("/%d got the body %.30q", i, w.Body)
				}
				if tag := w.Header().Get("ETag"); tags[i] != "" && tags[i] != tag {
					t.Errorf("/%d got the tags %s and %s for one body", i, tags[i], tag)
				} else {
					tags[i] = tag
				}
			}
		})
	}
	wg.Wait()
	tell(t, "GET by %d goroutines, 20 times each; the first got the tag %s", len(tags), tags[0])
	seen := map[string]bool{}
	for _, tag := range tags {
		seen[tag] = true
	}
	if len(seen) != len(tags) {
		t.Errorf("%d different bodies got %d tags", len(tags), len(seen))
	}
}

// TestOwnTagStreams watches the client's side while the handler still writes.
func TestOwnTagStreams(t *testing.T) {
	for _, c := range []struct {
		have string
		code int
		sent int
	}{{"", 200, 5}, {`"v1"`, 304, 0}} {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("If-None-Match", c.have)
		etag304.Wrap(handle(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"v1"`)
			if n, err := w.Write([]byte("first")); n != 5 || err != nil {
				t.Errorf("Write = %d, %v; want 5 and no error, also when the bytes are dropped", n, err)
			}
			tell(t, "If-None-Match %q: Write of 5 bytes in a handler with its own tag; the client has %d and %d bytes", c.have, rec.Code, rec.Body.Len())
			if rec.Code != c.code || rec.Body.Len() != c.sent {
				t.Errorf("If-None-Match %q: after the first Write the client has %d with %d bytes, want %d with %d: a handler that names its answer needs no buffer", c.have, rec.Code, rec.Body.Len(), c.code, c.sent)
			}
		})).ServeHTTP(rec, r)
	}
}
