package balancer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"workbench/lab/balancer"
	"workbench/lab/fleet"
	"workbench/sim/clock"
)

// manual is a clock that a test moves, also while requests are inside.
type manual struct{ at atomic.Int64 }

func (m *manual) Now() time.Duration                              { return time.Duration(m.at.Load()) }
func (m *manual) Wait(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }
func (m *manual) add(d time.Duration)                             { m.at.Add(int64(d)) }

var _ clock.Clock = (*manual)(nil)

// upstream is an instance that a test can stop and start at one address.
type upstream struct {
	t      testing.TB
	name   string
	h      http.Handler
	addr   string
	server *httptest.Server
	served atomic.Int64
}

func newUpstream(t testing.TB, name string, h http.HandlerFunc) *upstream {
	u := &upstream{t: t, name: name, addr: "127.0.0.1:0"}
	u.h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.served.Add(1)
		if h != nil {
			h(w, r)
			return
		}
		fmt.Fprint(w, name)
	})
	u.start()
	t.Cleanup(u.stop)
	return u
}

func (u *upstream) start() {
	l, err := net.Listen("tcp", u.addr)
	if err != nil {
		u.t.Fatal(err)
	}
	u.addr = l.Addr().String()
	u.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: u.h}}
	u.server.Start()
}

func (u *upstream) stop() {
	if u.server != nil {
		u.server.CloseClientConnections()
		u.server.Close()
		u.server = nil
	}
}

func (u *upstream) backend() balancer.Backend { return balancer.Backend{Name: u.name, Addr: u.addr} }

type rig struct {
	*balancer.Balancer
	clock *manual
	log   *lockedBuffer
	http  *http.Client
}

// lockedBuffer collects a log from many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t testing.TB, picker string, ups ...*upstream) *rig {
	t.Helper()
	r := &rig{clock: &manual{}, log: &lockedBuffer{}}
	var backends []balancer.Backend
	for _, u := range ups {
		backends = append(backends, u.backend())
	}
	b, err := balancer.Start(t.Context(), balancer.Config{
		Backends: backends, Settings: spread(picker), Seed: 1, Clock: r.clock,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Balancer = b
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	r.http = &http.Client{Transport: tr}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		if err := b.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	return r
}

// get asks the balancer and returns the status and body.
func (r *rig) get(t testing.TB, path string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+r.Addr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestForwardsEverything(t *testing.T) {
	big := strings.Repeat("0123456789", 20_000)
	type seen struct {
		method, uri, body string
		header            http.Header
	}
	got := make(chan seen, 1)
	u := newUpstream(t, "a", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- seen{r.Method, r.RequestURI, string(body), r.Header}
		w.Header().Set("Workbench-Outcome", "shed")
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, big)
	})
	r := start(t, "", u)
	req, err := http.NewRequestWithContext(t.Context(), "PUT", "http://"+r.Addr()+"/a%2Fb/c?x=1&y=%20", strings.NewReader(big))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Workbench-User": {"7"}, "Te": {"trailers"}, "Connection": {"X-Mine"}, "X-Mine": {"1"}, "User-Agent": {"me"}}
	res, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	s := <-got
	if s.method != "PUT" || s.uri != "/a%2Fb/c?x=1&y=%20" || s.body != big || s.header.Get("Workbench-User") != "7" || s.header.Get("User-Agent") != "me" {
		t.Errorf("the instance saw %s %s with %d bytes and %v, want all of the request", s.method, s.uri, len(s.body), s.header)
	}
	if s.header.Get("Te") != "" || s.header.Get("X-Mine") != "" {
		t.Errorf("the instance saw headers of the first hop: %v", s.header)
	}
	if res.StatusCode != 503 || string(body) != big || res.Header.Get("Workbench-Outcome") != "shed" || res.Header.Get("X-Hop") != "" {
		t.Errorf("the client got %d with %d bytes and %v, want the instance's answer without its hop headers", res.StatusCode, len(body), res.Header)
	}
}

func TestRoundRobinAndStats(t *testing.T) {
	a, b, c := newUpstream(t, "a", nil), newUpstream(t, "b", nil), newUpstream(t, "c", nil)
	r := start(t, fleet.RoundRobin, a, b, c)
	var order string
	for range 6 {
		_, body := r.get(t, "/")
		order += body
	}
	if order != "abcabc" {
		t.Errorf("answered by %s, want abcabc", order)
	}
	for _, s := range r.Stats() {
		if s.Sent != 2 || s.Errors != 0 || s.Inflight != 0 || !s.Up {
			t.Errorf("stats are %+v, want 2 sent, no errors, none inside, up", s)
		}
	}
}

func TestAnInstanceThatIsDownIsLeftAloneAndProbed(t *testing.T) {
	a, b := newUpstream(t, "a", nil), newUpstream(t, "b", nil)
	r := start(t, fleet.RoundRobin, a, b)
	a.stop()
	for range 5 {
		if res, body := r.get(t, "/"); res.StatusCode != 200 || body != "b" {
			t.Fatalf("answer %d %q with a down, want 200 from b", res.StatusCode, body)
		}
	}
	if s := r.Stats()[0]; s.Errors != 1 || s.Up || s.Sent != 0 {
		t.Errorf("a's stats are %+v, want one error, nothing sent, down", s)
	}
	r.clock.add(time.Second)
	for range 3 {
		if _, body := r.get(t, "/"); body != "b" {
			t.Fatalf("answer from %q, want b: the probe of a must fail and go elsewhere", body)
		}
	}
	if s := r.Stats()[0]; s.Errors != 2 {
		t.Errorf("a has %d errors after a second, want 2: one probe", s.Errors)
	}
	a.start()
	r.clock.add(time.Second)
	var order string
	for range 4 {
		_, body := r.get(t, "/")
		order += body
	}
	if strings.Count(order, "a") != 2 || !r.Stats()[0].Up {
		t.Errorf("answered by %s with a back, want each twice", order)
	}
}

