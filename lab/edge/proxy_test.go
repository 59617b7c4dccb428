package edge_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"workbench/lab/edge"
	"workbench/sim/clock"
)

// front puts a cache before a handler, both on real HTTP.
func front(t *testing.T, origin http.HandlerFunc, change func(*edge.Settings)) (*edge.Cache, *httptest.Server) {
	t.Helper()
	back := httptest.NewServer(origin)
	t.Cleanup(back.Close)
	return frontOf(t, back.URL, edge.Timeouts{}, change)
}

func frontOf(t *testing.T, at string, timeouts edge.Timeouts, change func(*edge.Settings)) (*edge.Cache, *httptest.Server) {
	t.Helper()
	to, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	settings := edge.DefaultSettings()
	if change != nil {
		change(&settings)
	}
	wall := clock.NewWall()
	now := func() time.Time { return wall.Date(wall.Now()) }
	cache, err := edge.New(edge.Config{Origin: to, Now: now, Transport: edge.NewTransport(now, timeouts), Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(cache)
	t.Cleanup(func() { site.Close(); cache.Close() })
	return cache, site
}

// get returns the status, the header and the body of a GET.
func get(t *testing.T, at string, fields ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("GET %s: %v", at, err)
	}
	return res.StatusCode, res.Header, string(body)
}

// TestCollapse sends many requests for one key while the origin is busy with the
// first, and holds the origin's count to what the answer allows.
func TestCollapse(t *testing.T) {
	const clients = 40
	for _, c := range []struct {
		name     string
		control  string
		collapse bool
		want     int64
	}{
		{"fresh for all", "max-age=60", true, 1},
		{"for one user", "private", true, clients},
		{"not to be kept", "no-store", true, clients},
		{"switched off", "max-age=60", false, clients},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int64
			arrived, begin := make(chan struct{}, clients), make(chan struct{})
			cache, site := front(t, func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				arrived <- struct{}{}
				<-begin
				w.Header().Set("Cache-Control", c.control)
				fmt.Fprint(w, "the answer")
			}, func(s *edge.Settings) { s.Collapse = c.collapse })
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					if _, _, body := get(t, site.URL); body != "the answer" {
						t.Errorf("body %q", body)
					}
				})
			}
			<-arrived
			for cache.Stats().Requests < clients { // until everybody is inside
				runtime.Gosched()
			}
			close(begin)
			all.Wait()
			if got := asked.Load(); got != c.want {
				t.Errorf("the origin was asked %d times, want %d", got, c.want)
			}
			if s := cache.Stats(); c.want == 1 && s.Collapsed+s.Hits != clients-1 {
				t.Errorf("%d collapsed and %d hits, want %d together", s.Collapsed, s.Hits, clients-1)
			}
		})
	}
}

// TestNoConvoy lets many ask for what nobody else may have: they must not wait
// for one another in turn. The origin answers only when all of them have come.
func TestNoConvoy(t *testing.T) {
	const clients = 20
	var inside sync.WaitGroup
	inside.Add(clients)
	var asked atomic.Int64
	_, site := front(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) > 1 { // the first finds out that the answer is for one user
			inside.Done()
			inside.Wait()
		}
		w.Header().Set("Cache-Control", "private")
	}, nil)
	get(t, site.URL)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() { get(t, site.URL) })
	}
	all.Wait()
	if got := asked.Load(); got != clients+1 {
		t.Errorf("the origin was asked %d times, want %d", got, clients+1)
	}
}

