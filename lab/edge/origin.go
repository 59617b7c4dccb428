package edge

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

// Timeouts bound the wait for an origin. 0 stands for the default.
type Timeouts struct {
	Dial  time.Duration // to be connected; 5 s
	Quiet time.Duration // without a byte from the origin; 30 s
	Idle  int           // connections kept for the next request; 256
}

// NewTransport returns a transport to an origin that keeps connections and ends
// those on which nothing comes.
func NewTransport(now func() time.Time, t Timeouts) *http.Transport {
	if t.Dial == 0 {
		t.Dial = 5 * time.Second
	}
	if t.Quiet == 0 {
		t.Quiet = 30 * time.Second
	}
	if t.Idle == 0 {
		t.Idle = 256
	}
	dialer := &net.Dialer{Timeout: t.Dial}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &quietConn{Conn: conn, now: now, most: t.Quiet}, nil
		},
		MaxIdleConns: t.Idle, MaxIdleConnsPerHost: t.Idle,
		IdleConnTimeout:        60 * time.Second,
		TLSHandshakeTimeout:    t.Dial,
		ResponseHeaderTimeout:  t.Quiet,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true, // bodies are passed as they are
	}
}

// quietConn fails when nothing has been read for a while, so that a body which
// stops in the middle does not hold a client for ever.
type quietConn struct {
	net.Conn
	now  func() time.Time
	most time.Duration
}

func (c *quietConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(c.now().Add(c.most)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// failure is why the origin gave no answer that could be used.
type failure struct {
	err    error
	status int // what the client is told: 502 or 504; for an answer, its own
	reason string
}

// failed names what an error of the transport means.
func failed(err error) *failure {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return &failure{err, http.StatusGatewayTimeout, "the origin did not answer in time"}
	}
	if opErr := (*net.OpError)(nil); errors.As(err, &opErr) && opErr.Op == "dial" {
		return &failure{err, http.StatusBadGateway, "the origin accepts no connection"}
	}
	return &failure{err, http.StatusBadGateway, "the connection to the origin broke, or its answer was not HTTP"}
}

// answered is an answer of the origin.
type answered struct {
	*http.Response
	asked, received time.Time
}

// ask sends a request to the origin. w gets interim answers, if it is not nil.
func (c *Cache) ask(ctx context.Context, w http.ResponseWriter, out *http.Request) (answered, error) {
	c.counts.origin.Add(1)
	if w != nil {
		gate := &interim{w: w}
		defer gate.close()
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: gate.pass})
	}
	asked := c.now()
	res, err := c.transport.RoundTrip(out.WithContext(ctx))
	if err != nil {
		if ctx.Err() == nil {
			c.counts.originErrors.Add(1)
		}
		return answered{}, err
	}
	hops(res.Header)
	return answered{res, asked, c.now()}, nil
}

// interim passes 1xx answers to the client. The transport calls it from another
// goroutine, possibly after RoundTrip has returned, when w is no longer free.
type interim struct {
	mu     sync.Mutex
	w      http.ResponseWriter // guarded by mu
	closed bool                // guarded by mu
}

func (i *interim) pass(code int, fields textproto.MIMEHeader) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || code == http.StatusContinue || code == http.StatusSwitchingProtocols {
		return nil // 100 is the server's own affair, 101 was never asked for
	}
	head := i.w.Header()
	before := maps.Clone(head)
	maps.Copy(head, http.Header(fields))
	i.w.WriteHeader(code)
	clear(head)
	maps.Copy(head, before)
	return nil
}

func (i *interim) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
}

// outgoing turns a client's request into one for the origin.
func (c *Cache) outgoing(in *http.Request) *http.Request {
	out := in.Clone(in.Context())
	out.RequestURI, out.Close = "", false
	to := *in.URL
	to.Scheme, to.Host, to.User = c.origin.Scheme, c.origin.Host, nil
	if base := strings.TrimSuffix(c.origin.EscapedPath(), "/"); base != "" {
		to.Path, to.RawPath = strings.TrimSuffix(c.origin.Path, "/")+in.URL.Path, base+in.URL.EscapedPath()
	}
	out.URL, out.Host = &to, c.origin.Host
	if in.ContentLength == 0 {
		out.Body = nil // else an empty body is sent in chunks
	}
	hops(out.Header)
	// What the origin might build an answer from, and the key does not know, must
	// not come from a client: it would be handed to all others.
	for _, name := range [...]string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Scheme", "X-Host", "X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override"} {
		delete(out.Header, name)
	}
	if host, _, err := net.SplitHostPort(in.RemoteAddr); err == nil {
		out.Header["X-Forwarded-For"] = []string{host}
	}
	out.Header["Via"] = append(out.Header["Via"][:len(out.Header["Via"]):len(out.Header["Via"])], "1.1 "+c.name)
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // do not name ourselves
	}
	return out
}

// hops removes the fields that are for the next hop only (RFC 9110 section 7.6.1,
// and RFC 9111 section 3.1 for what caches must not store).
func hops(h http.Header) {
	for _, line := range h["Connection"] {
		for _, name := range splitList(line) {
			delete(h, textproto.CanonicalMIMEHeaderKey(name))
		}
	}
	for _, name := range [...]string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Te", "Transfer-Encoding", "Upgrade", "Trailer"} {
		delete(h, name)
	}
}

// loops reports whether a request has passed this cache so often that it must be
// going in a circle.
func (c *Cache) loops(h http.Header) bool {
	n := 0
	for _, line := range h["Via"] {
		for _, hop := range splitList(line) {
			if _, name, _ := strings.Cut(hop, " "); name == c.name {
				n++
			}
		}
	}
	return n >= 8
}
