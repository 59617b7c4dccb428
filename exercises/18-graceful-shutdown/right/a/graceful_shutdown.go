// Package gracefulshutdown ends a service without losing what it has accepted.
// This answer counts entries at two gates, each a mutex, a number and a channel.
package gracefulshutdown

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
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
	c        Config
	requests gate
	jobs     gate
	base     context.Context // ends when Shutdown gives up
	giveUp   context.CancelFunc

	mu       sync.Mutex
	stopping bool // guarded by mu
	done     chan struct{}
	err      error // written before done is closed
}

// gate counts who is inside and lets nobody in once it is shut.
type gate struct {
	mu    sync.Mutex
	n     int           // guarded by mu
	shut  bool          // guarded by mu
	empty chan struct{} // closed when shut and nobody is inside
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.n++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.shut && g.n == 0 {
		close(g.empty)
	}
}

func (g *gate) close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	if g.n == 0 {
		close(g.empty)
	}
	return g.empty
}

// New returns a service that is ready.
func New(c Config) *Service {
	s := &Service{c: c, done: make(chan struct{})}
	s.requests.empty = make(chan struct{})
	s.jobs.empty = make(chan struct{})
	s.base, s.giveUp = context.WithCancel(context.Background())
	return s
}

// ServeHTTP answers /readyz itself and gives all else to the handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/readyz" {
		if !s.ready() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return
	}
	if !s.requests.enter() {
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		http.Error(w, "this instance is stopping: try again and reach another", http.StatusServiceUnavailable)
		return
	}
	defer s.requests.leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.base, cancel)()
	s.c.Handler.ServeHTTP(w, r.WithContext(ctx))
}

func (s *Service) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.stopping
}

// Go runs job in the background.
func (s *Service) Go(job func(ctx context.Context)) error {
	if !s.jobs.enter() {
		return ErrStopped
	}
	go func() {
		defer s.jobs.leave()
		defer func() { _ = recover() }() // one bad job must not end the others
		job(s.base)
	}()
	return nil
}

// Shutdown drains the service.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.stopping
	s.stopping = true
	s.mu.Unlock()
	if !first {
		<-s.done
		return s.err
	}
	s.err = s.drain(ctx)
	s.giveUp()
	close(s.done)
	return s.err
}

func (s *Service) drain(ctx context.Context) error {
	lag := time.NewTimer(s.c.Lag)
	defer lag.Stop()
	select {
	case <-lag.C:
	case <-ctx.Done():
	}
	served := s.requests.close()
	select {
	case <-served:
	case <-ctx.Done():
	}
	worked := s.jobs.close() // only now: the last request may have started a job
	select {
	case <-worked:
	case <-ctx.Done():
	}
	for _, all := range []<-chan struct{}{served, worked} {
		select {
		case <-all:
		default:
			return fmt.Errorf("shutdown cut off work that was under way: %w", ctx.Err())
		}
	}
	return nil
}
