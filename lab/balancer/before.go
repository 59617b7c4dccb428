package balancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// before is what may stand before the balancer, and the way past it.
type before struct {
	handler atomic.Pointer[http.Handler] // nil: nothing

	mu     sync.Mutex
	server *http.Server  // guarded by mu; nil until the way is needed
	addr   string        // guarded by mu
	served chan struct{} // guarded by mu; closed when server has ended
}

// SetBefore puts a handler before the balancer, at its address, for the next
// request on; nil takes it away. What it has to send on, it sends to Inner.
func (b *Balancer) SetBefore(h http.Handler) {
	if h == nil {
		b.before.handler.Store(nil)
		return
	}
	b.before.handler.Store(&h)
}

// enter is where requests come in.
func (b *Balancer) enter(w http.ResponseWriter, in *http.Request) {
	if h := b.before.handler.Load(); h != nil {
		(*h).ServeHTTP(w, in)
		return
	}
	b.ServeHTTP(w, in)
}

// Inner returns an address at which nothing stands before the balancer. It is
// opened at the first call.
func (b *Balancer) Inner(ctx context.Context) (string, error) {
	f := &b.before
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.server != nil {
		return f.addr, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("balancer: the way past what stands before it: %w", err)
	}
	f.addr, f.served = l.Addr().String(), make(chan struct{})
	f.server = &http.Server{
		Handler: b, ReadHeaderTimeout: headerTime, IdleTimeout: keepTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(b.cfg.Log.Handler(), slog.LevelWarn),
	}
	go func(s *http.Server, served chan struct{}) {
		defer close(served)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			b.cfg.Log.Error("balancer stopped serving what stands before it", "error", err)
		}
	}(f.server, f.served)
	return f.addr, nil
}

// close ends the way past it.
func (f *before) close(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.server == nil {
		return nil
	}
	err := f.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("balancer: close the inner way: %w", err), f.server.Close())
	}
	<-f.served
	return err
}
