//go:build exercise

package breaker_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	breaker "workbench/exercises/08-breaker/start"
)

func TestShare(t *testing.T) {
	for _, c := range []struct {
		name    string
		share   float64
		results []breaker.Result
		want    breaker.State
	}{
		{"a bit less than half", 0.5, []breaker.Result{good, good, good, bad, bad}, breaker.Closed},
		{"half", 0.5, []breaker.Result{good, good, good, bad, bad, bad}, breaker.Open},
		{"failures in between", 0.5, []breaker.Result{good, bad, good, good, bad, bad}, breaker.Open},
		{"all but one", 1, []breaker.Result{good, bad, bad, bad, bad, bad, bad, bad}, breaker.Closed},
		{"all", 1, []breaker.Result{bad, bad, bad, bad}, breaker.Open},
		{"a tenth", 0.1, []breaker.Result{good, good, good, good, good, good, good, good, good, bad}, breaker.Open},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := usual
			cfg.Share = c.share
			b := build(t, cfg)
			calls(t, b, 0, c.results...)
			state(t, b, 0, c.want)
		})
	}
}

// The window rolls: it has no edge at which everything is forgotten, and it
// does forget.
func TestWindow(t *testing.T) {
	for _, start := range []time.Duration{0, 8 * time.Second, 9500 * time.Millisecond, 17 * time.Second} {
		b := build(t, usual)
		calls(t, b, start, bad, bad)
		calls(t, b, start+3*time.Second, bad)
		calls(t, b, start+8*time.Second, bad)
		state(t, b, start+8*time.Second, breaker.Open)
	}
	b := build(t, usual)
	for i := range 30 { // one failure every 4 s: never four in 10 s
		calls(t, b, time.Duration(i)*4*time.Second, bad)
	}
	state(t, b, 2*time.Minute, breaker.Closed)
	b = build(t, usual)
	for i := range 100 { // an hour of health does not water down an outage
		calls(t, b, time.Duration(i)*30*time.Second, good)
	}
	calls(t, b, time.Hour, bad, bad, bad, bad)
	state(t, b, time.Hour, breaker.Open)
}

func TestClosesClean(t *testing.T) {
	b := build(t, usual)
	calls(t, b, 0, bad, bad, bad, bad)
	calls(t, b, 5100*time.Millisecond, good)
	calls(t, b, 5200*time.Millisecond, bad, bad)
	state(t, b, 5200*time.Millisecond, breaker.Closed)
	for range 2 { // the probe may count as a call, or not
		if p, err := b.Allow(5300 * time.Millisecond); err == nil {
			b.Report(5300*time.Millisecond, p, bad)
		}
	}
	state(t, b, 5300*time.Millisecond, breaker.Open)
	calls(t, b, 10400*time.Millisecond, good)
	calls(t, b, 10500*time.Millisecond, good, good, bad)
	state(t, b, 10500*time.Millisecond, breaker.Closed)
}

// Slow calls come back when the breaker is elsewhere. They speak of the past.
func TestOldReports(t *testing.T) {
	b := build(t, usual)
	var old []breaker.Pass
	for range 9 {
		old = append(old, allow(t, b, 0))
	}
	calls(t, b, 0, bad, bad, bad, bad)
	b.Report(time.Second, old[0], good)
	state(t, b, time.Second, breaker.Open)
	b.Report(4*time.Second, old[1], bad)
	state(t, b, 5100*time.Millisecond, breaker.HalfOpen)
	b.Report(5100*time.Millisecond, old[2], bad)
	state(t, b, 5100*time.Millisecond, breaker.HalfOpen)
	b.Report(5100*time.Millisecond, old[3], good)
	state(t, b, 5100*time.Millisecond, breaker.HalfOpen)
	probe := allow(t, b, 5200*time.Millisecond)
	b.Report(5300*time.Millisecond, old[4], good)
	b.Report(5300*time.Millisecond, old[5], bad)
	b.Report(5300*time.Millisecond, old[6], none)
	refuse(t, b, 5300*time.Millisecond)
	state(t, b, 5300*time.Millisecond, breaker.HalfOpen)
	b.Report(5400*time.Millisecond, probe, good)
	state(t, b, 5400*time.Millisecond, breaker.Closed)
	b.Report(5500*time.Millisecond, probe, bad)
	b.Report(5500*time.Millisecond, old[7], bad)
	b.Report(5500*time.Millisecond, old[8], bad)
	b.Report(5500*time.Millisecond, breaker.Pass{}, bad)
	state(t, b, 5500*time.Millisecond, breaker.Closed)
}

