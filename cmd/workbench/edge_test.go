package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEdge(t *testing.T) {
	asked := 0
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprint(w, "hello")
	}))
	defer origin.Close()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"edge", "--listen", ":0", "--origin", origin.URL}, nil, in, io.Discard, func(string) string { return "" })
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	lines.Scan()
	_, rest, _ := strings.Cut(lines.Text(), "http://")
	addr, _, _ := strings.Cut(rest, " ")
	if !strings.HasPrefix(addr, "127.0.0.1:") {
		t.Fatalf("%q: listens on %s, want this machine alone", lines.Text(), addr)
	}
	for range 2 {
		res, err := http.Get("http://" + addr)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(body) != "hello" {
			t.Errorf("body %q, %v", body, err)
		}
	}
	stop()
	lines.Scan()
	if got := <-code; got != exitOK || asked != 1 || !strings.HasPrefix(lines.Text(), "2 requests: 1 hits") {
		t.Errorf("exit %d, origin asked %d times, %q; want 0, 1 and what was done", got, asked, lines.Text())
	}
}

func TestEdgeUsage(t *testing.T) {
	for _, c := range []struct {
		name string
		args string
		want []string
	}{
		{"nothing", "", []string{"--origin: missing"}},
		{"all wrong", "--origin ftp://x --listen a:b:c --cookies eat --connections 0 --timeout 0s --memory -1", []string{"--origin", "--listen", "--cookies", "--connections", "--timeout", "--memory"}},
		{"an argument", "--origin http://x:1 y", []string{"flags alone"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var complaint strings.Builder
			got := run(t.Context(), append([]string{"edge"}, strings.Fields(c.args)...), nil, io.Discard, &complaint, func(string) string { return "" })
			if got != exitUsage {
				t.Errorf("exit %d, want %d", got, exitUsage)
			}
			for _, want := range c.want {
				if !strings.Contains(complaint.String(), want) {
					t.Errorf("complaint lacks %s:\n%s", want, complaint.String())
				}
			}
		})
	}
}
