package httpcache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab/edge"
	"workbench/lab/trial"
	"workbench/sim/clock"
)

// component is what runs in every trial of this room.
const component = "lab/edge before a net/http origin, on loopback"

// stand is an origin with a cache before it, and a client that counts what it
// reads from its connections.
type stand struct {
	cache  *edge.Cache
	origin *httptest.Server
	front  *httptest.Server
	client *http.Client
	asked  atomic.Int64 // requests that reached the origin
	read   atomic.Int64 // bytes that the client's connections brought, fields and all
	later  atomic.Int64 // by how much the cache's clock is put forward, in ns
}

// build starts a stand whose origin answers with what answer says.
func build(wall *clock.Wall, answer http.HandlerFunc, change func(*edge.Settings)) (*stand, error) {
	s := &stand{}
	now := func() time.Time { return wall.Date(wall.Now() + time.Duration(s.later.Load())) }
	s.origin = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		// The origin's clock goes with the cache's, else a new answer looks old.
		w.Header().Set("Date", now().UTC().Format(http.TimeFormat))
		answer(w, r)
	}))
	to, err := url.Parse(s.origin.URL)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("the origin's address: %w", err)
	}
	settings := edge.DefaultSettings()
	if change != nil {
		change(&settings)
	}
	// The deadlines of connections are the machine's, not the cache's.
	machine := func() time.Time { return wall.Date(wall.Now()) }
	s.cache, err = edge.New(edge.Config{Origin: to, Now: now, Transport: edge.NewTransport(machine, edge.Timeouts{}), Settings: settings})
	if err != nil {
		s.close()
		return nil, err
	}
	s.front = httptest.NewServer(s.cache)
	dial := (&net.Dialer{}).DialContext
	s.client = &http.Client{Transport: &http.Transport{
		DisableCompression: true, MaxIdleConnsPerHost: 512,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &counted{Conn: conn, read: &s.read}, nil
		},
	}}
	return s, nil
}

// close ends whatever was started.
func (s *stand) close() {
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
	if s.front != nil {
		s.front.Close()
	}
	if s.cache != nil {
		s.cache.Close()
	}
	s.origin.Close()
}

// forward puts the cache's clock forward: what would be a wait of minutes.
func (s *stand) forward(d time.Duration) { s.later.Add(int64(d)) }

// answer is one that came.
type answer struct {
	status int
	head   http.Header
	size   int
}

// get reads an answer to its end. fields are names and values in turn.
func (s *stand) get(ctx context.Context, path string, fields ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.front.URL+path, nil)
	if err != nil {
		return answer{}, fmt.Errorf("ask for %s: %w", path, err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	res, err := s.client.Do(r)
	if err != nil {
		return answer{}, fmt.Errorf("ask for %s: %w", path, err)
	}
	n, err := io.Copy(io.Discard, res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return answer{}, fmt.Errorf("read %s: %w", path, err)
	}
	return answer{res.StatusCode, res.Header, int(n)}, nil
}

// counted counts what is read from a connection.
type counted struct {
	net.Conn
	read *atomic.Int64
}

// Read implements net.Conn.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// together runs f in so many goroutines at once and returns what went wrong.
func together(many int, f func(i int) error) error {
	faults := make([]error, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() { faults[i] = f(i) })
	}
	all.Wait()
	return errors.Join(faults...)
}

// atMost claims that a count is no greater than a limit.
func atMost(what string, got, limit int64) trial.Claim {
	return trial.Claim{Text: fmt.Sprintf("%s: at most %d", what, limit), OK: got <= limit, Got: count(got)}
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// percentile returns a quantile of durations, 0 of none.
func percentile(of []time.Duration, share float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func took(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
