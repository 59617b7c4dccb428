//go:build exercise

package openloop_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	openloop "workbench/exercises/23-open-loop/start"
)

// sealed runs f on a virtual clock; goroutines that it leaves behind fail the test.
func sealed(t *testing.T, f func(*testing.T)) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("goroutines are left for ever: %v", p)
		}
	}()
	synctest.Test(t, f)
}

const milli = time.Millisecond

// TestStall lets the server stand still from 1 s to 3 s. A closed loop would notice it once.
func TestStall(t *testing.T) {
	sealed(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		var made []time.Duration
		r, err := openloop.Run(t.Context(), openloop.Config{Rate: 50, Duration: 10 * time.Second, MaxInFlight: 8}, func(context.Context) error {
			now := time.Since(start)
			mu.Lock()
			made = append(made, now)
			mu.Unlock()
			if now >= time.Second && now < 3*time.Second {
				time.Sleep(3*time.Second - now)
			} else {
				time.Sleep(milli)
			}
			return nil
		})
		if err != nil || r.Sent != 500 || len(r.Latencies) != 500 {
			t.Fatalf("sent %d, %d latencies, %v; want 500", r.Sent, len(r.Latencies), err)
		}
		for i, l := range r.Latencies {
			intended := time.Duration(i) * 20 * milli
			switch {
			case intended < time.Second || intended > 3100*milli:
				if l > 2*milli {
					t.Fatalf("request %d, due at %v, took %v though the server was quick: the timetable has moved", i, intended, l)
				}
			case intended < 3*time.Second:
				if l < 3*time.Second-intended {
					t.Fatalf("request %d, due at %v, took %v though the server stood still until 3s: its user waited longer", i, intended, l)
				}
			}
		}
		if last := made[len(made)-1]; last < 9979*milli || last > 9981*milli {
			t.Errorf("the last request was made at %v, want 9.98s", last)
		}
	})
}

func TestMaxInFlight(t *testing.T) {
	for _, limit := range []int{1, 3, 7} {
		sealed(t, func(t *testing.T) {
			var open, most atomic.Int64
			r, err := openloop.Run(t.Context(), openloop.Config{Rate: 100, Duration: time.Second, MaxInFlight: limit}, func(context.Context) error {
				if n := open.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(200 * milli)
				open.Add(-1)
				return nil
			})
			if err != nil || most.Load() != int64(limit) || r.Sent != 100 {
				t.Errorf("MaxInFlight %d: %d were open at once, %d sent, %v; want %d and 100", limit, most.Load(), r.Sent, err, limit)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	sealed(t, func(t *testing.T) {
		var n atomic.Int64
		r, err := openloop.Run(t.Context(), openloop.Config{Rate: 1000, Duration: 50 * milli, MaxInFlight: 100}, func(context.Context) error {
			i := n.Add(1) - 1
			time.Sleep(time.Duration(100-i) * 10 * milli) // later ones end first
			return nil
		})
		if err != nil || len(r.Latencies) != 50 {
			t.Fatalf("%d latencies, %v; want 50", len(r.Latencies), err)
		}
		for i, l := range r.Latencies {
			if want := time.Duration(100-i) * 10 * milli; max(l-want, want-l) > time.Microsecond {
				t.Fatalf("latency %d = %v, want %v: they stand in the order of their instants", i, l, want)
			}
		}
		if r.Lag > time.Microsecond {
			t.Errorf("Lag = %v, want none", r.Lag)
		}
	})
}

func TestCancel(t *testing.T) {
	for _, limit := range []int{1, 100} {
		sealed(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(550*milli, cancel)
			start := time.Now()
			r, err := openloop.Run(ctx, openloop.Config{Rate: 10, Duration: time.Minute, MaxInFlight: limit}, func(ctx context.Context) error {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(2 * time.Hour):
					return nil
				}
			})
			want := min(limit, 6)
			if !errors.Is(err, context.Canceled) || r.Planned != 600 || r.Sent != want || r.Failed != want {
				t.Errorf("cancelled after 0.55 s with MaxInFlight %d: planned %d, sent %d, failed %d, %v; want 600, %d, %d and context.Canceled", limit, r.Planned, r.Sent, r.Failed, err, want, want)
			}
			if took := time.Since(start); took != 550*milli {
				t.Errorf("Run returned after %v, want 550ms", took)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	sealed(t, func(t *testing.T) {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("Run lets the call's panic through (%v)", p)
			}
		}()
		var n atomic.Int64
		r, err := openloop.Run(t.Context(), openloop.Config{Rate: 10, Duration: time.Second, MaxInFlight: 2}, func(context.Context) error {
			if n.Add(1) <= 3 {
				panic("bad answer")
			}
			time.Sleep(milli)
			return nil
		})
		if err != nil || r.Sent != 10 || r.Failed != 3 || len(r.Latencies) != 7 {
			t.Errorf("three calls panicked and the report has sent %d, failed %d, %d latencies, %v; want 10, 3, 7", r.Sent, r.Failed, len(r.Latencies), err)
		}
	})
}

func TestBadConfig(t *testing.T) {
	good := openloop.Config{Rate: 10, Duration: time.Second, MaxInFlight: 1}
	for field, spoil := range map[string][]func(*openloop.Config){
		"Rate": {
			func(c *openloop.Config) { c.Rate = 0 }, func(c *openloop.Config) { c.Rate = -1 },
			func(c *openloop.Config) { c.Rate = math.NaN() }, func(c *openloop.Config) { c.Rate = math.Inf(1) },
		},
		"Duration":    {func(c *openloop.Config) { c.Duration = 0 }, func(c *openloop.Config) { c.Duration = -time.Second }},
		"MaxInFlight": {func(c *openloop.Config) { c.MaxInFlight = 0 }, func(c *openloop.Config) { c.MaxInFlight = -4 }},
	} {
		for _, f := range spoil {
			sealed(t, func(t *testing.T) {
				c := good
				f(&c)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				calls := 0
				_, err := openloop.Run(ctx, c, func(context.Context) error { calls++; return nil })
				if err == nil || !strings.Contains(err.Error(), field) || calls > 0 {
					t.Errorf("Run(%+v) = %v with %d calls; want an error that names %s and no call", c, err, calls, field)
				}
			})
		}
	}
}

// TestManyAtOnce runs on the real clock, where calls truly run side by side.
func TestManyAtOnce(t *testing.T) {
	var n atomic.Int64
	r, err := openloop.Run(t.Context(), openloop.Config{Rate: 20_000, Duration: 50 * milli, MaxInFlight: 16}, func(context.Context) error {
		if n.Add(1)%5 == 0 {
			return errors.New("no")
		}
		runtime.Gosched()
		return nil
	})
	if err != nil || r.Sent != 1000 || r.Failed != 200 || len(r.Latencies) != 800 || n.Load() != 1000 {
		t.Errorf("1000 requests: %d calls, sent %d, failed %d, %d latencies, %v; want 1000, 1000, 200, 800", n.Load(), r.Sent, r.Failed, len(r.Latencies), err)
	}
}

func TestFewGoroutines(t *testing.T) {
	sealed(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		most := 0
		var mu sync.Mutex
		_, err := openloop.Run(t.Context(), openloop.Config{Rate: 100, Duration: 10 * time.Second, MaxInFlight: 10}, func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			most = max(most, runtime.NumGoroutine()-before)
			return nil
		})
		if err != nil || most > 50 {
			t.Errorf("1000 requests with MaxInFlight 10 had up to %d goroutines, want a few more than 10 (%v)", most, err)
		}
	})
}
