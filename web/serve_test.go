package web_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"workbench/sim/clock"
	"workbench/web"
	"workbench/web/webtest"
)

func TestServeEndsInGoodOrderWithAStreamOpen(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lab := webtest.New()
	s, err := web.New(web.Config{
		Lab: lab, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Clock: clock.NewWall(), Hosts: []string{ln.Addr().String()}, Loopback: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	e := listen(t, &webtest.Site{Lab: lab, Server: s, URL: "http://" + ln.Addr().String(), Client: &http.Client{}})
	if _, ok := e.next("state"); !ok {
		t.Fatal("the stream says nothing")
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve() = %v, want nil after Shutdown", err)
	}
	if _, ok := e.next("state"); ok {
		t.Error("the stream outlived the server")
	}
	if got := lab.Readers(); got != 0 {
		t.Errorf("%d still watch the lab", got)
	}
	if err := s.Serve(ln); err != nil {
		t.Errorf("Serve() after Shutdown = %v, want nil", err)
	}
}
