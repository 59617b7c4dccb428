package webtest

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"workbench/sim/clock"
	"workbench/web"
)

// Site is a server on a free port with the stand-in behind it.
type Site struct {
	Lab    *Lab
	Server *web.Server
	URL    string
	Host   string
	Client *http.Client // with a cookie jar; it follows no redirect
}

// Serve starts a server for a test and ends it with the test. change, which
// may be nil, alters the configuration.
func Serve(t testing.TB, change func(*web.Config)) *Site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	lab := New()
	cfg := web.Config{
		Lab: lab, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Clock: clock.NewWall(), Hosts: []string{listener.Addr().String()},
		Loopback: true, Version: "test",
		Doc: func(name string) (string, bool) {
			return "Package " + name + " is a stand-in.\n\n# Idea\n\nOne <b>idea</b>.\n\n\tcode", true
		},
	}
	for _, name := range Scenarios() {
		cfg.Scenarios = append(cfg.Scenarios, web.Choice{Name: name, Title: "The " + name})
	}
	if change != nil {
		change(&cfg)
	}
	s, err := web.New(cfg)
	if err != nil {
		t.Fatalf("web.New() = %v", err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: s.Handler()}}
	server.Start()
	t.Cleanup(func() {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Logf("shutdown: %v", err)
		}
		server.CloseClientConnections()
		server.Close()
	})
	client := server.Client()
	client.Jar = newJar(t)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Site{Lab: lab, Server: s, URL: server.URL, Host: listener.Addr().String(), Client: client}
}
