package join_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"workbench/lab"
	"workbench/lab/balancer"
	"workbench/lab/join"
	"workbench/lab/remote"
	"workbench/lab/scenario"
	"workbench/lab/trace"
)

// locked is a lab that serves TLS, and what it has heard.
func locked(t *testing.T, h http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // strangers break off
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, roots
}

func TestDialVerifiesTheCertificate(t *testing.T) {
	heard := 0
	s, roots := locked(t, func(http.ResponseWriter, *http.Request) { heard++ })
	other := x509.NewCertPool()
	if _, err := join.Dial(t.Context(), join.Door{URL: s.URL, Token: "word", Roots: roots}); err != nil || heard != 1 {
		t.Errorf("Dial with the lab's certificate = %v, heard %d; want nil, once", err, heard)
	}
	var nobody x509.UnknownAuthorityError
	for name, pool := range map[string]*x509.CertPool{"another's": other, "the machine's": nil} {
		if _, err := join.Dial(t.Context(), join.Door{URL: s.URL, Token: "word", Roots: pool}); !errors.As(err, &nobody) || heard != 1 {
			t.Errorf("Dial with %s certificates = %v, heard %d; want that nobody vouches, and nothing sent", name, err, heard)
		}
	}
	if _, err := join.Dial(t.Context(), join.Door{URL: "http" + strings.TrimPrefix(s.URL, "https")}); !errors.Is(err, join.ErrEncrypted) {
		t.Errorf("Dial without TLS = %v, want %v", err, join.ErrEncrypted)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	if _, err := join.Dial(t.Context(), join.Door{URL: "https" + strings.TrimPrefix(plain.URL, "http")}); !errors.Is(err, http.ErrSchemeMismatch) {
		t.Errorf("Dial with TLS where there is none = %v, want %v", err, http.ErrSchemeMismatch)
	}
}

// TestNoSecretLeavesTheMachineInTheClear: nothing at all is sent, so the context
// that has ended is not noticed.
func TestNoSecretLeavesTheMachineInTheClear(t *testing.T) {
	over, end := context.WithCancel(t.Context())
	end()
	for address, want := range map[string]error{
		"http://192.0.2.7:8080": join.ErrClear, "http://lab.example": join.ErrClear, "http://[2001:db8::1]:80": join.ErrClear,
		"http://127.0.0.1.example:80": join.ErrClear, "http://localhost.example": join.ErrClear,
		"https://192.0.2.7:8080": context.Canceled, "192.0.2.7:8080": context.Canceled, // TLS, unless the address says otherwise
		"127.0.0.1:8080": context.Canceled, "http://[::1]:80": context.Canceled, "http://localhost:80": context.Canceled,
	} {
		if _, err := join.Dial(over, join.Door{URL: address, Token: "word"}); !errors.Is(err, want) {
			t.Errorf("Dial(%s) = %v, want %v", address, err, want)
		}
	}
}

// TestTheTokenGoesNowhereElse does not follow a lab that sends its callers on.
func TestTheTokenGoesNowhereElse(t *testing.T) {
	heard := 0
	there := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard++ }))
	defer there.Close()
	s, roots := locked(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, there.URL, http.StatusTemporaryRedirect)
	})
	var refused *join.Refusal
	if _, err := join.Dial(t.Context(), join.Door{URL: s.URL, Token: "word", Roots: roots}); !errors.As(err, &refused) || refused.Status != http.StatusTemporaryRedirect || heard != 0 {
		t.Errorf("Dial = %v, %d requests went on; want a refusal and none", err, heard)
	}
}

// elsewhere is a lab on another machine: it plans one run of the profile service,
// and asks the process what its balancer would.
type elsewhere struct {
	redis string

	mu    sync.Mutex
	hello join.Hello       // guarded by mu
	addr  string           // guarded by mu
	spans []trace.Finished // guarded by mu
	said  []string         // guarded by mu
	end   context.CancelFunc
	check func(cert []byte, addr string)
}