// A hundred callers come in the moment in which it becomes half-open.
func TestOneProbe(t *testing.T) {
	for range 30 {
		b := build(t, usual)
		calls(t, b, 0, bad, bad, bad, bad)
		var passed atomic.Int64
		var all sync.WaitGroup
		start := make(chan struct{})
		for range 32 {
			all.Go(func() {
				<-start
				for range 3 {
					if _, err := b.Allow(5100 * time.Millisecond); err == nil {
						passed.Add(1)
					}
				}
			})
		}
		close(start)
		all.Wait()
		if n := passed.Load(); n != 1 {
			t.Fatalf("half-open let %d of 96 calls through, want exactly one probe", n)
		}
	}
}

// Nothing may be counted twice, or lost, when many report at once.
func TestTogether(t *testing.T) {
	const callers, each = 8, 125
	cfg := usual
	cfg.MinCalls, cfg.Share = callers*each, 1
	b := build(t, cfg)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for i := range each {
				p, err := b.Allow(time.Duration(i))
				if err != nil {
					t.Errorf("Allow before %d calls have failed = %v, want a pass", callers*each, err)
					return
				}
				b.Report(time.Duration(i), p, bad)
			}
		})
	}
	all.Wait()
	state(t, b, time.Second, breaker.Open)
}

func TestProbeIgnored(t *testing.T) {
	b := build(t, usual)
	calls(t, b, 0, bad, bad, bad, bad)
	first := allow(t, b, 5100*time.Millisecond)
	b.Report(5200*time.Millisecond, first, none)
	state(t, b, 5200*time.Millisecond, breaker.HalfOpen)
	second := allow(t, b, 5200*time.Millisecond)
	refuse(t, b, 5200*time.Millisecond)
	b.Report(5250*time.Millisecond, first, good)
	state(t, b, 5250*time.Millisecond, breaker.HalfOpen)
	b.Report(5300*time.Millisecond, second, good)
	state(t, b, 5300*time.Millisecond, breaker.Closed)
}

// A probe whose caller has died must not keep the breaker from ever closing.
func TestLostProbe(t *testing.T) {
	b := build(t, usual)
	calls(t, b, 0, bad, bad, bad, bad)
	lost := allow(t, b, 6*time.Second)
	refuse(t, b, 10900*time.Millisecond)
	second := allow(t, b, 11100*time.Millisecond)
	refuse(t, b, 11100*time.Millisecond)
	b.Report(11200*time.Millisecond, lost, bad)
	state(t, b, 11200*time.Millisecond, breaker.HalfOpen)
	b.Report(11300*time.Millisecond, second, good)
	state(t, b, 11300*time.Millisecond, breaker.Closed)
}

func TestIgnored(t *testing.T) {
	b := build(t, usual)
	calls(t, b, 0, bad, none, none, none, bad, none, bad)
	state(t, b, 0, breaker.Closed)
	calls(t, b, 0, none, none, none, none, bad)
	state(t, b, 0, breaker.Open)
}

// Users close tabs. That says nothing about the dependency; a call that took
// longer than it may, does.
func TestVerdicts(t *testing.T) {
	fault := errors.New("status 500")
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want breaker.State
	}{
		{"successes", context.Background(), nil, breaker.Closed},
		{"failures", context.Background(), fault, breaker.Open},
		{"the caller has gone", canceled, context.Canceled, breaker.Closed},
		{"too late", late, context.DeadlineExceeded, breaker.Open},
		{"the other side gave up", context.Background(), context.Canceled, breaker.Open},
		{"done before the caller had gone", canceled, nil, breaker.Closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := build(t, usual)
			clock := func() time.Duration { return time.Second }
			for range 4 {
				if err := b.Do(c.ctx, clock, func(ctx context.Context) error {
					if ctx != c.ctx {
						t.Error("f was given another context than Do's")
					}
					return c.err
				}); err != c.err {
					t.Errorf("Do = %v, want the error of f, %v", err, c.err)
				}
			}
			state(t, b, time.Second, c.want)
		})
	}
}

