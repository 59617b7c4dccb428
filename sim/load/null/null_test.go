package null_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"workbench/sim/load/null"
)

func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	gates := make(chan struct{}, 8)
	go func() { served <- null.Serve(ctx, l, func() { gates <- struct{}{} }) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	long := "GET / HTTP/1.1\r\nA: " + strings.Repeat("x", 9000) + "\r\n\r\n"
	if _, err := io.WriteString(c, long+"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 200 || string(body) != "ok" || r.Header.Get("Workbench-Outcome") != "ok" {
			t.Errorf("answer %d = %d %q, %v; want 200 ok", i, r.StatusCode, body, err)
		}
	}
	if len(gates) != 3 {
		t.Errorf("the gate was passed %d times, want 3", len(gates))
	}
	stop()
	if err := <-served; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if _, err := in.ReadByte(); err == nil {
		t.Errorf("the connection is still open after Serve returned")
	}
}
