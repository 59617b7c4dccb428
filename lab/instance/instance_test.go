package instance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/instance"
	"workbench/lab/pattern/jobs"
	"workbench/lab/system"
	"workbench/sim/clock"
	"workbench/sim/load"
)

// service has one operation of each sort.
type service struct{}

func (service) Ops() []system.Op {
	return []system.Op{
		{Op: load.Op{Name: "read", Method: "GET", Path: "/items/{key}"}, Read: true, Priority: lab.Normal},
		{Op: load.Op{Name: "write", Method: "PUT", Path: "/items/{key}"}, Priority: lab.High},
		{Op: load.Op{Name: "submit", Method: "POST", Path: "/jobs"}, Async: true, Priority: lab.Low},
	}
}

func start(t testing.TB, h lab.HandlerFunc) *instance.Instance {
	t.Helper()
	i, err := instance.Start(t.Context(), instance.Config{
		Name: "a", System: service{}, Handler: h, Clock: &clock.Manual{At: time.Hour}, Log: slog.New(slog.DiscardHandler),
		Letters: func(int) []jobs.Letter {
			return []jobs.Letter{{ID: 9, Outcome: lab.Failed, Reason: lab.ReasonDown, Tries: 3}}
		},
		Jobs: func(id uint64) (jobs.Status, bool) { return jobs.Status{State: jobs.Queued}, id == 7 },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Kill(); err != nil {
			t.Errorf("Kill() = %v, want nil", err)
		}
	})
	return i
}

// client keeps no connections, so that each test ends with none.
func client(t testing.TB) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

type answer struct {
	*http.Response
	body string
}

func ask(t testing.TB, i *instance.Instance, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+i.Addr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for h := range len(headers) / 2 {
		req.Header.Set(headers[2*h], headers[2*h+1])
	}
	res, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(b)}
}

func TestDecode(t *testing.T) {
	all := []string{"Workbench-User", "3", "Workbench-IP", "18446744073709551615", "Workbench-Token", "5", "Workbench-Priority", "high",
		"Workbench-Try", "255", "Workbench-Deadline-Ms", "1500", "Workbench-Id", "99"}
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		want                     lab.Request
	}{
		{"everything", "GET", "/items/42", "", all, lab.Request{ID: 99, Key: 42, User: 3, IP: 1<<64 - 1, Token: 5, Priority: lab.High, Try: 255,
			Read: true, Patience: time.Hour + 1500*time.Millisecond}},
		{"nothing", "GET", "/items/42", "", nil, lab.Request{ID: 1, Key: 42, IP: 127<<24 + 1, Priority: lab.Normal, Read: true}},
		{"no patience left", "GET", "/items/42", "", []string{"Workbench-Deadline-Ms", "0"},
			lab.Request{ID: 1, Key: 42, IP: 127<<24 + 1, Priority: lab.Normal, Read: true, Patience: time.Hour}},
		{"a key and a query", "PUT", "/items/42?after=7&x=%20", "", []string{"Idempotency-Key", "order 8"},
			lab.Request{ID: 1, Key: 42, IP: 127<<24 + 1, Op: 1, Priority: lab.High, Query: "after=7&x=%20", Once: "order 8"}},
		{"a body", "PUT", "/items/42", `{"bio":"x"}`, nil, lab.Request{ID: 1, Key: 42, IP: 127<<24 + 1, Op: 1, Priority: lab.High, Body: []byte(`{"bio":"x"}`)}},
		{"a job", "POST", "/jobs", `{}`, []string{"Workbench-Priority", "normal"},
			lab.Request{ID: 1, IP: 127<<24 + 1, Op: 2, Priority: lab.Normal, Async: true, Body: []byte(`{}`)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make(chan *lab.Request, 1)
			i := start(t, func(_ context.Context, r *lab.Request) lab.Response { got <- r; return lab.Response{} })
			res := ask(t, i, c.method, c.path, c.body, c.headers...)
			if res.StatusCode != http.StatusOK {
				t.Fatalf("status %d %s, want 200", res.StatusCode, res.body)
			}
			c.want.At = time.Hour
			if r := <-got; fmt.Sprintf("%+v", *r) != fmt.Sprintf("%+v", c.want) {
				t.Errorf("decoded %+v\nwant    %+v", *r, c.want)
			}
		})
	}
}