func TestNoInstance(t *testing.T) {
	a, b := newUpstream(t, "a", nil), newUpstream(t, "b", nil)
	for name, r := range map[string]*rig{"none": start(t, ""), "all down": start(t, "", a, b)} {
		t.Run(name, func(t *testing.T) {
			a.stop()
			b.stop()
			res, body := r.get(t, "/")
			h := res.Header
			if res.StatusCode != 503 || h.Get("Workbench-Outcome") != "failed" || h.Get("Workbench-Reason") != "no_instance" || h.Get("Retry-After") != "1" || h.Get("Workbench-Retry-After-Ms") != "1000" {
				t.Errorf("answer %d %v %s, want 503, failed, no_instance, Retry-After 1", res.StatusCode, h, body)
			}
		})
	}
}

// Once bytes were sent a request is never repeated, not even a GET on a
// connection that was used before.
func TestABrokenInstanceIsNotRetried(t *testing.T) {
	crash := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/crash" {
			panic(http.ErrAbortHandler)
		}
	}
	a, b := newUpstream(t, "a", crash), newUpstream(t, "b", crash)
	r := start(t, fleet.RoundRobin, a, b)
	for range 2 {
		r.get(t, "/") // connections are now kept
	}
	res, _ := r.get(t, "/crash")
	if res.StatusCode != 502 || res.Header.Get("Workbench-Outcome") != "failed" || res.Header.Get("Workbench-Reason") != "down" {
		t.Errorf("answer %d %v, want 502, failed, down", res.StatusCode, res.Header)
	}
	if n := a.served.Load() + b.served.Load(); n != 3 {
		t.Errorf("the instances saw %d requests, want 3", n)
	}
	if s := r.Stats()[0]; s.Errors != 1 || s.Inflight != 0 || !s.Up {
		t.Errorf("a's stats are %+v, want one error, none inside, up: it accepts connections", s)
	}
}

func TestABrokenAnswerBreaksTheClientsConnection(t *testing.T) {
	u := newUpstream(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		fmt.Fprint(w, strings.Repeat("x", 50_000))
		panic(http.ErrAbortHandler)
	})
	r := start(t, "", u)
	res, err := r.http.Get("http://" + r.Addr())
	if err == nil {
		defer res.Body.Close()
		_, err = io.ReadAll(res.Body)
	}
	if err == nil {
		t.Error("a broken answer was read without an error, want one")
	}
	if s := r.Stats()[0]; s.Inflight != 0 || s.Errors != 1 {
		t.Errorf("stats are %+v, want one error and none inside", s)
	}
}

func TestAClientThatLeavesClosesTheConnectionToTheInstance(t *testing.T) {
	entered, gone := make(chan struct{}), make(chan struct{})
	u := newUpstream(t, "a", func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(gone)
	})
	r := start(t, "", u)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, "GET", "http://"+r.Addr(), nil)
		if err == nil {
			_, err = r.http.Do(req)
		}
		ended <- err
	}()
	<-entered
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the client's call ended by %v, want Canceled", err)
	}
	<-gone // the instance has seen it: that this returns is the test
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := r.Stats()[0]; s.Inflight != 0 || s.Errors != 0 || !s.Up {
		t.Errorf("stats are %+v, want none inside and no error: the instance is well", s)
	}
	if log := r.log.String(); log != "" {
		t.Errorf("the log says %q, want nothing", log)
	}
}

func TestSetBackends(t *testing.T) {
	a, b := newUpstream(t, "a", nil), newUpstream(t, "b", nil)
	r := start(t, "", a)
	r.get(t, "/")
	if err := r.SetBackends([]balancer.Backend{b.backend(), a.backend()}); err != nil {
		t.Fatal(err)
	}
	if s := r.Stats(); len(s) != 2 || s[0].Name != "b" || s[1].Sent != 1 {
		t.Errorf("stats are %+v, want b, and a with its count kept", s)
	}
	before := r.Stats()
	for want, bad := range map[string][]balancer.Backend{
		"two backends": {a.backend(), a.backend()}, "10.0.0.1:80": {{Name: "far", Addr: "10.0.0.1:80"}}, `"nowhere"`: {{Name: "x", Addr: "nowhere"}},
	} {
		if err := r.SetBackends(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("SetBackends(%v) = %v, want an error that says %s", bad, err, want)
		}
	}
	if after := r.Stats(); len(after) != len(before) {
		t.Errorf("a refused change left %+v, want %+v", after, before)
	}
	if err := r.SetBackends(nil); err != nil {
		t.Fatal(err)
	}
	if res, _ := r.get(t, "/"); res.StatusCode != 503 {
		t.Errorf("status %d without instances, want 503", res.StatusCode)
	}
}

func TestStartNamesWhatIsWrong(t *testing.T) {
	_, err := balancer.Start(t.Context(), balancer.Config{Addr: "0.0.0.0:80", Settings: spread("random")})
	for _, want := range []string{"Clock", "Log", "0.0.0.0:80", `"random"`, "round-robin"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Start(bad) = %v, want an error that says %s", err, want)
		}
	}
}
