// Package gracefulshutdown ends a service without losing what it has accepted.
// This answer uses wait groups, guarded so that nobody is added after the wait began.
package gracefulshutdown

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrStopped says that the service takes no more jobs.
var ErrStopped = errors.New("gracefulshutdown: the service has stopped: start the job elsewhere")

// Config says what a service runs and how it ends.
type Config struct {
	Handler http.Handler
	Lag     time.Duration // how long load balancers take to notice that /readyz fails
}

// Service serves requests and runs background jobs until Shutdown.
type Service struct {
	c              Config
	stopping       atomic.Bool
	requests, jobs crew
	cut            chan struct{} // closed when Shutdown gives up
	once           sync.Once
	err            error // written inside once
}

// crew is a wait group whose doors can close.
type crew struct {
	mu     sync.RWMutex
	closed bool // guarded by mu
	wg     sync.WaitGroup
}

func (c *crew) join() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.closed {
		c.wg.Add(1)
	}
	return !c.closed
}

// end closes the doors and waits for those inside, or for ctx.
func (c *crew) end(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		c.wg.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
	}
	return ctx.Err()
}

// New returns a service that is ready.
func New(c Config) *Service {
	return &Service{c: c, cut: make(chan struct{})}
}

// ServeHTTP answers /readyz itself and gives all else to the handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/readyz" && !s.stopping.Load():
		fmt.Fprintln(w, "ready")
	case r.URL.Path == "/readyz":
		http.Error(w, "stopping", http.StatusServiceUnavailable)
	case !s.requests.join():
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		http.Error(w, "stopping", http.StatusServiceUnavailable)
	default:
		defer s.requests.wg.Done()
		ctx, end := s.tied(r.Context())
		defer end()
		s.c.Handler.ServeHTTP(w, r.WithContext(ctx))
	}
}

// tied returns a context that ends with parent or when Shutdown gives up.
func (s *Service) tied(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	left := make(chan struct{})
	go func() {
		select {
		case <-s.cut:
			cancel()
		case <-left:
		}
	}()
	return ctx, func() {
		cancel()
		close(left)
	}
}

// Go runs job in the background.
func (s *Service) Go(job func(ctx context.Context)) error {
	if !s.jobs.join() {
		return ErrStopped
	}
	go func() {
		defer s.jobs.wg.Done()
		ctx, end := s.tied(context.Background())
		defer end()
		defer func() { _ = recover() }()
		job(ctx)
	}()
	return nil
}

// Shutdown drains the service once; sync.Once makes other callers wait.
func (s *Service) Shutdown(ctx context.Context) error {
	s.once.Do(func() {
		s.stopping.Store(true)
		select {
		case <-time.After(s.c.Lag):
		case <-ctx.Done():
		}
		served, worked := s.requests.end(ctx), s.jobs.end(ctx)
		close(s.cut)
		if err := errors.Join(served, worked); err != nil {
			s.err = fmt.Errorf("shutdown gave up waiting: %w", err)
		}
	})
	return s.err
}
