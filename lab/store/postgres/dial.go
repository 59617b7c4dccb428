package postgres

import (
	"context"
	"net"
	"sync"
)

// dialer makes connections and can break all of them.
type dialer struct {
	mu    sync.Mutex
	conns map[*tracked]bool // guarded by mu
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: dialLimit}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	t := &tracked{Conn: c, dialer: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns[t] = true
	return t, nil
}

// cut breaks every connection.
func (d *dialer) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for t := range d.conns {
		_ = t.Conn.Close() // it is given up
	}
	clear(d.conns)
}

// tracked is a connection that its dialer can break.
type tracked struct {
	net.Conn
	dialer *dialer
}

// Close implements net.Conn.
func (t *tracked) Close() error {
	t.dialer.mu.Lock()
	delete(t.dialer.conns, t)
	t.dialer.mu.Unlock()
	return t.Conn.Close()
}
