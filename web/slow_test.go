package web_test

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"workbench/sim/clock"
	"workbench/web"
	"workbench/web/webtest"
)

// narrow gives each connection so small a buffer that a reader who does not
// read is in the way after some kilobytes.
type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return c, c.(*net.TCPConn).SetWriteBuffer(4 << 10)
}

// open starts a server with the limits that it really has, but short ones, on
// real sockets. It returns the registry that its metrics are in.
func open(t *testing.T) (*webtest.Site, *prometheus.Registry) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	site := &webtest.Site{Lab: webtest.New(), URL: "http://" + ln.Addr().String(), Host: ln.Addr().String(), Client: &http.Client{}}
	reg := prometheus.NewRegistry()
	site.Server, err = web.New(web.Config{
		Lab: site.Lab, Log: slog.New(slog.DiscardHandler), Clock: clock.NewWall(), Hosts: []string{site.Host}, Loopback: true, Metrics: reg,
		Limits: web.Limits{Header: 20 * time.Millisecond, Stream: 20 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- site.Server.Serve(narrow{ln}) }()
	t.Cleanup(func() {
		if err := errors.Join(site.Server.Shutdown(t.Context()), <-served); err != nil {
			t.Logf("end of the server: %v", err)
		}
	})
	return site, reg
}

// dial opens a connection that fails rather than hang.
func dial(t *testing.T, s *webtest.Site) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", s.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// figure returns the value of a metric without labels.
func figure(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func TestReaderThatStopsReadingIsCutAndCounted(t *testing.T) {
	s, reg := open(t)
	stuck := dial(t, s)
	if err := stuck.SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(stuck, "GET /api/lab/stream HTTP/1.1\r\nHost: "+s.Host+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	well := listen(t, s) // who reads is not hindered
	well.next("state")
	read := make(chan int)
	go func() {
		n := 0
		for _, ok := well.next("frame"); ok; _, ok = well.next("frame") {
			n++
		}
		read <- n
	}()
	eventually(t, "the reader that does not read is cut", func() bool {
		s.Lab.Step()
		return s.Server.Streams().Cut == 1
	})
	eventually(t, "its place is free", func() bool { return s.Server.Streams().Readers == 1 })
	for name, want := range map[string]float64{"workbench_stream_readers_cut_total": 1, "workbench_stream_readers": 1} {
		if got := figure(t, reg, name); got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	if got := figure(t, reg, "workbench_stream_frames_dropped_total"); got == 0 || got != float64(s.Server.Streams().Dropped) {
		t.Errorf("workbench_stream_frames_dropped_total = %v, want the %d frames that the reader missed", got, s.Server.Streams().Dropped)
	}
	if _, err := io.Copy(io.Discard, stuck); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection of the reader that was cut is still open")
	}
	well.close()
	if n := <-read; n == 0 {
		t.Error("the reader that reads got no frame meanwhile")
	}
}

func TestStreamMetricsCountFrames(t *testing.T) {
	s, reg := open(t)
	e := listen(t, s)
	e.next("state")
	for range 7 {
		s.Lab.Step()
		if _, ok := e.next("frame"); !ok {
			t.Fatal("the stream ended")
		}
	}
	for name, want := range map[string]float64{
		"workbench_stream_readers": 1, "workbench_stream_frames_total": 7, "workbench_stream_frames_dropped_total": 0, "workbench_stream_readers_cut_total": 0,
	} {
		if got := figure(t, reg, name); got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
}

func TestMetricsOfTwoServersDoNotMix(t *testing.T) {
	_, reg := open(t)
	_, err := web.New(web.Config{Lab: webtest.New(), Log: slog.New(slog.DiscardHandler), Clock: clock.NewWall(), Hosts: []string{"127.0.0.1:1"}, Loopback: true, Metrics: reg})
	if err == nil || !strings.Contains(err.Error(), "metrics of the event streams") {
		t.Errorf("New() with a registry in use = %v, want an error about the metrics", err)
	}
}

func TestSlowHeadIsCut(t *testing.T) {
	s, _ := open(t)
	slow := dial(t, s)
	if _, err := io.WriteString(slow, "GET / HTTP/1.1\r\nHost: "+s.Host+"\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(slow).ReadString('\n'); errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(line, "200") {
		t.Errorf("a head that never ends was answered %q, %v; want the connection closed", line, err)
	}
	webtest.Case{Path: "/healthz", Status: http.StatusOK}.Run(t, s)
}
