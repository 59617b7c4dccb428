//go:build exercise

package correlationid_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	correlationid "workbench/exercises/19-correlation-id/start"
)

type serve = http.HandlerFunc

// contextOf returns the context of a request with these header lines, and the answer's id.
func contextOf(t testing.TB, lines ...string) (ctx context.Context, answered string) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header[http.CanonicalHeaderKey(correlationid.Header)] = lines
	w := httptest.NewRecorder()
	correlationid.Wrap(serve(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).ServeHTTP(w, r)
	answered = w.Header().Get(correlationid.Header)
	tell(t, "a request with the ids %.40q: the handler saw %.40q, the client got %.40q", lines, correlationid.ID(ctx), answered)
	return ctx, answered
}

func TestRefusesBadIDs(t *testing.T) {
	for _, bad := range []string{
		"", " ", "a b", "a\nlevel=ERROR msg=forged", "a\r", "a\n", "{\"x\":1}", "a;b", "a/b", "a,b", "ä", "\x00", "a\xff", "<script>", "%0a",
		strings.Repeat("a", 65), strings.Repeat("a", 1<<20),
	} {
		ctx, answered := contextOf(t, bad)
		id := correlationid.ID(ctx)
		if id == bad || id == "" || id != answered || len(id) > 64 {
			t.Errorf("id %.40q: the handler saw %.40q, the client got %.40q; want a fresh one", bad, id, answered)
		}
		for _, c := range id {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", c) {
				t.Errorf("id %.40q became %.40q, which is not clean either", bad, id)
				break
			}
		}
	}
	if ctx, _ := contextOf(t, "one", "two"); correlationid.ID(ctx) == "one" || correlationid.ID(ctx) == "two" {
		t.Error("of two ids one was taken: which of them is the request?")
	}
}

