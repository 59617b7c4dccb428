package main

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/maypok86/otter/v2"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"workbench/lab"
)

// below is the protected handler, the same for all.
type below func(r *lab.Request) lab.Response

// refused is what a library's refusal becomes.
func refused() lab.Response { return lab.Refuse(lab.Failed, "library", 0) }

// serve measures f.
func serve(b *testing.B, f func(r *lab.Request) lab.Response) {
	b.ReportAllocs()
	var reqs [64]lab.Request
	for i := range reqs {
		reqs[i] = lab.Request{User: uint64(1 + i), Key: uint64(i), Read: true}
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if res := f(&reqs[i&63]); !res.Outcome.Good() {
			b.Fatalf("request refused: %v", res.Outcome)
		}
	}
}

// libraries returns the well-known library for each job.
func libraries() []subject {
	l := &leaf{body: []byte("{}")}
	next := func(r *lab.Request) lab.Response { return l.Serve(context.Background(), r) }
	return slices.Concat(limits(next), guards(next), sharers(next))
}

// limits returns what admits: a rate and a number at once.
func limits(next below) []subject {
	return []subject{
		{"  x/time/rate, one per user in a sync.Map", func(b *testing.B) {
			var m sync.Map
			serve(b, func(r *lab.Request) lab.Response {
				l, ok := m.Load(r.User)
				if !ok {
					l, _ = m.LoadOrStore(r.User, rate.NewLimiter(1e9, 1e9))
				}
				if !l.(*rate.Limiter).Allow() {
					return refused()
				}
				return next(r)
			})
		}},
		{"  failsafe-go bulkhead permit", func(b *testing.B) {
			h := bulkhead.New[any](100)
			serve(b, func(r *lab.Request) lab.Response {
				if !h.TryAcquirePermit() {
					return refused()
				}
				defer h.ReleasePermit()
				return next(r)
			})
		}},
		{"  x/sync semaphore", func(b *testing.B) {
			s := semaphore.NewWeighted(100)
			serve(b, func(r *lab.Request) lab.Response {
				if !s.TryAcquire(1) {
					return refused()
				}
				defer s.Release(1)
				return next(r)
			})
		}},
	}
}

// guards returns what guards a dependency: breakers, a deadline, retries.
func guards(next below) []subject {
	return []subject{
		{"  failsafe-go breaker permit", func(b *testing.B) {
			c := circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(0.5, 20, 10*time.Second).Build()
			serve(b, func(r *lab.Request) lab.Response {
				if !c.TryAcquirePermit() {
					return refused()
				}
				res := next(r)
				c.RecordSuccess()
				return res
			})
		}},
		{"  gobreaker", func(b *testing.B) {
			c := gobreaker.NewCircuitBreaker[lab.Response](gobreaker.Settings{})
			serve(b, func(r *lab.Request) lab.Response {
				res, err := c.Execute(func() (lab.Response, error) { return next(r), nil })
				if err != nil {
					return refused()
				}
				return res
			})
		}},
		{"  context.WithTimeout", func(b *testing.B) {
			serve(b, func(r *lab.Request) lab.Response {
				_, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				return next(r)
			})
		}},
		{"  failsafe-go retry executor", func(b *testing.B) {
			e := failsafe.With[lab.Response](retrypolicy.NewBuilder[lab.Response]().WithMaxRetries(2).Build())
			serve(b, func(r *lab.Request) lab.Response {
				res, err := e.Get(func() (lab.Response, error) { return next(r), nil })
				if err != nil {
					return refused()
				}
				return res
			})
		}},
	}
}

// sharers returns what shares one answer among many.
func sharers(next below) []subject {
	return []subject{
		{"  x/sync singleflight", func(b *testing.B) {
			var g singleflight.Group
			serve(b, func(r *lab.Request) lab.Response {
				res, err, _ := g.Do("key", func() (any, error) { return next(r), nil })
				if err != nil {
					return refused()
				}
				return res.(lab.Response)
			})
		}},
		{"  otter (W-TinyLFU), hit", func(b *testing.B) {
			c := otter.Must(&otter.Options[uint64, lab.Response]{MaximumSize: 10_000, ExpiryCalculator: otter.ExpiryWriting[uint64, lab.Response](time.Minute)})
			serve(b, func(r *lab.Request) lab.Response {
				if res, ok := c.GetIfPresent(r.Key); ok {
					return res
				}
				res := next(r)
				c.Set(r.Key, res)
				return res
			})
		}},
		{"  hashicorp LRU, hit", func(b *testing.B) {
			c, err := lru.New[uint64, lab.Response](10_000)
			if err != nil {
				b.Fatal(err)
			}
			serve(b, func(r *lab.Request) lab.Response {
				if res, ok := c.Get(r.Key); ok {
					return res
				}
				res := next(r)
				c.Add(r.Key, res)
				return res
			})
		}},
	}
}