func (e *elsewhere) Join(_ context.Context, h join.Hello) (join.Welcome, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hello = h
	return join.Welcome{Member: join.Member{Name: "p1", Key: "key"}, Pass: "pass", Redis: e.redis}, nil
}

func (e *elsewhere) Sync(_ context.Context, _ join.Member, r join.Report) (join.Plan, error) {
	e.mu.Lock()
	e.spans = append(e.spans, r.Spans...)
	first := r.Addr != "" && e.addr == ""
	if first {
		e.addr = r.Addr
	}
	cert := e.hello.Cert
	e.mu.Unlock()
	if first {
		e.check(cert, r.Addr)
		e.end()
	}
	return join.Plan{Number: 1, Run: 1, System: "profile", Seed: 1, Released: true, Instance: scenario.Instance{}, GateSlots: 8, Trace: trace.Settings{On: true, Share: 1}}, nil
}

func (e *elsewhere) Work(context.Context, join.Member, join.Call) (lab.Response, error) {
	return lab.Response{Body: []byte(`{}`)}, nil
}

// outside returns an address of this machine that others reach.
func outside(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}

// TestBeyondLoopbackRequestsAreEncrypted serves the balancer on an address that
// others reach, with a certificate that it was told of and no other way.
func TestBeyondLoopbackRequestsAreEncrypted(t *testing.T) {
	host := outside(t)
	redis, err := remote.Open(t.Context(), remote.Options{Embedded: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := redis.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	e := &elsewhere{redis: redis.URL(), end: end, check: func(cert []byte, addr string) {
		pinned, err := balancer.Pinned(string(cert))
		if err != nil {
			t.Errorf("the certificate of the Hello: %v", err)
			return
		}
		door := &http.Transport{DisableKeepAlives: true, TLSClientConfig: pinned}
		get := func(door *http.Transport, url, pass string) (int, string, error) {
			in, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
			if err != nil {
				return 0, "", err
			}
			in.Header.Set("Workbench-Pass", pass)
			in.Header.Set("Workbench-User", "7")
			res, err := (&http.Client{Transport: door}).Do(in)
			if err != nil {
				return 0, "", err
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			return res.StatusCode, string(body), err
		}
		if code, body, err := get(door, "https://"+addr+join.ProofPath, ""); err != nil || code != 200 || body != (join.Member{Name: "p1", Key: "key"}).Proof() {
			t.Errorf("the proof over TLS = %d %q, %v", code, body, err)
		}
		if code, body, err := get(door, "https://"+addr+"/profiles/7", "pass"); err != nil || code != 200 {
			t.Errorf("a request over TLS = %d %q, %v; want 200", code, body, err)
		}
		if code, body, err := get(&http.Transport{DisableKeepAlives: true}, "http://"+addr+"/profiles/7", "pass"); err == nil && code != http.StatusBadRequest {
			t.Errorf("a request in the clear = %d %q, want it to be refused", code, body)
		}
		var nobody x509.UnknownAuthorityError
		if _, _, err := get(&http.Transport{DisableKeepAlives: true}, "https://"+addr+join.ProofPath, ""); !errors.As(err, &nobody) {
			t.Errorf("TLS with the machine's own certificates = %v, want that nobody vouches", err)
		}
	}}
	err = join.Run(ctx, join.Config{
		Lab: e, Listen: net.JoinHostPort(host, "0"), PID: 1, Version: "test", Log: slog.New(slog.DiscardHandler),
		Say: func(line string) { e.mu.Lock(); defer e.mu.Unlock(); e.said = append(e.said, line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(e.addr, host) {
		t.Errorf("it serves at %q, want %s", e.addr, host)
	}
	if text := fmt.Sprint(e.said); !strings.Contains(text, "requests from its balancer: encrypted") {
		t.Errorf("it said %q, want it to say what is encrypted", text)
	}
	names := ""
	for _, s := range e.spans {
		names += s.Name + " at " + s.Where + "; "
	}
	if names != "call to the lab at p1; read-profile at p1; " {
		t.Errorf("spans %q, want the call and the request", names)
	}
}
