//go:build exercise

package correlationid_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	correlationid "workbench/exercises/19-correlation-id/start"
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

// visit sends one request with the given id (empty: none) and returns the id that the handler saw and that of the answer.
func visit(t testing.TB, id string) (seen, answered string) {
	t.Helper()
	h := correlationid.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = correlationid.ID(r.Context()) }))
	r := httptest.NewRequest("GET", "/", nil)
	if id != "" {
		r.Header.Set(correlationid.Header, id)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	answered = w.Header().Get(correlationid.Header)
	tell(t, "a request with the id %.70q: the handler saw %.70q, the client got %.70q", id, seen, answered)
	return seen, answered
}

func TestFreshID(t *testing.T) {
	seen, answered := visit(t, "")
	if seen == "" || seen != answered {
		t.Errorf("a request without an id: the handler saw %q, the client got %q; want one fresh id for both", seen, answered)
	}
	all := map[string]bool{}
	for range 2000 {
		id, _ := visit(quiet{t}, "")
		all[id] = true
	}
	tell(t, "2000 requests without an id: %d ids", len(all))
	if len(all) != 2000 {
		t.Errorf("2000 requests got %d ids", len(all))
	}
	if again, _ := visit(t, seen); again != seen {
		t.Errorf("our own id %q is not taken when it comes back: the next service would rename the request", seen)
	}
}

func TestKeepsID(t *testing.T) {
	for _, id := range []string{"a", "7f3c", "A.b_c-9", "0123456789012345678901234567890123456789012345678901234567890123"} {
		if seen, answered := visit(t, id); seen != id || answered != id {
			t.Errorf("id %q: the handler saw %q, the client got %q", id, seen, answered)
		}
	}
}

func TestNoID(t *testing.T) {
	id := correlationid.ID(context.Background())
	tell(t, "ID of a bare context = %q", id)
	if id != "" {
		t.Errorf("ID of a bare context = %q, want nothing", id)
	}
}

// record writes one line through the handler and reads it back.
func record(t *testing.T, ctx context.Context, log func(*slog.Logger, context.Context)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	log(slog.New(correlationid.Handler(slog.NewJSONHandler(&out, nil))), ctx)
	tell(t, "the log has %s", out.Bytes())
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("log line %q: %v", out.String(), err)
	}
	return line
}

// inside returns the context of a request with that id.
func inside(id string) (ctx context.Context) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set(correlationid.Header, id)
	correlationid.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).ServeHTTP(httptest.NewRecorder(), r)
	return ctx
}

func TestLogs(t *testing.T) {
	line := record(t, inside("r-1"), func(l *slog.Logger, ctx context.Context) { l.InfoContext(ctx, "charged", "order", 7) })
	if line["request_id"] != "r-1" || line["order"] != 7.0 || line["msg"] != "charged" {
		t.Errorf("line = %v, want request_id r-1 beside order 7", line)
	}
	line = record(t, context.Background(), func(l *slog.Logger, ctx context.Context) { l.InfoContext(ctx, "started") })
	if _, there := line["request_id"]; there {
		t.Errorf("line outside a request = %v, want no request_id", line)
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSendsAlong(t *testing.T) {
	var sent []string
	rt := correlationid.Transport(tripper(func(r *http.Request) (*http.Response, error) {
		sent = r.Header.Values(correlationid.Header)
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	}))
	r, err := http.NewRequestWithContext(inside("r-2"), "GET", "http://stock.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := rt.RoundTrip(r); err != nil || resp.StatusCode != 204 {
		t.Fatalf("RoundTrip = %v, %v", resp, err)
	}
	tell(t, "RoundTrip inside the request r-2: the next service got the ids %q", sent)
	if len(sent) != 1 || sent[0] != "r-2" {
		t.Errorf("the next service got %q, want r-2", sent)
	}
}
