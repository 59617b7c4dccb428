// Package gracefulshutdown ends a service without losing what it has accepted.
// This answer has no mutex: each counter is one atomic number whose lowest bit says "shut".
package gracefulshutdown

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	began          atomic.Bool
	ended          chan error // holds the result once it is there
	requests, jobs *turnstile
	base           context.Context
	cancel         context.CancelFunc
}

// turnstile counts in steps of two; an odd number is shut, and 1 is shut and empty.
type turnstile struct {
	word  atomic.Int64
	empty chan struct{}
}

func (t *turnstile) in() bool {
	for {
		old := t.word.Load()
		if old&1 == 1 {
			return false
		}
		if t.word.CompareAndSwap(old, old+2) {
			return true
		}
	}
}

func (t *turnstile) out() {
	if t.word.Add(-2) == 1 {
		close(t.empty)
	}
}

// shut is called once.
func (t *turnstile) shut() {
	if t.word.Add(1) == 1 {
		close(t.empty)
	}
}

// New returns a service that is ready.
func New(c Config) *Service {
	s := &Service{
		c: c, ended: make(chan error, 1),
		requests: &turnstile{empty: make(chan struct{})},
		jobs:     &turnstile{empty: make(chan struct{})},
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	return s
}

// ServeHTTP answers /readyz itself and gives all else to the handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/readyz" {
		status := http.StatusOK
		if s.began.Load() {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
		return
	}
	if !s.requests.in() {
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer s.requests.out()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	unhook := context.AfterFunc(s.base, func() { cancel(ErrStopped) })
	defer unhook()
	s.c.Handler.ServeHTTP(w, r.WithContext(ctx))
}

// Go runs job in the background.
func (s *Service) Go(job func(ctx context.Context)) error {
	if !s.jobs.in() {
		return ErrStopped
	}
	go s.run(job)
	return nil
}

func (s *Service) run(job func(ctx context.Context)) {
	defer func() {
		_ = recover()
		s.jobs.out()
	}()
	job(s.base)
}

// Shutdown drains the service; later callers pass the one result along.
func (s *Service) Shutdown(ctx context.Context) error {
	if s.began.Swap(true) {
		err := <-s.ended
		s.ended <- err
		return err
	}
	err := s.drain(ctx)
	s.cancel()
	s.ended <- err
	return err
}

func (s *Service) drain(ctx context.Context) (err error) {
	if !within(ctx, time.After(s.c.Lag)) {
		err = ctx.Err()
	}
	for _, t := range []*turnstile{s.requests, s.jobs} {
		t.shut()
		if !within(ctx, t.empty) {
			err = ctx.Err()
		}
	}
	if err != nil {
		return fmt.Errorf("shutdown ran out of time: %w", err)
	}
	return nil
}

// within waits for c or for ctx; what has happened already wins over ctx.
func within[T any](ctx context.Context, c <-chan T) bool {
	select {
	case <-c:
		return true
	default:
	}
	select {
	case <-c:
		return true
	case <-ctx.Done():
		return false
	}
}
