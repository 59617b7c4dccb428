package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"workbench/exercises/classroom"
	"workbench/exercises/sandbox"
)

// A class that others can reach is encrypted; on this machine alone it can be
// tried as it is.
func TestHowAClassMayBeReached(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    config
		want string // part of what is wrong; empty: nothing
	}{
		{"on this machine", config{addr: "127.0.0.1:0", classroom: true}, ""},
		{"on the network, in the clear", config{addr: "192.0.2.1:0", classroom: true}, "--tls-cert FILE and --tls-key FILE"},
		{"on the network, encrypted", config{addr: "192.0.2.1:0", classroom: true, tlsCert: "c", tlsKey: "k"}, ""},
		{"a certificate without a key", config{addr: "127.0.0.1:0", tlsCert: "c"}, "want both"},
		{"behind a proxy", config{addr: "127.0.0.1:0", classroom: true, behindProxy: true, hosts: []string{"class.example"}}, ""},
		{"behind a proxy without a name", config{addr: "127.0.0.1:0", classroom: true, behindProxy: true}, "--hosts"},
		{"two who encrypt", config{addr: "127.0.0.1:0", behindProxy: true, hosts: []string{"a"}, tlsCert: "c", tlsKey: "k"}, "want one of them"},
		{"behind a proxy, no class and no token", config{addr: "127.0.0.1:0", behindProxy: true, hosts: []string{"a"}}, "WORKBENCH_TOKEN"},
		{"a short token", config{addr: "127.0.0.1:0", classroom: true, token: "short"}, "WORKBENCH_TOKEN: got 5 characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.c.data, tt.c.scenario, tt.c.level, tt.c.plugDeadline = t.TempDir(), "metastable", "info", time.Millisecond
			err := tt.c.validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("validate() = %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestWhereAClassIs(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 99}
	for want, c := range map[string]config{
		"http://127.0.0.1:99":      {addr: "127.0.0.1:0"},
		"https://class.example:99": {addr: "0.0.0.0:0", hosts: []string{"class.example"}, tlsCert: "c", tlsKey: "k"},
		"https://class.example":    {addr: "127.0.0.1:0", hosts: []string{"class.example"}, behindProxy: true},
	} {
		if got := c.base(at); got != want {
			t.Errorf("base = %q, want %q", got, want)
		}
	}
	if a, b := (config{classroom: true}).secret(), (config{classroom: true}).secret(); len(a) < minToken || a == b {
		t.Errorf("secrets %q and %q, want two that nobody guesses", a, b)
	}
	if _, err := (config{tlsCert: "no-such-file", tlsKey: "no-such-file"}).encryption(); err == nil || !strings.Contains(err.Error(), "--tls-cert") {
		t.Errorf("encryption() of no file = %v, want an error that names the flag", err)
	}
}

// A machine without the whole sandbox holds no class for others.
func TestAClassNeedsTheWholeSandbox(t *testing.T) {
	p := &program{name: "workbench"}
	weak := judge{report: sandbox.Report{Level: sandbox.Partial}}
	_, err := openSchool(t.Context(), p, config{addr: "192.0.2.1:0", classroom: true, data: t.TempDir()}, weak, nil, nil)
	if !errors.Is(err, sandbox.ErrWeak) || !strings.Contains(err.Error(), "workbench doctor") {
		t.Errorf("openSchool() with half a sandbox = %v, want ErrWeak and what to do", err)
	}
}

func TestALearnersPlaceIsBounded(t *testing.T) {
	s := &school{dir: t.TempDir()}
	if err := s.full(7); err != nil {
		t.Errorf("full() of nobody = %v, want nil", err)
	}
	if err := os.Mkdir(s.folder(7), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(s.folder(7), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(learnerBytes + 1); err != nil {
		t.Fatal(err)
	}
	if err := s.full(7); !errors.Is(err, classroom.ErrSpace) {
		t.Errorf("full() = %v, want ErrSpace", err)
	}
}
