package balancer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"workbench/lab/fleet"
)

const (
	idleTime = 30 * time.Second // how long a connection is kept for its next request; shorter than the instance keeps it
	maxIdle  = 512              // connections kept for one instance
)

// backend is one instance as the balancer reaches it.
type backend struct {
	Backend
	seat  *fleet.Member // guarded by the balancer's mu, as is all that the fleet knows
	pool  pool
	probe *http.Client // for checks: one that reuses a connection proves less
}

// reach returns how the balancer calls an instance.
func (b *Balancer) reach(want Backend) (*backend, error) {
	dial := (&net.Dialer{Timeout: dialTime}).DialContext
	k := &backend{Backend: want, pool: pool{transport: b.transport, scheme: "http", addr: want.Addr}, probe: b.probe}
	if want.Cert == "" {
		return k, nil
	}
	pinned, err := Pinned(want.Cert)
	if err != nil {
		return nil, fmt.Errorf("balancer: the certificate of backend %s: %w", want.Name, err)
	}
	k.pool.scheme = "https"
	k.pool.transport = &http.Transport{DisableCompression: true, DialContext: dial, TLSClientConfig: pinned, TLSHandshakeTimeout: dialTime}
	k.probe = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial, TLSClientConfig: pinned, TLSHandshakeTimeout: dialTime}}
	return k, nil
}

// Pinned returns how to call a server that has this certificate, DER, and no
// other: it is verified as any, and nobody else may vouch for one.
func Pinned(cert string) (*tls.Config, error) {
	c, err := x509.ParseCertificate([]byte(cert))
	if err != nil {
		return nil, err
	}
	only := x509.NewCertPool()
	only.AddCert(c)
	return &tls.Config{RootCAs: only, MinVersion: tls.VersionTLS13}, nil
}

// pool keeps the idle connections to one instance, the last used on top.
type pool struct {
	transport *http.Transport // makes connections; its own pool is not used
	scheme    string          // http, or https where the instance has a certificate
	addr      string

	mu     sync.Mutex
	idle   []kept // guarded by mu
	closed bool   // guarded by mu
}

type kept struct {
	conn  *http.ClientConn
	since time.Duration
}

// take returns an idle connection or a new one. Its error means that no
// connection could be made, so nothing was sent.
func (p *pool) take(ctx context.Context, now time.Duration) (*http.ClientConn, error) {
	for {
		c := p.pop(now)
		if c == nil {
			return p.transport.NewClientConn(ctx, p.scheme, p.addr)
		}
		if c.Available() > 0 { // its reader has finished with the last answer
			return c, nil
		}
		discard(c)
	}
}

// pop takes the newest idle connection, and closes those that are too old.
func (p *pool) pop(now time.Duration) *http.ClientConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := 0
	for old < len(p.idle) && now-p.idle[old].since > idleTime {
		discard(p.idle[old].conn)
		old++
	}
	if old > 0 {
		p.idle = append(p.idle[:0], p.idle[old:]...)
	}
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1].conn
	p.idle = p.idle[:len(p.idle)-1]
	return c
}

// give keeps a connection whose answer has been read to its end.
func (p *pool) give(c *http.ClientConn, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle || c.Err() != nil {
		discard(c)
		return
	}
	p.idle = append(p.idle, kept{c, now})
}

// drain closes the idle connections; with close also those given later.
func (p *pool) drain(close bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = p.closed || close
	for _, k := range p.idle {
		discard(k.conn)
	}
	p.idle = nil
}

// discard closes a connection that is of no more use, and whose error therefore
// says nothing.
func discard(c *http.ClientConn) { _ = c.Close() }
