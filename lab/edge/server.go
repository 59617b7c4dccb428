package edge

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of a server before which anybody may stand.
const (
	headWithin = 10 * time.Second // for a request's head to arrive
	idleWithin = 60 * time.Second // between requests on a connection
	headMost   = 64 << 10         // bytes of a request's head
)

// Serve answers on a listener until ctx ends. Then it accepts no more, gives the
// requests in flight the time of closing to finish, breaks those that are left
// off, and returns nil. connections is how many may be open at once; further
// clients wait to be accepted. The cache is not closed.
func Serve(ctx context.Context, ln net.Listener, c *Cache, connections int, closing time.Duration, log *slog.Logger) error {
	server := &http.Server{
		Handler:           c,
		ReadHeaderTimeout: headWithin, IdleTimeout: idleWithin, MaxHeaderBytes: headMost,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		// A request's context does not end with ctx: what is in flight may finish.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	served := make(chan error, 1)
	go func() {
		served <- server.Serve(&limited{Listener: ln, places: make(chan struct{}, connections), done: make(chan struct{})})
	}()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	err := server.Shutdown(late)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests in flight were broken off", "after", closing)
		err = server.Close()
	}
	if stopped := <-served; !errors.Is(stopped, http.ErrServerClosed) {
		err = errors.Join(err, stopped)
	}
	return err
}

// limited accepts while there are places.
type limited struct {
	net.Listener
	places chan struct{}
	done   chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &placed{Conn: conn, leave: func() { <-l.places }}, nil
}

// Close implements net.Listener.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// placed gives its place back when it is closed.
type placed struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close implements net.Conn.
func (p *placed) Close() error {
	err := p.Conn.Close()
	p.once.Do(p.leave)
	return err
}