func TestGroups(t *testing.T) {
	ctx, _ := contextOf(t, "r-9")
	for _, c := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"with attributes", func(l *slog.Logger) { l.With("a", 1).InfoContext(ctx, "m", "b", 2) }, `{"a":1,"b":2,"request_id":"r-9"}`},
		{"in a group", func(l *slog.Logger) { l.WithGroup("g").InfoContext(ctx, "m", "b", 2) }, `{"g":{"b":2},"request_id":"r-9"}`},
		{"in groups with attributes", func(l *slog.Logger) {
			l.With("a", 1).WithGroup("g").With("c", 3).WithGroup("h").InfoContext(ctx, "m", "b", 2)
		}, `{"a":1,"g":{"c":3,"h":{"b":2}},"request_id":"r-9"}`},
		{"an empty group", func(l *slog.Logger) { l.WithGroup("g").InfoContext(ctx, "m") }, `{"request_id":"r-9"}`},
		{"a group without a request", func(l *slog.Logger) { l.With("a", 1).WithGroup("g").Info("m", "b", 2) }, `{"a":1,"g":{"b":2}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			c.log(slog.New(correlationid.Handler(slog.NewJSONHandler(&out, nil))))
			tell(t, "the log has %s", out.Bytes())
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatalf("line %q: %v", out.String(), err)
			}
			for _, k := range []string{"time", "level", "msg"} {
				delete(line, k)
			}
			if got, _ := json.Marshal(line); string(got) != c.want {
				t.Errorf("line has %s, want %s: the id stands at the top, and groups stay as they are", got, c.want)
			}
		})
	}
}

// TestSiblings derives two loggers from one: neither may see the other's attributes.
func TestSiblings(t *testing.T) {
	ctx, _ := contextOf(t, "r-3")
	var out bytes.Buffer
	base := slog.New(correlationid.Handler(slog.NewJSONHandler(&out, nil))).With("a", 1).With("b", 2).WithGroup("g").With("c", 3)
	one, two := base.With("mine", "one"), base.With("mine", "two")
	for want, l := range map[string]*slog.Logger{"one": one, "two": two} {
		out.Reset()
		l.InfoContext(ctx, "m")
		tell(t, "logger %s writes %s", want, out.Bytes())
		if n := strings.Count(out.String(), "mine"); n != 1 || !strings.Contains(out.String(), `"mine":"`+want+`"`) {
			t.Errorf("logger %s writes %s", want, out.String())
		}
	}
}

type deaf struct{ slog.Handler }

func (d deaf) WithAttrs([]slog.Attr) slog.Handler      { return d }
func (d deaf) WithGroup(string) slog.Handler           { return d }
func (deaf) Handle(context.Context, slog.Record) error { return errors.New("disk full") }

func TestPassesOn(t *testing.T) {
	ctx, _ := contextOf(t, "r-4")
	h := correlationid.Handler(slog.NewTextHandler(&bytes.Buffer{}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	tell(t, "a handler from warnings on: Enabled(info) = %v, Enabled(warn) = %v, in a group Enabled(info) = %v", h.Enabled(ctx, slog.LevelInfo), h.Enabled(ctx, slog.LevelWarn), h.WithGroup("g").Enabled(ctx, slog.LevelInfo))
	if h.Enabled(ctx, slog.LevelInfo) || !h.Enabled(ctx, slog.LevelWarn) || h.WithGroup("g").Enabled(ctx, slog.LevelInfo) {
		t.Error("Enabled does not ask the next handler: lines below its level are written or built for nothing")
	}
	if err := correlationid.Handler(deaf{slog.DiscardHandler}).Handle(ctx, slog.Record{}); err == nil {
		t.Error("the error of the next handler is lost")
	}
	failing := correlationid.Transport(tripped(func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") }))
	r := httptest.NewRequest("GET", "http://x.example/", nil).WithContext(ctx)
	if _, err := failing.RoundTrip(r); err == nil || !strings.Contains(err.Error(), "no route") {
		t.Errorf("RoundTrip = %v, want the error of the next round tripper", err)
	}
}

type tripped func(*http.Request) (*http.Response, error)

func (f tripped) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestLeavesRequestAlone(t *testing.T) {
	ctx, _ := contextOf(t, "r-5")
	r := httptest.NewRequest("GET", "http://x.example/", nil).WithContext(ctx)
	r.Header.Set("Accept", "text/plain")
	before := maps.Clone(r.Header)
	ok := func(got *http.Request) (*http.Response, error) {
		if got.Header.Get("Accept") != "text/plain" {
			t.Error("the request has lost its own headers")
		}
		return &http.Response{Body: http.NoBody}, nil
	}
	if _, err := correlationid.Transport(tripped(ok)).RoundTrip(r); err != nil {
		t.Fatal(err)
	}
	tell(t, "RoundTrip of a request with the headers %v; afterwards it has %v", before, r.Header)
	if !maps.EqualFunc(before, r.Header, func(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		t.Errorf("RoundTrip changed the caller's headers to %v: a retry may be reading them", r.Header)
	}
	plain := httptest.NewRequest("GET", "http://x.example/", nil)
	if _, err := correlationid.Transport(tripped(func(got *http.Request) (*http.Response, error) {
		if _, there := got.Header[http.CanonicalHeaderKey(correlationid.Header)]; there {
			t.Error("a request outside any has got an id header")
		}
		return &http.Response{Body: http.NoBody}, nil
	})).RoundTrip(plain); err != nil {
		t.Fatal(err)
	}
}

// TestConcurrent serves many requests; each must meet its own id everywhere, also in goroutines that it starts.
func TestConcurrent(t *testing.T) {
	var mu sync.Mutex
	var out bytes.Buffer
	log := slog.New(correlationid.Handler(slog.NewJSONHandler(&out, nil)))
	h := correlationid.Wrap(serve(func(w http.ResponseWriter, r *http.Request) {
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				log.WithGroup("work").InfoContext(r.Context(), "m", "path", r.URL.Path, "i", i)
			})
		}
		wg.Wait()
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprint(w, correlationid.ID(r.Context()))
	}))
	tell(t, "50 requests begin at once, three log lines each in goroutines of their own")
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			id := fmt.Sprint("r-", i)
			r := httptest.NewRequest("GET", "/"+id, nil)
			r.Header.Set(correlationid.Header, id)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Body.String() != id || w.Header().Get(correlationid.Header) != id {
				t.Errorf("request %s was answered as %q and %q", id, w.Body, w.Header().Get(correlationid.Header))
			}
		})
	}
	wg.Wait()
	lines := 0
	for dec := json.NewDecoder(&out); dec.More(); lines++ {
		var line struct {
			ID   string `json:"request_id"`
			Work struct{ Path string }
		}
		if err := dec.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line.Work.Path != "/"+line.ID {
			t.Errorf("the line of %s carries the id %q", line.Work.Path, line.ID)
		}
	}
	if lines != 150 {
		t.Errorf("%d lines were written, want 150", lines)
	}
}

func TestAllocates(t *testing.T) {
	ctx, _ := contextOf(t, "r-6")
	l := slog.New(correlationid.Handler(slog.NewTextHandler(nowhere{}, &slog.HandlerOptions{Level: slog.LevelInfo})))
	if n := testing.AllocsPerRun(200, func() { l.DebugContext(ctx, "m") }); n > 0 {
		t.Errorf("a line below the level allocates %.0f times, want none", n)
	}
	if n := testing.AllocsPerRun(200, func() { l.InfoContext(ctx, "m") }); n > 12 {
		t.Errorf("a line allocates %.0f times, want at most 12", n)
	}
	if n := testing.AllocsPerRun(200, func() { correlationid.ID(ctx) }); n > 0 {
		t.Errorf("ID allocates %.0f times, want none", n)
	}
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
