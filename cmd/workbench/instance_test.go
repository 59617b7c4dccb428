package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInstanceSaysWhatIsWrong names the flag and what to do, in one line each.
func TestInstanceSaysWhatIsWrong(t *testing.T) {
	lab := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || status == http.StatusUnauthorized {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + ln.Addr().String()
	ln.Close()
	locked := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer locked.Close()
	locked.Config.ErrorLog = log.New(io.Discard, "", 0)
	dir := t.TempDir()
	file := func(name string, block *pem.Block) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca, empty := file("ca.pem", &pem.Block{Type: "CERTIFICATE", Bytes: locked.Certificate().Raw}), file("empty.pem", &pem.Block{Type: "NOTHING"})
	other := file("other.pem", &pem.Block{Type: "CERTIFICATE", Bytes: ownCertificate(t)})
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"no lab", nil, exitUsage, []string{"flag --join: got nothing", "http://127.0.0.1:8080"}},
		{"an address that is none", []string{"--join", "ftp://x"}, exitUsage, []string{`flag --join: got "ftp://x"`}},
		{"every address", []string{"--join", dead, "--listen", ":0"}, exitUsage, []string{`flag --listen: got ":0"`, "127.0.0.1:0"}},
		{"a name as address", []string{"--join", dead, "--listen", "here:0"}, exitUsage, []string{"flag --listen"}},
		{"log", []string{"--join", dead, "--log", "loud"}, exitUsage, []string{`flag --log: got "loud"`}},
		{"words", []string{"--join", dead, "now"}, exitUsage, []string{`got ["now"], want flags alone`}},
		{"unknown flag", []string{"--jion", dead}, exitUsage, []string{"flag --jion: unknown"}},
		{"nobody there", []string{"--join", dead}, exitFailed, []string{"flag --join: nothing answers at " + dead, "workbench serve"}},
		{"no token", []string{"--join", lab(401, `{"detail":"token"}`)}, exitFailed, []string{"flag --token: got no token", "WORKBENCH_TOKEN"}},
		{"wrong token", []string{"--join", lab(401, `{"detail":"token"}`), "--token", "x"}, exitFailed, []string{"flag --token: got a token that it does not know"}},
		{"an older lab", []string{"--join", lab(404, `{"detail":"not found"}`)}, exitFailed, []string{"flag --join: the workbench at", "takes in no instances"}},
		{"another version", []string{"--join", lab(422, `{"detail":"version: got a, want b","errors":[{"field":"version"}]}`)}, exitFailed, []string{"flag --join: the lab at", "version: got a, want b"}},
		{"a name that is taken", []string{"--join", lab(422, `{"detail":"name: got p1","errors":[{"field":"name"}]}`), "--name", "p1"}, exitFailed, []string{"flag --name: name: got p1"}},
		{"a foreign host", []string{"--join", lab(422, `{"detail":"host: got x","errors":[{"field":"host"}]}`)}, exitFailed, []string{"flag --listen: host: got x"}},
		{"secrets in the clear", []string{"--join", "http://192.0.2.7:8080", "--token", "x"}, exitUsage, []string{`flag --join: got "http://192.0.2.7:8080": the access token`, "in the clear", "--tls-cert"}},
		{"no file of a CA", []string{"--join", dead, "--ca", filepath.Join(dir, "none.pem")}, exitUsage, []string{"flag --ca: open ", "no such file", "--tls-cert"}},
		{"a CA without a certificate", []string{"--join", dead, "--ca", empty}, exitUsage, []string{"flag --ca: got", "holds no certificate"}},
		{"a certificate of nobody known", []string{"--join", locked.URL}, exitFailed, []string{"flag --ca: nobody whom this machine trusts", "--ca FILE"}},
		{"another CA", []string{"--join", locked.URL, "--ca", other}, exitFailed, []string{"flag --ca: got", "does not vouch for the certificate of " + locked.URL}},
		{"a name that the certificate lacks", []string{"--join", strings.Replace(locked.URL, "127.0.0.1", "localhost", 1), "--ca", ca}, exitFailed, []string{"flag --join: got https://localhost", "not made"}},
		{"plain where TLS is served", []string{"--join", "http" + strings.TrimPrefix(locked.URL, "https")}, exitFailed, []string{"flag --join: the lab at http://", "serves TLS: say https://"}},
		{"TLS where none is served", []string{"--join", "https" + strings.TrimPrefix(lab(200, ""), "http")}, exitFailed, []string{"does not serve TLS"}},
		{"wrong token over TLS", []string{"--join", locked.URL, "--ca", ca, "--token", "x"}, exitFailed, []string{"flag --token: got a token that it does not know"}},
		{"a full house", []string{"--join", lab(409, `{"detail":"there are 8 instances"}`)}, exitFailed, []string{"flag --join: the lab at", "there are 8 instances"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, err strings.Builder
			code := run(t.Context(), append([]string{"instance"}, c.args...), strings.NewReader(""), &out, &err, func(string) string { return "" })
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if strings.Count(err.String(), "\n") != 1 || !strings.HasPrefix(err.String(), "workbench instance: ") {
				t.Errorf("stderr %q, want one line", err.String())
			}
			for _, want := range c.want {
				if !strings.Contains(err.String(), want) {
					t.Errorf("stderr lacks %q: %s", want, err.String())
				}
			}
		})
	}
}

// ownCertificate makes one that vouches for nothing that anybody serves.
func ownCertificate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sheet := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, sheet, sheet, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
