package balancer_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"workbench/lab/fleet"
)

// buffers lets the yardstick reuse its buffers, as we do.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }

// BenchmarkForward compares one request straight to an instance, through this
// balancer, and through net/http/httputil's.
func BenchmarkForward(b *testing.B) {
	u := newUpstream(b, "a", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Workbench-Outcome", "ok")
		fmt.Fprint(w, `{"id":42,"name":"Member 42"}`)
	})
	own := start(b, fleet.RoundRobin, u)
	target := &url.URL{Scheme: "http", Host: u.addr}
	tr := &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}
	defer tr.CloseIdleConnections()
	std := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: tr, BufferPool: &buffers{}})
	defer std.Close()
	for _, c := range []struct{ name, addr string }{{"direct", u.addr}, {"balancer", own.Addr()}, {"reverseproxy", std.Listener.Addr().String()}} {
		b.Run(c.name, func(b *testing.B) {
			conn, err := net.Dial("tcp", c.addr)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			request := []byte("GET /profiles/42 HTTP/1.1\r\nHost: lab\r\nWorkbench-User: 7\r\nWorkbench-Ip: 9\r\nWorkbench-Token: 7\r\nWorkbench-Priority: normal\r\nWorkbench-Try: 0\r\nWorkbench-Deadline-Ms: 1000\r\nWorkbench-Id: 5\r\n\r\n")
			buf := make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := conn.Write(request); err != nil {
					b.Fatal(err)
				}
				if _, err := conn.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
