package otlp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab/trace"
	"workbench/lab/trace/otlp"
)

// receiver is a collector as small as can be.
type receiver struct {
	mu     sync.Mutex
	bodies [][]byte
	types  []string
	paths  []string
	status int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	var b bytes.Buffer
	_, _ = b.ReadFrom(in.Body) // a body that breaks off fails the test by its content
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies, r.types, r.paths = append(r.bodies, b.Bytes()), append(r.types, in.Header.Get("Content-Type")), append(r.paths, in.Method+" "+in.URL.Path)
	w.WriteHeader(max(r.status, http.StatusOK))
}

type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }

func (l *log) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

func open(t *testing.T, url string) (*otlp.Exporter, *log) {
	t.Helper()
	l := &log{}
	e, err := otlp.New(otlp.Config{URL: url, Version: "v1", Log: slog.New(slog.NewTextHandler(l, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return e, l
}

func sample() trace.Trace {
	at := time.Unix(1700000000, 5)
	s := trace.Span{
		Trace: trace.ID{1, 2}, ID: [8]byte{3}, Parent: [8]byte{4}, Name: "read", Where: "a", Kind: trace.KindServer, Start: at, End: at.Add(time.Millisecond), Failed: true,
		Attrs: []trace.Attr{{Key: "outcome", Value: "shed"}, {Key: "reason", Value: "queue_full"}}, Links: []trace.Link{{Trace: trace.ID{9}, Span: [8]byte{8}}},
	}
	root := s
	root.ID, root.Parent, root.Where, root.Kind, root.Failed, root.Links, root.Attrs = [8]byte{4}, [8]byte{}, "users", trace.KindClient, false, nil, nil
	return trace.Trace{ID: s.Trace, Spans: []trace.Span{root, s}}
}

func TestThePayloadIsTheProtocols(t *testing.T) {
	r := &receiver{}
	server := httptest.NewServer(r)
	defer server.Close()
	e, _ := open(t, server.URL)
	e.Export(sample())
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.bodies) != 1 || r.paths[0] != "POST /v1/traces" || r.types[0] != "application/json" {
		t.Fatalf("the collector got %d requests, %v of %v; want one POST /v1/traces of application/json", len(r.bodies), r.paths, r.types)
	}
	var got, want any
	if err := json.Unmarshal(r.bodies[0], &got); err != nil {
		t.Fatal(err)
	}
	const expected = `{"resourceSpans":[
		{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"workbench-users"}},{"key":"service.version","value":{"stringValue":"v1"}}]},
		 "scopeSpans":[{"scope":{"name":"workbench","version":"v1"},"spans":[{"traceId":"01020000000000000000000000000000","spanId":"0400000000000000","name":"read","kind":3,
			"startTimeUnixNano":"1700000000000000005","endTimeUnixNano":"1700000000001000005","status":{}}]}]},
		{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"workbench-a"}},{"key":"service.version","value":{"stringValue":"v1"}}]},
		 "scopeSpans":[{"scope":{"name":"workbench","version":"v1"},"spans":[{"traceId":"01020000000000000000000000000000","spanId":"0300000000000000","parentSpanId":"0400000000000000","name":"read","kind":2,
			"startTimeUnixNano":"1700000000000000005","endTimeUnixNano":"1700000000001000005",
			"attributes":[{"key":"outcome","value":{"stringValue":"shed"}},{"key":"reason","value":{"stringValue":"queue_full"}}],
			"links":[{"traceId":"09000000000000000000000000000000","spanId":"0800000000000000"}],"status":{"code":2,"message":"queue_full"}}]}]}]}`
	if err := json.Unmarshal([]byte(expected), &want); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(got)  // of a value that was just read
	b, _ := json.Marshal(want) // likewise
	if string(a) != string(b) {
		t.Errorf("the payload is\n%s\nwant\n%s", a, b)
	}
	if c := e.Counts(); c != (otlp.Counts{Sent: 2, Batches: 1}) {
		t.Errorf("counts are %+v, want 2 spans in one batch", c)
	}
}

func TestTracesLeaveInBatches(t *testing.T) {
	r := &receiver{}
	server := httptest.NewServer(r)
	defer server.Close()
	e, _ := open(t, server.URL)
	for range 400 {
		e.Export(sample())
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := e.Counts(); c.Sent != 800 || c.Dropped != 0 || c.Batches > 10 {
		t.Errorf("counts are %+v, want 800 spans in a few batches", c)
	}
}

// A collector that is not there costs one line, and nothing that calls Export.
func TestNoCollector(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	url := server.URL
	server.Close()
	e, l := open(t, url)
	for range 3000 {
		e.Export(sample())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if c := e.Counts(); c.Sent != 0 || c.Dropped != 6000 {
		t.Errorf("counts are %+v, want all 6000 spans dropped and counted", c)
	}
	if n := strings.Count(l.String(), "level=WARN"); n != 1 || !strings.Contains(l.String(), "check --otlp") {
		t.Errorf("the log has %d warnings, want one that says what to do:\n%s", n, l)
	}
}

func TestACollectorThatRefusesIsQuoted(t *testing.T) {
	r := &receiver{status: http.StatusForbidden}
	server := httptest.NewServer(r)
	defer server.Close()
	e, l := open(t, server.URL+"/own/path")
	e.Export(sample())
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(l.String(), "403 Forbidden") || r.paths[0] != "POST /own/path" {
		t.Errorf("log %q and path %v, want the refusal and the path that was given", l, r.paths)
	}
}

func TestAURLMustBeOne(t *testing.T) {
	for _, text := range []string{"", "127.0.0.1:4318", "ftp://x", "http://"} {
		if _, err := otlp.Target(text); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:4318") {
			t.Errorf("Target(%q) = %v, want an error with an example", text, err)
		}
	}
}