func TestBadRequestsNameWhatIsWrong(t *testing.T) {
	i := start(t, func(context.Context, *lab.Request) lab.Response {
		t.Error("the handler was called")
		return lab.Response{}
	})
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		code                     int
		field, detail            string
	}{
		{"user", "GET", "/items/1", "", []string{"Workbench-User", "ann"}, 400, "Workbench-User", `is "ann": want a whole number from 0 to 18446744073709551615`},
		{"address", "GET", "/items/1", "", []string{"Workbench-IP", "127.0.0.1"}, 400, "Workbench-Ip", "whole number"},
		{"token", "GET", "/items/1", "", []string{"Workbench-Token", "-1"}, 400, "Workbench-Token", "whole number"},
		{"priority", "GET", "/items/1", "", []string{"Workbench-Priority", "vip"}, 400, "Workbench-Priority", "low, normal or high"},
		{"try", "GET", "/items/1", "", []string{"Workbench-Try", "256"}, 400, "Workbench-Try", "0 to 255"},
		{"patience", "GET", "/items/1", "", []string{"Workbench-Deadline-Ms", "86400001"}, 400, "Workbench-Deadline-Ms", "at most 86400000"},
		{"id", "GET", "/items/1", "", []string{"Workbench-Id", strings.Repeat("9", 1000)}, 400, "Workbench-Id", "whole number"},
		{"long key", "PUT", "/items/1", "", []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "Idempotency-Key", "256 bytes, want at most 255"},
		{"key", "GET", "/items/x", "", nil, 400, "key", "whole number"},
		{"large body", "PUT", "/items/1", strings.Repeat("x", 64<<10+1), nil, 413, "body", "larger than 65536"},
		{"no such route", "GET", "/nowhere", "", nil, 404, "", "/nowhere"},
		{"no such method", "DELETE", "/items/1", "", nil, 405, "", "DELETE"},
		{"no such job", "GET", "/jobs/8", "", nil, 404, "id", "no job 8"},
		{"a job by name", "GET", "/jobs/x", "", nil, 400, "id", "whole number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := ask(t, i, c.method, c.path, c.body, c.headers...)
			var p struct {
				Type, Title, Detail, Field string
				Status                     int
			}
			if err := json.Unmarshal([]byte(res.body), &p); err != nil {
				t.Fatalf("the body %s is no problem document: %v", res.body, err)
			}
			if res.StatusCode != c.code || p.Status != c.code || p.Field != c.field || !strings.Contains(p.Detail, c.detail) || p.Title == "" || len(res.body) > 400 {
				t.Errorf("answer %d %s, want %d, field %q, detail with %q", res.StatusCode, res.body, c.code, c.field, c.detail)
			}
			if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type is %q, want application/problem+json", got)
			}
			if got := res.Header.Get("Workbench-Outcome"); got != "failed" {
				t.Errorf("Workbench-Outcome is %q, want failed", got)
			}
		})
	}
}