func TestDoRefuses(t *testing.T) {
	b := build(t, usual)
	calls(t, b, 0, bad, bad, bad, bad)
	if err := b.Do(t.Context(), func() time.Duration { return time.Second }, func(context.Context) error {
		t.Error("f was called although the breaker is open")
		return nil
	}); !errors.Is(err, breaker.ErrOpen) {
		t.Errorf("Do = %v, want ErrOpen", err)
	}
	now := 5 * time.Second
	clock := func() time.Duration { now += 100 * time.Millisecond; return now }
	if err := b.Do(t.Context(), clock, func(context.Context) error { now += time.Second; return nil }); err != nil {
		t.Errorf("Do of the probe = %v, want no error", err)
	}
	state(t, b, now, breaker.Closed)
}

// What a call says, it says when it ends.
func TestDoReportsAfterwards(t *testing.T) {
	b := build(t, usual)
	calls(t, b, 0, bad, bad, bad, bad)
	now := 6 * time.Second
	fault := errors.New("still down")
	if err := b.Do(t.Context(), func() time.Duration { return now }, func(context.Context) error {
		now = 9 * time.Second
		return fault
	}); err != fault {
		t.Errorf("Do of the probe = %v, want the error of f", err)
	}
	refuse(t, b, 13900*time.Millisecond)
	allow(t, b, 14100*time.Millisecond)
}

func TestPanic(t *testing.T) {
	b := build(t, usual)
	now := time.Duration(0)
	boom := func() {
		defer func() {
			if recover() != "a nil map" {
				t.Error("the panic of f did not reach the caller of Do, want it passed on")
			}
		}()
		_ = b.Do(t.Context(), func() time.Duration { return now }, func(context.Context) error { panic("a nil map") })
	}
	for range 4 {
		boom()
	}
	state(t, b, now, breaker.Open)
	now = 5100 * time.Millisecond
	boom() // the probe
	state(t, b, now, breaker.Open)
	refuse(t, b, 10*time.Second)
	allow(t, b, 10200*time.Millisecond)
}

// Goroutines reach the breaker in another order than they read the clock.
func TestClockBackwards(t *testing.T) {
	cfg := usual
	cfg.MinCalls = 6
	b := build(t, cfg)
	calls(t, b, 100*time.Second, bad, bad, bad, bad)
	calls(t, b, 80*time.Second, bad)
	calls(t, b, 100*time.Second, bad)
	state(t, b, 100*time.Second, breaker.Open)
	state(t, b, 80*time.Second, breaker.Open)
	refuse(t, b, 99*time.Second)
	allow(t, b, 105100*time.Millisecond)
	refuse(t, b, 90*time.Second)
	state(t, b, 90*time.Second, breaker.HalfOpen)
}

func TestBadConfig(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*breaker.Config)
	}{
		{"no share", func(c *breaker.Config) { c.Share = 0 }},
		{"negative share", func(c *breaker.Config) { c.Share = -0.5 }},
		{"more than all", func(c *breaker.Config) { c.Share = 1.01 }},
		{"not a number", func(c *breaker.Config) { c.Share = math.NaN() }},
		{"no calls", func(c *breaker.Config) { c.MinCalls = 0 }},
		{"no window", func(c *breaker.Config) { c.Window = 0 }},
		{"never open", func(c *breaker.Config) { c.OpenFor = 0 }},
		{"open backwards", func(c *breaker.Config) { c.OpenFor = -1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := usual
			c.spoil(&cfg)
			if b, err := breaker.New(cfg); b != nil || err == nil {
				t.Errorf("New(%+v) = %v, %v; want no breaker and an error", cfg, b, err)
			}
		})
	}
}

// A window of ten seconds at 2500 calls a second.
func TestBoundedMemory(t *testing.T) {
	const count = 25_000
	b := build(t, usual)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range count {
		now := time.Duration(i) * 400 * time.Microsecond
		b.Report(now, allow(t, b, now), good)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2*count {
		t.Errorf("after %d calls within one window it holds %d KiB more, want a few: count calls, do not list them", count, grown>>10)
	}
	state(t, b, 10*time.Second, breaker.Closed)
}

func BenchmarkCall(b *testing.B) {
	k := build(b, usual)
	var now atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			t := time.Duration(now.Add(1000))
			if p, err := k.Allow(t); err == nil {
				k.Report(t, p, good)
			}
		}
	})
}