func TestLargeBodies(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MiB
	cache, site := front(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if r.URL.Path == "/known" {
			w.Header().Set("Content-Length", fmt.Sprint(len(big)))
		}
		for i := 0; i < len(big); i += 1 << 16 {
			w.Write(big[i : i+1<<16])
			if r.URL.Path == "/chunked" {
				w.(http.Flusher).Flush()
			}
		}
	}, func(s *edge.Settings) { s.MaxBody = 1 << 20 })
	for _, path := range []string{"/known", "/chunked", "/known", "/chunked"} {
		if _, _, body := get(t, site.URL+path); body != string(big) {
			t.Errorf("%s: %d bytes came, want the %d that were sent", path, len(body), len(big))
		}
	}
	cache.Settle()
	if s := cache.Stats(); s.Origin != 4 || s.Entries != 0 || s.BytesOrigin != 4*2<<20 {
		t.Errorf("asked %d times, %d kept, %d bytes from the origin; want 4, 0 and 8 MiB", s.Origin, s.Entries, s.BytesOrigin)
	}
}

// TestStreams reads the first piece of an answer while the origin still holds the
// second back, for answers that are kept and for such that are not.
func TestStreams(t *testing.T) {
	for _, control := range []string{"max-age=60", "no-store"} {
		t.Run(control, func(t *testing.T) {
			more := make(chan struct{})
			_, site := front(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", control)
				fmt.Fprint(w, "one")
				w.(http.Flusher).Flush()
				<-more
				fmt.Fprint(w, "two")
			}, nil)
			res, err := http.Get(site.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			first := make([]byte, 3)
			if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "one" {
				t.Fatalf("first piece %q, %v", first, err)
			}
			close(more)
			if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "two" {
				t.Errorf("the rest is %q, %v", rest, err)
			}
		})
	}
}

// TestIncompleteIsNotReused breaks an answer off and asks again.
func TestIncompleteIsNotReused(t *testing.T) {
	for _, head := range []string{"Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"} {
		t.Run(head, func(t *testing.T) {
			var asked atomic.Int64
			at := rawOrigin(t, func(conn net.Conn, _ *bufio.Reader) {
				if asked.Add(1) == 1 {
					body := "half"
					if strings.HasPrefix(head, "T") {
						body = "4\r\nhalf\r\n"
					}
					fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n%s\r\n%s", head, body)
					return
				}
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nwhole")
			})
			cache, site := frontOf(t, at, edge.Timeouts{}, nil)
			res, err := http.Get(site.URL)
			if err == nil {
				_, err = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if err == nil {
				t.Error("an answer that was broken off looked whole to the client")
			}
			cache.Settle()
			if _, _, body := get(t, site.URL); body != "whole" {
				t.Errorf("then %q, want whole", body)
			}
		})
	}
}

// rawOrigin answers each connection with what serve writes after a request's head.
func rawOrigin(t *testing.T, serve func(net.Conn, *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	t.Cleanup(func() { ln.Close(); open.Wait() })
	open.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				if _, err := textproto.NewReader(in).ReadLine(); err != nil {
					return
				}
				if _, err := textproto.NewReader(in).ReadMIMEHeader(); err != nil {
					return
				}
				serve(conn, in)
			})
		}
	})
	return "http://" + ln.Addr().String()
}

func TestOriginTrouble(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := "http://" + closed.Addr().String()
	closed.Close()
	silent := rawOrigin(t, func(_ net.Conn, in *bufio.Reader) { in.ReadByte() })
	stuck := rawOrigin(t, func(conn net.Conn, in *bufio.Reader) {
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\n")
		in.ReadByte()
	})
	noise := rawOrigin(t, func(conn net.Conn, _ *bufio.Reader) { fmt.Fprint(conn, "SSH-2.0-x\r\n\r\n") })
	for _, c := range []struct {
		name, at string
		status   int
		says     string
	}{
		{"refuses connections", refusing, 502, "accepts no connection"},
		{"says nothing", silent, 504, "in time"},
		{"stops after the head", stuck, 504, "in time"},
		{"speaks another language", noise, 502, "not HTTP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache, site := frontOf(t, c.at, edge.Timeouts{Quiet: 50 * time.Millisecond}, nil)
			status, head, body := get(t, site.URL)
			if status != c.status || !strings.Contains(body, c.says) || head.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %s %q, want %d and a problem that says %q", status, head.Get("Content-Type"), body, c.status, c.says)
			}
			if s := cache.Stats(); s.Origin == 0 {
				t.Error("the request was not counted")
			}
		})
	}
}

