//go:build e2e

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"workbench/lab/journal"
)

// spanSeen is a span of GET /api/traces.
type spanSeen struct {
	ID, Parent, Name, Where string
	Attrs                   []struct{ Key, Value string }
}

func (s spanSeen) attr(key string) string {
	for _, a := range s.Attrs {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// followInto finds a request that an instance in another process has answered:
// its spans below the balancer's, its call below them and the lab's work below
// that, on the page as in the API, and its line in the log.
func (s *served) followInto(instance string) {
	s.started.t.Helper()
	var list struct {
		Traces []struct {
			ID    string
			Spans []spanSeen
		}
		Counts struct{ Away, Lost, Missing uint64 }
	}
	id := ""
	s.started.until("a trace through "+instance+" is whole", time.Minute, func() bool {
		_, text := fetch(s.started.t.Context(), s.started.t, s.url+"/api/traces?instance="+instance)
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			s.started.t.Fatalf("%v: %s", err, text)
		}
		for _, t := range list.Traces {
			by := map[string]spanSeen{}
			for _, one := range t.Spans {
				by[one.ID] = one
			}
			for _, work := range t.Spans {
				call := by[work.Parent]
				up := by[call.Parent]
				for up.Where == instance && by[up.Parent].Where == instance {
					up = by[up.Parent]
				}
				if work.Name == "work for "+instance && call.Name == "call to the lab" && call.attr("process") == instance && up.attr("process") == instance && by[up.Parent].Name == "balancer" {
					id = t.ID
					return true
				}
			}
		}
		return false
	})
	_, page := fetch(s.started.t.Context(), s.started.t, s.url+"/traces/"+id)
	rows := regexp.MustCompile(`<th scope="row" class="d(\d)">([^<]*)</th><td class="dim">([^<]*)</td>`).FindAllStringSubmatch(page, -1)
	depth := map[string]string{}
	for _, r := range rows {
		depth[r[2]+" at "+r[3]] = r[1]
	}
	if depth["balancer at balancer"] == "" || depth["call to the lab at "+instance] <= depth["balancer at balancer"] || depth["work for "+instance+" at lab"] <= depth["call to the lab at "+instance] {
		s.started.t.Errorf("the waterfall of %s has %v, want %s below the balancer and the lab's work below that", id, depth, instance)
	}
	s.started.until("lines of "+instance, time.Minute, func() bool {
		_, text := fetch(s.started.t.Context(), s.started.t, s.url+"/api/logs?instance="+instance)
		var log struct{ Lines []journal.Line }
		if err := json.Unmarshal([]byte(text), &log); err != nil {
			s.started.t.Fatalf("%v: %s", err, text)
		}
		own, traced := false, false
		for _, l := range log.Lines {
			own, traced = own || l.Text == "instance started", traced || l.Text == "request" && l.Trace != ""
		}
		return own && traced
	})
	_, metrics := fetch(s.started.t.Context(), s.started.t, s.url+"/metrics")
	if want := fmt.Sprintf(`workbench_joined_records_total{fate="lost",instance=%q,kind="span"} 0`, instance); !strings.Contains(metrics, want+"\n") {
		s.started.t.Errorf("the metrics lack %s", want)
	}
	s.started.t.Logf("trace %s of %d rows; %d spans of other processes, %d lost, %d parts missing", id, len(rows), list.Counts.Away, list.Counts.Lost, list.Counts.Missing)
}

// ownPair writes a certificate for an address, and its key.
func ownPair(t *testing.T, host string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sheet := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.ParseIP(host)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, sheet, sheet, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestInstanceJoinsOverTLS joins a lab that has a certificate of its own, and
// gets one clear line for each way to do it wrong.
func TestInstanceJoinsOverTLS(t *testing.T) {
	const token = "0123456789abcdef"
	binary := ordersBinary(t)
	cert, key := ownPair(t, "127.0.0.1")
	other, _ := ownPair(t, "127.0.0.1")
	t.Setenv("WORKBENCH_TOKEN", token)
	lab := spawn(t, binary, "serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--tls-cert", cert, "--tls-key", key, "--log", "error")
	url := lab.until(`Traffic Workbench: (https://[^/]+)/`, time.Minute)
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no CA", []string{"--join", url}, "flag --ca: nobody whom this machine trusts vouches"},
		{"another CA", []string{"--join", url, "--ca", other}, "does not vouch for the certificate of " + url},
		{"without TLS", []string{"--join", "http" + strings.TrimPrefix(url, "https")}, "serves TLS: say https://"},
		{"a wrong token", []string{"--join", url, "--ca", cert, "--token", "fedcba9876543210"}, "flag --token: got a token that it does not know"},
		{"beyond this machine, without TLS", []string{"--join", "http://192.0.2.7:8080"}, "in the clear"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := spawn(t, binary, append([]string{"instance"}, c.args...)...)
			code, _ := p.ends(time.Minute)
			if code == exitOK || !strings.Contains(p.said(), c.want) || strings.Count(p.said(), "\n") != 1 {
				t.Errorf("exit code %d; it said:\n%s\nwant one line with %q", code, p.said(), c.want)
			}
		})
	}
	var p *spawned
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) { // the lab's first scenario may still be starting
		p = spawn(t, binary, "instance", "--join", url, "--ca", cert)
		for p.running() && !strings.Contains(p.said(), "serves ") && time.Now().Before(end) {
			time.Sleep(20 * time.Millisecond)
		}
		if p.running() || time.Now().After(end) {
			break
		}
	}
	p.until(`serves (\S+) at`, time.Minute)
	if !strings.Contains(p.said(), "reports and calls to the lab: encrypted") {
		t.Errorf("it said:\n%s\nwant it to say what is encrypted", p.said())
	}
}

func (s *spawned) running() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}