func TestChunkedBodyIsBounded(t *testing.T) {
	i := start(t, func(context.Context, *lab.Request) lab.Response {
		t.Error("the handler was called")
		return lab.Response{}
	})
	req, err := http.NewRequestWithContext(t.Context(), "PUT", "http://"+i.Addr()+"/items/1", io.LimitReader(zeros{}, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	res, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a chunked body of 1 MiB got %d, want 413", res.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestAnswers(t *testing.T) {
	const h = "Workbench-"
	for _, c := range []struct {
		name string
		res  lab.Response
		code int
		body string // what it must hold
		want map[string]string
	}{
		{"ok", lab.Response{Body: []byte(`{"a":1}`)}, 200, `{"a":1}`, map[string]string{h + "Outcome": "ok", "Content-Type": "application/json", h + "Reason": "", "Retry-After": "", "Age": "", h + "Cache": "", h + "Instance": "a", h + "Id": "5"}},
		{"empty", lab.Response{}, 200, "", map[string]string{"Content-Length": "0", "Content-Type": ""}},
		{"cached", lab.Response{Cached: true, Age: 2900 * time.Millisecond}, 200, "", map[string]string{h + "Cache": "hit", "Age": "2", h + "Outcome": "ok"}},
		{"a default", lab.Response{Outcome: lab.Stale, Default: true, Body: []byte("{}")}, 200, "{}", map[string]string{h + "Outcome": "stale", h + "Default": "true", "Age": "", "Warning": `110 - "Response is Stale"`}},
		{"stale", lab.Response{Outcome: lab.Stale, Cached: true, Age: 90 * time.Second}, 200, "", map[string]string{h + "Outcome": "stale", "Age": "90", "Warning": `110 - "Response is Stale"`}},
		{"accepted", lab.Response{Accepted: true, Location: "/jobs/7"}, 202, "", map[string]string{"Location": "/jobs/7", h + "Outcome": "ok"}},
		{"missing", lab.Response{Missing: true}, 404, "no such item", map[string]string{h + "Outcome": "ok", "Content-Type": "application/problem+json"}},
		{"limited", lab.Refuse(lab.Limited, "quota", 1200*time.Millisecond), 429, "quota", map[string]string{h + "Outcome": "limited", h + "Reason": "quota", "Retry-After": "2", h + "Retry-After-Ms": "1200"}},
		{"shed", lab.Refuse(lab.Shed, "queue_full", 100*time.Microsecond), 503, "queue_full", map[string]string{h + "Outcome": "shed", "Retry-After": "1", h + "Retry-After-Ms": "1"}},
		{"open", lab.Refuse(lab.Open, "breaker", 0), 503, "breaker", map[string]string{h + "Outcome": "open", "Retry-After": "1", h + "Retry-After-Ms": "1000"}},
		{"late", lab.Refuse(lab.Late, lab.ReasonDeadline, 0), 504, "deadline", map[string]string{h + "Outcome": "late", h + "Reason": "deadline", "Retry-After": ""}},
		{"down", lab.Refuse(lab.Failed, lab.ReasonDown, 0), 502, "down", map[string]string{h + "Outcome": "failed", h + "Reason": "down"}},
		{"fault", lab.Refuse(lab.Failed, lab.ReasonFault, 0), 502, "fault", map[string]string{h + "Outcome": "failed", h + "Reason": "fault"}},
		{"bad", lab.Response{Outcome: lab.Failed, Reason: lab.ReasonBad, Body: []byte(`bio is missing`)}, 400, "bio is missing", map[string]string{h + "Outcome": "failed", h + "Reason": "bad", "Content-Type": "application/problem+json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := start(t, func(context.Context, *lab.Request) lab.Response { return c.res })
			got := ask(t, i, "GET", "/items/1", "", "Workbench-Id", "5")
			if got.StatusCode != c.code || !strings.Contains(got.body, c.body) {
				t.Errorf("answer %d %s, want %d with %s", got.StatusCode, got.body, c.code, c.body)
			}
			for name, want := range c.want {
				if v := got.Header.Get(name); v != want {
					t.Errorf("%s is %q, want %q", name, v, want)
				}
			}
		})
	}
}

func TestJobsAndHealth(t *testing.T) {
	i := start(t, always(lab.Response{}))
	if got := ask(t, i, "GET", "/jobs/7", ""); got.StatusCode != 200 || !strings.Contains(got.body, `"state":"queued"`) {
		t.Errorf("GET /jobs/7 = %d %s, want 200 and queued", got.StatusCode, got.body)
	}
	if got := ask(t, i, "GET", "/jobs/dead", ""); got.StatusCode != 200 || !strings.Contains(got.body, `"id":9,"outcome":"failed","reason":"down","tries":3`) {
		t.Errorf("GET /jobs/dead = %d %s, want 200 and the dead letter", got.StatusCode, got.body)
	}
	if got := ask(t, i, "GET", "/healthz", ""); got.StatusCode != 200 || !strings.Contains(got.body, `"instance":"a"`) {
		t.Errorf("GET /healthz = %d %s, want 200 and the name", got.StatusCode, got.body)
	}
}

// always always answers res.
func always(res lab.Response) lab.HandlerFunc {
	return func(context.Context, *lab.Request) lab.Response { return res }
}

func FuzzHeaders(f *testing.F) {
	f.Add("1", "2", "low", "3", "250")
	f.Add("-1", "1e3", "HIGH", "", "99999999999999999999")
	i := start(f, always(lab.Response{Body: []byte("{}")}))
	c := client(f)
	f.Fuzz(func(t *testing.T, user, key, priority, try, patience string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+i.Addr()+"/items/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Path = "/items/" + key
		req.Header = http.Header{"Workbench-User": {user}, "Workbench-Priority": {priority}, "Workbench-Try": {try}, "Workbench-Deadline-Ms": {patience}}
		res, err := c.Do(req)
		if err != nil {
			return // the client refuses to send what is no header
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode >= 500 {
			t.Errorf("status %d, want 200 or a refusal", res.StatusCode)
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	i := start(b, always(lab.Response{Body: []byte(`{"id":1,"name":"Member 1","city":"Accra"}`)}))
	conn, err := net.Dial("tcp", i.Addr())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	request := []byte("GET /items/42 HTTP/1.1\r\nHost: lab\r\nWorkbench-User: 7\r\nWorkbench-IP: 9\r\nWorkbench-Token: 7\r\nWorkbench-Priority: normal\r\nWorkbench-Try: 0\r\nWorkbench-Deadline-Ms: 1000\r\nWorkbench-Id: 5\r\n\r\n")
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