func TestFieldsToTheOrigin(t *testing.T) {
	seen := make(chan *http.Request, 1)
	_, site := front(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r }, nil)
	get(t, site.URL+"/a%2Fb?x=1&y", "Connection", "close, X-Mine", "X-Mine", "1", "Keep-Alive", "3", "Proxy-Authorization", "x", "Upgrade", "h2c", "TE", "trailers",
		"X-Forwarded-Host", "evil.example", "X-Original-URL", "/admin", "X-Forwarded-For", "1.2.3.4", "Via", "1.0 before", "X-Other", "2")
	r := <-seen
	for _, name := range []string{"X-Mine", "Keep-Alive", "Proxy-Authorization", "Upgrade", "Te", "X-Forwarded-Host", "X-Original-Url"} {
		if r.Header.Get(name) != "" {
			t.Errorf("%s: %q reached the origin", name, r.Header.Get(name))
		}
	}
	if r.RequestURI != "/a%2Fb?x=1&y" {
		t.Errorf("asked for %s, want the path as it was", r.RequestURI)
	}
	if got := strings.Join(r.Header.Values("Via"), ", "); got != "1.0 before, 1.1 workbench-edge" {
		t.Errorf("Via %q", got)
	}
	if r.Header.Get("X-Forwarded-For") != "127.0.0.1" || r.Header.Get("X-Other") != "2" || r.Header.Get("Accept-Encoding") != "gzip" {
		t.Errorf("X-Forwarded-For %q, X-Other %q, Accept-Encoding %q", r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Other"), r.Header.Get("Accept-Encoding"))
	}
}

func TestLoop(t *testing.T) {
	var itself string
	_, site := front(t, func(w http.ResponseWriter, r *http.Request) {
		again, err := http.NewRequestWithContext(r.Context(), r.Method, itself, nil)
		if err != nil {
			t.Error(err)
			return
		}
		again.Header["Via"] = r.Header["Via"]
		res, err := http.DefaultClient.Do(again)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
	}, func(s *edge.Settings) { s.Collapse = false })
	itself = site.URL
	if status, _, _ := get(t, site.URL); status != http.StatusLoopDetected {
		t.Errorf("status %d, want %d", status, http.StatusLoopDetected)
	}
}

func TestInterimAndTrailers(t *testing.T) {
	var asked atomic.Int64
	_, site := front(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.Header().Set("X-Early", "1")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("X-Early")
		if r.URL.Path == "/kept" {
			w.Header().Set("Cache-Control", "max-age=60")
		}
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprint(w, "body")
		w.Header().Set("X-Sum", "42")
	}, nil)
	ask := func(path string) (hints int, res *http.Response) {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code == http.StatusEarlyHints && h.Get("Link") != "" && h.Get("X-Early") == "1" {
				hints++
			}
			return nil
		}})
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err = http.DefaultClient.Do(r); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(res.Body); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return hints, res
	}
	if hints, res := ask("/passed"); hints != 1 || res.Trailer.Get("X-Sum") != "42" || res.Header.Get("X-Early") != "" {
		t.Errorf("passed on: %d early hints, trailer %v, X-Early %q; want 1, X-Sum 42 and none", hints, res.Trailer, res.Header.Get("X-Early"))
	}
	if hints, res := ask("/kept"); hints != 1 || res.Header.Get("X-Early") != "" {
		t.Errorf("kept: %d early hints, X-Early %q; want 1 and none", hints, res.Header.Get("X-Early"))
	}
	if hints, res := ask("/kept"); hints != 0 || asked.Load() != 2 || res.Header.Get("X-Early") != "" {
		t.Errorf("from the copy: %d early hints, asked %d times; want 0 and 2", hints, asked.Load())
	}
}

