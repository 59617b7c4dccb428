package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/join"
	"workbench/lab/live"
	"workbench/web"
	"workbench/web/webtest"
)

// doorkeeper takes in whoever names a host, and knows one member.
type doorkeeper struct{}

func (doorkeeper) Join(_ context.Context, h join.Hello) (join.Welcome, error) {
	if h.Host == "" {
		return join.Welcome{}, &live.FieldError{Field: "host", Got: `""`, Want: "an address"}
	}
	return join.Welcome{Member: join.Member{Name: "p1", Key: "secret"}, Redis: "redis://r"}, nil
}

func (doorkeeper) Sync(_ context.Context, who join.Member, r join.Report) (join.Plan, error) {
	if who != (join.Member{Name: "p1", Key: "secret"}) {
		return join.Plan{}, fmt.Errorf("%w: %w", live.ErrUnknown, join.ErrUnknown)
	}
	return join.Plan{Number: r.Seen + 1}, nil
}

func (d doorkeeper) Work(ctx context.Context, who join.Member, c join.Call) (lab.Response, error) {
	if _, err := d.Sync(ctx, who, join.Report{}); err != nil {
		return lab.Response{}, err
	}
	return lab.Response{Body: c.Body, Missing: true}, nil
}

func joinable(c *web.Config) { c.Join = doorkeeper{} }

func TestJoinRoutes(t *testing.T) {
	s := webtest.Serve(t, joinable)
	key := map[string]string{"Workbench-Key": "secret"}
	for _, c := range []webtest.Case{
		{Name: "join", Path: "/api/lab/instances", Body: `{"host":"127.0.0.1","pid":7,"version":"v"}`, Status: http.StatusCreated, Want: []string{`"name":"p1"`, `"key":"secret"`}},
		{Name: "join without a host", Path: "/api/lab/instances", Body: `{"pid":7}`, Status: http.StatusUnprocessableEntity, Want: []string{`"field":"host"`}},
		{Name: "join with nonsense", Path: "/api/lab/instances", Body: `{"pid":"seven"}`, Status: http.StatusBadRequest, Want: []string{"pid"}},
		{Name: "report", Path: "/api/lab/instances/p1/sync", Body: `{"seen":4}`, Header: key, Status: http.StatusOK, Want: []string{`"number":5`}},
		{Name: "report without the key", Path: "/api/lab/instances/p1/sync", Body: `{"seen":4}`, Status: http.StatusNotFound},
		{Name: "report too long", Path: "/api/lab/instances/p1/sync", Body: `{"fault":"` + strings.Repeat("x", 5<<20) + `"}`, Header: key, Status: http.StatusRequestEntityTooLarge},
		{Name: "work", Path: "/api/lab/instances/p1/work", Body: `{"body":"aGVsbG8="}`, Header: key, Status: http.StatusOK, Want: []string{`"Body":"aGVsbG8="`, `"Missing":true`}},
		{Name: "work of a stranger", Path: "/api/lab/instances/p2/work", Body: `{}`, Header: key, Status: http.StatusNotFound},
		{Name: "work too long", Path: "/api/lab/instances/p1/work", Body: `{"body":"` + strings.Repeat("x", 300<<10) + `"}`, Header: key, Status: http.StatusRequestEntityTooLarge},
	} {
		t.Run(c.Name, func(t *testing.T) {
			c.Method, c.Session = http.MethodPost, true
			c.Run(t, s)
		})
	}
}

func TestJoiningNeedsWhatEveryChangeNeeds(t *testing.T) {
	hello := `{"host":"127.0.0.1","pid":7,"version":"v"}`
	s := webtest.Serve(t, joinable)
	for _, path := range []string{"/api/lab/instances", "/api/lab/instances/p1/sync", "/api/lab/instances/p1/work"} {
		webtest.Case{Method: http.MethodPost, Path: path, Body: hello, Status: http.StatusUnauthorized, Not: []string{"secret"}}.Run(t, s)
		webtest.Case{Method: http.MethodPost, Path: path, Body: hello, Session: true, Header: map[string]string{"Origin": "http://evil.example"}, Status: http.StatusForbidden}.Run(t, s)
	}
	const token = "0123456789abcdef"
	s = webtest.Serve(t, func(c *web.Config) { joinable(c); c.Loopback, c.Token = false, token })
	webtest.Case{Method: http.MethodPost, Path: "/api/lab/instances", Body: hello, Header: map[string]string{"Authorization": "Bearer wrong"}, Status: http.StatusUnauthorized}.Run(t, s)
	webtest.Case{Method: http.MethodPost, Path: "/api/lab/instances", Body: hello, Header: map[string]string{"Authorization": "Bearer " + token}, Status: http.StatusCreated}.Run(t, s)
}
