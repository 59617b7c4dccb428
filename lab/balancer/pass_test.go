package balancer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"workbench/lab/balancer"
	"workbench/lab/fleet"
)

// TestPassGoesToItsInstanceAlone sends what a client claims to nobody.
func TestPassGoesToItsInstanceAlone(t *testing.T) {
	says := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("Workbench-Pass")) }
	a, p := newUpstream(t, "a", says), newUpstream(t, "p1", says)
	b := start(t, fleet.RoundRobin, a)
	if err := b.SetBackends([]balancer.Backend{{Name: "a", Addr: a.addr}, {Name: "p1", Addr: p.addr, Pass: "secret"}}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for range 10 {
		in, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.Addr()+"/items/7", nil)
		if err != nil {
			t.Fatal(err)
		}
		in.Header.Set("Workbench-Pass", "guessed")
		res, err := http.DefaultClient.Do(in)
		if err != nil {
			t.Fatal(err)
		}
		var got [16]byte
		n, _ := res.Body.Read(got[:])
		res.Body.Close()
		seen[string(got[:n])]++
	}
	http.DefaultClient.CloseIdleConnections()
	if err := b.SetBackends([]balancer.Backend{{Name: "p1", Addr: "192.0.2.1:80"}}); err == nil {
		t.Error("an address elsewhere was taken without a pass")
	}
	if err := b.SetBackends([]balancer.Backend{{Name: "p1", Addr: "192.0.2.1:80", Pass: "secret"}}); err == nil {
		t.Error("an address elsewhere was taken with a pass that would go there in the clear")
	}
	if err := b.SetBackends([]balancer.Backend{{Name: "p1", Addr: "192.0.2.1:80", Pass: "secret", Cert: "none"}}); err == nil || !strings.Contains(err.Error(), "certificate of backend p1") {
		t.Errorf("SetBackends with nonsense for a certificate = %v, want it to be named", err)
	}
	if seen["secret"] != 5 || seen[""] != 5 {
		t.Errorf("the instances saw the passes %v, want five times the right one and five times none", seen)
	}
}

// TestOneCertificateAlone calls an instance that shows the certificate it was
// announced with, and another that shows a different one, valid as it is.
func TestOneCertificateAlone(t *testing.T) {
	seen := make(chan string, 100)
	tlsServer := func() *httptest.Server {
		s := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("Workbench-Pass") }))
		t.Cleanup(s.Close)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		return s
	}
	right, b := tlsServer(), start(t, fleet.RoundRobin)
	at := func(cert []byte) error {
		return b.SetBackends([]balancer.Backend{{Name: "p1", Addr: right.Listener.Addr().String(), Pass: "secret", Cert: string(cert)}})
	}
	ask := func() int {
		in, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.Addr()+"/items/7", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(in)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	defer http.DefaultClient.CloseIdleConnections()
	if err := at(right.Certificate().Raw); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := ask(); got != http.StatusOK || <-seen != "secret" {
			t.Errorf("the instance's own certificate: %d, want 200 and the pass", got)
		}
	}
	if err := at(selfSigned(t)); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != http.StatusServiceUnavailable || len(seen) != 0 {
		t.Errorf("another certificate: %d and %d requests sent, want 503 and none", got, len(seen))
	}
	if s := b.Stats(); s[0].State != "refused" {
		t.Errorf("state %q, want refused", s[0].State)
	}
}

// selfSigned makes a certificate for 127.0.0.1 of which nobody has the key.
func selfSigned(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sheet := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, sheet, sheet, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