// TestWriteSpoilsWhatIsUnderWay writes while an answer from before is on its way.
func TestWriteSpoilsWhatIsUnderWay(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	var version atomic.Int64
	_, site := front(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			version.Add(1)
			return
		}
		was := version.Load()
		if r.Header.Get("X-Slow") != "" {
			close(inside)
			<-goOn
		}
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprint(w, was)
	}, nil)
	slow := make(chan string, 1)
	go func() {
		_, _, body := get(t, site.URL, "X-Slow", "1")
		slow <- body
	}()
	<-inside
	res, err := http.Post(site.URL, "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if _, _, body := get(t, site.URL); body != "1" {
		t.Errorf("after the write the answer is %s, want 1: it joined a flight from before", body)
	}
	close(goOn)
	if body := <-slow; body != "0" {
		t.Errorf("the slow request got %s, want 0", body)
	}
	if _, _, body := get(t, site.URL); body != "1" {
		t.Errorf("later the answer is %s, want 1: an answer from before the write was kept", body)
	}
}

func TestBounds(t *testing.T) {
	body := strings.Repeat("x", 1000)
	cache, site := front(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if r.URL.Path == "/vary" {
			w.Header().Set("Vary", "User")
		}
		fmt.Fprint(w, body)
	}, func(s *edge.Settings) { s.MaxEntries, s.MaxBytes, s.MaxBody = 100, 1<<20, 1<<19 })
	ask := func(path string, fields ...string) string {
		_, head, _ := get(t, site.URL+path, fields...)
		cache.Settle()
		return head.Get("Cache-Status")
	}
	for i := range 150 {
		ask(fmt.Sprintf("/%d", i))
		ask("/0") // used again and again, so it stays
	}
	if s := cache.Stats(); s.Entries != 100 || s.Evicted != 50 {
		t.Errorf("%d kept and %d dropped, want 100 and 50", s.Entries, s.Evicted)
	}
	if status := ask("/0"); !strings.Contains(status, "; hit") {
		t.Errorf("what was used most is gone: %s", status)
	}
	if status := ask("/1"); !strings.Contains(status, "uri-miss") {
		t.Errorf("what was used longest ago is there: %s", status)
	}
	small := cache.Settings()
	small.MaxBytes, small.MaxBody = 20_000, 10_000
	if err := cache.Set(small); err != nil {
		t.Fatal(err)
	}
	if s := cache.Stats(); s.Bytes > 20_000 || s.Entries == 0 {
		t.Errorf("%d bytes in %d copies after the limit went down to 20,000", s.Bytes, s.Entries)
	}
	cache.Clear()
	small.MaxBytes = 1 << 20
	if err := cache.Set(small); err != nil {
		t.Fatal(err)
	}
	for i := range 80 {
		ask("/vary", "User", fmt.Sprint(i))
	}
	if s := cache.Stats(); s.Entries != 64 {
		t.Errorf("%d variants of one resource kept, want 64", s.Entries)
	}
	small.MaxBody = small.MaxBytes + 1
	if err := cache.Set(small); err == nil || !strings.Contains(err.Error(), "body") {
		t.Errorf("Set with a body beyond all bytes: %v", err)
	}
}

func TestServe(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	cache, _ := front(t, func(w http.ResponseWriter, _ *http.Request) {
		close(inside)
		<-goOn
		fmt.Fprint(w, "done")
	}, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- edge.Serve(ctx, ln, cache, 2, time.Minute, slog.New(slog.DiscardHandler))
	}()
	answer := make(chan string, 1)
	go func() {
		_, _, body := get(t, "http://"+ln.Addr().String())
		answer <- body
	}()
	<-inside
	stop()
	for { // the listener closes first
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
	}
	close(goOn)
	if body := <-answer; body != "done" {
		t.Errorf("the request in flight got %q, want done", body)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
}

func TestNew(t *testing.T) {
	_, err := edge.New(edge.Config{Origin: &url.URL{Scheme: "ftp", Host: "x"}})
	if err == nil {
		t.Fatal("New without anything = nil, want faults")
	}
	for _, want := range []string{"no clock", "origin", "entries", "bytes", "body"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want it to name %s", err, want)
		}
	}
}
