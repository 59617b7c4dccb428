package farewell_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab/farewell"
	"workbench/sim/clock"
)

// listener is one whose end can be seen.
type listener struct {
	net.Listener
	closed bool
}

func (l *listener) Close() error { l.closed = true; return nil }

func TestDoorWaitsUntilNobodyAsks(t *testing.T) {
	for _, c := range []struct {
		name  string
		every time.Duration // somebody asks; 0: nobody
		want  time.Duration
	}{
		{"nobody", 0, 25 * time.Millisecond},
		{"without pause", 4 * time.Millisecond, 250 * time.Millisecond},
		{"with pauses", 40 * time.Millisecond, 25 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wall := clock.NewWall()
				d := farewell.New()
				h := d.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				ctx, cancel := context.WithCancel(t.Context())
				if c.every > 0 {
					go func() {
						for wall.Wait(ctx, wall.Now()+c.every) == nil {
							h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
						}
					}()
				}
				l := &listener{}
				d.Close(ctx, l)
				if got := wall.Now(); got < c.want || got > c.want+10*time.Millisecond || !l.closed || !d.Ending() {
					t.Errorf("closed after %v (listener %v, ending %v), want %v", got, l.closed, d.Ending(), c.want)
				}
				d.Close(ctx, l)
				cancel()
				synctest.Wait()
			})
		})
	}
}

// TestNoRequestIsCut keeps one connection busy over the end of its server.
func TestNoRequestIsCut(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := farewell.New()
	closing := make(chan bool, 1)
	s := &http.Server{Handler: d.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/last" {
			closing <- true
		}
		_, _ = io.WriteString(w, "whole")
	}))}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		<-closing
		d.Close(context.Background(), ln)
		_ = s.Shutdown(context.Background())
	}()
	in := bufio.NewReader(conn)
	for n := 0; ; n++ {
		path := "/more"
		if n == 3 {
			path = "/last"
		}
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatalf("request %d: %v", n, err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("request %d was cut: %v", n, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != "whole" {
			t.Fatalf("answer %d = %q, %v", n, body, err)
		}
		if res.Close {
			break // told, and so nothing more is sent
		}
	}
	<-served
	if !d.Ending() {
		t.Error("the connection was ended by another")
	}
}
