//go:build exercise

package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	breaker "workbench/exercises/08-breaker/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

var errSick = errors.New("the dependency is sick")

const second = time.Second

// newBreaker returns one that opens at 3 failures among 5, for 10 s, and closes
// after 2 probes.
func newBreaker(t testing.TB) *breaker.Breaker {
	t.Helper()
	cfg := breaker.Config{Window: 5, Failures: 3, OpenFor: 10 * second, Probes: 2}
	b, err := breaker.New(cfg)
	if err != nil {
		t.Fatalf("New(%+v) = %v, want a breaker", cfg, err)
	}
	return b
}

// word says what Allow answered.
func word(err error) string {
	switch {
	case err == nil:
		return "a ticket"
	case errors.Is(err, breaker.ErrOpen):
		return "ErrOpen"
	}
	return err.Error()
}

func named(s breaker.State) string {
	if name, ok := map[breaker.State]string{breaker.Closed: "closed", breaker.Open: "open", breaker.HalfOpen: "half-open"}[s]; ok {
		return name
	}
	return fmt.Sprint(int(s))
}

// report reports what became of a call.
func report(t testing.TB, b *breaker.Breaker, now time.Duration, ticket breaker.Ticket, err error) {
	t.Helper()
	tell(t, now, "Report(%v)", err)
	b.Report(now, ticket, err)
}

// allow wants to be allowed.
func allow(t testing.TB, b *breaker.Breaker, now time.Duration) breaker.Ticket {
	t.Helper()
	ticket, err := b.Allow(now)
	tell(t, now, "Allow = %v", word(err))
	if err != nil {
		t.Fatalf("Allow(%v) = %v, want a ticket", now, err)
	}
	return ticket
}

// call makes calls with these results, one after another.
func call(t testing.TB, b *breaker.Breaker, now time.Duration, results ...error) {
	t.Helper()
	for _, err := range results {
		report(t, b, now, allow(t, b, now), err)
	}
}

func refused(t testing.TB, b *breaker.Breaker, now time.Duration, why string) {
	t.Helper()
	_, err := b.Allow(now)
	tell(t, now, "Allow = %v", word(err))
	if !errors.Is(err, breaker.ErrOpen) {
		t.Errorf("%s: Allow(%v) = %v, want ErrOpen", why, now, err)
	}
}

func state(t testing.TB, b *breaker.Breaker, now time.Duration, want breaker.State, why string) {
	t.Helper()
	got := b.State(now)
	tell(t, now, "State = %s", named(got))
	if got != want {
		t.Errorf("%s: State(%v) = %d, want %d (0 closed, 1 open, 2 half-open)", why, now, got, want)
	}
}

// opened returns a breaker that opened at 0.
func opened(t testing.TB) *breaker.Breaker {
	t.Helper()
	b := newBreaker(t)
	call(t, b, 0, errSick, errSick, errSick)
	state(t, b, 0, breaker.Open, "after 3 failures")
	return b
}

// Calls that began before the breaker opened come back one by one. They know
// nothing of the time since.
func TestOldNews(t *testing.T) {
	b := newBreaker(t)
	var old []breaker.Ticket
	for range 6 {
		old = append(old, allow(t, b, 0))
	}
	for range 3 {
		report(t, b, 0, allow(t, b, 0), errSick)
	}
	state(t, b, 0, breaker.Open, "after 3 failures")
	report(t, b, 5*second, old[0], errSick)
	refused(t, b, 9*second, "open")
	state(t, b, 10*second, breaker.HalfOpen, "10 s after it opened, whatever was reported meanwhile")
	report(t, b, 10*second, old[1], nil)
	report(t, b, 10*second, old[2], nil)
	report(t, b, 10*second, old[3], errSick)
	state(t, b, 10*second, breaker.HalfOpen, "results of calls from before are no probes")
	call(t, b, 10*second, nil, nil)
	state(t, b, 10*second, breaker.Closed, "after two probes")
	report(t, b, 11*second, old[4], errSick)
	report(t, b, 11*second, old[5], errSick)
	call(t, b, 11*second, errSick, errSick)
	state(t, b, 11*second, breaker.Closed, "2 failures since it closed: old ones do not count")
}

// A client that hangs up says nothing about the dependency.
func TestCancelled(t *testing.T) {
	b := newBreaker(t)
	gone := fmt.Errorf("query: %w", context.Canceled)
	call(t, b, 0, errSick, errSick)
	for range 20 {
		call(t, b, 0, gone)
	}
	state(t, b, 0, breaker.Closed, "2 failures and 20 cancelled calls")
	call(t, b, 0, errSick)
	state(t, b, 0, breaker.Open, "3 failures: cancelled calls neither count nor push failures out")
}

func TestCancelledProbe(t *testing.T) {
	b := opened(t)
	gone := fmt.Errorf("query: %w", context.Canceled)
	call(t, b, 10*second, nil)
	call(t, b, 10*second, gone)
	state(t, b, 10*second, breaker.HalfOpen, "a cancelled probe neither opens nor closes")
	call(t, b, 10*second, nil)
	state(t, b, 10*second, breaker.Closed, "two successes in a row with a cancelled probe between")
}

// A deadline that passes is a failure: the dependency was too slow.
func TestDeadlineIsFailure(t *testing.T) {
	b := newBreaker(t)
	late := context.DeadlineExceeded
	call(t, b, 0, late, late, late)
	state(t, b, 0, breaker.Open, "after 3 deadlines")
}

// A probe whose caller crashed never comes back. It must not keep the breaker
// half-open for ever, and if it does come back, it is old news.
func TestLostProbe(t *testing.T) {
	b := opened(t)
	lost := allow(t, b, 10*second)
	refused(t, b, 19*second, "a probe is under way")
	probe := allow(t, b, 21*second)
	report(t, b, 21*second, lost, errSick)
	state(t, b, 21*second, breaker.HalfOpen, "a result that came after its probe was given up")
	refused(t, b, 21*second, "the new probe is under way")
	report(t, b, 22*second, probe, nil)
	call(t, b, 22*second, nil)
	state(t, b, 22*second, breaker.Closed, "after two probes")
}

func TestReportTwice(t *testing.T) {
	b := opened(t)
	probe := allow(t, b, 10*second)
	report(t, b, 10*second, probe, nil)
	report(t, b, 10*second, probe, nil)
	state(t, b, 10*second, breaker.HalfOpen, "one probe reported twice")
	var none breaker.Ticket
	report(t, b, 10*second, none, nil)
	report(t, b, 10*second, none, errSick)
	state(t, b, 10*second, breaker.HalfOpen, "a ticket that nobody got")
}

func TestClockBackwards(t *testing.T) {
	b := opened(t)
	call(t, b, 10*second, nil)
	state(t, b, 3*second, breaker.HalfOpen, "an older instant changes nothing")
	call(t, b, 4*second, nil)
	state(t, b, 10*second, breaker.Closed, "two probes")
	c := newBreaker(t)
	tell(t, 100*second, "State = %s", named(c.State(100*second)))
	call(t, c, 50*second, errSick, errSick, errSick)
	refused(t, c, 105*second, "opened at the latest instant seen, 100 s")
}

// Exactly one of many gets the probe.
func TestOneProbe(t *testing.T) {
	for round := range 100 {
		b := opened(quiet{t})
		var got atomic.Int64
		var all sync.WaitGroup
		gate := make(chan struct{})
		for range 16 {
			all.Go(func() {
				<-gate
				if _, err := b.Allow(10 * second); err == nil {
					got.Add(1)
				}
			})
		}
		close(gate)
		all.Wait()
		if n := got.Load(); n != 1 {
			tell(t, 10*second, "Allow, asked by 16 goroutines, gave %d tickets", n)
			t.Fatalf("round %d: 16 callers at a half-open breaker got %d probes, want 1", round, n)
		}
	}
}

func TestTogether(t *testing.T) {
	cfg := breaker.Config{Window: 100, Failures: 100, OpenFor: second, Probes: 1}
	for round := range 20 {
		b, err := breaker.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 9 {
			all.Go(func() {
				for range 11 {
					if ticket, err := b.Allow(0); err == nil {
						b.Report(0, ticket, errSick)
					}
				}
			})
		}
		all.Wait()
		state(t, b, 0, breaker.Closed, "after 99 failures from 9 goroutines")
		call(t, b, 0, errSick)
		state(t, b, 0, breaker.Open, "after the hundredth")
		if t.Failed() {
			t.Fatalf("round %d: results were lost or counted twice", round)
		}
	}
}

func TestBadSettings(t *testing.T) {
	good := breaker.Config{Window: 1, Failures: 1, OpenFor: 1, Probes: 1}
	if _, err := breaker.New(good); err != nil {
		t.Errorf("New(%+v) = %v, want a breaker", good, err)
	}
	for _, c := range []struct {
		name string
		set  func(*breaker.Config)
	}{
		{"no window", func(c *breaker.Config) { c.Window, c.Failures = 0, 0 }},
		{"no failures", func(c *breaker.Config) { c.Failures = 0 }},
		{"more failures than results", func(c *breaker.Config) { c.Failures = 2 }},
		{"open for no time", func(c *breaker.Config) { c.OpenFor = 0 }},
		{"no probes", func(c *breaker.Config) { c.Probes = 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := good
			c.set(&cfg)
			if b, err := breaker.New(cfg); err == nil || b != nil {
				t.Errorf("New(%+v) = %v, %v; want no breaker and an error", cfg, b, err)
			}
		})
	}
	b, err := breaker.New(good)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Allow(0)
	tell(t, 0, "Allow = %v", word(err))
	if errors.Is(err, breaker.ErrOpen) {
		t.Error("a new breaker is open, want it closed")
	}
}

// A breaker is asked before every call for as long as the process lives. What
// it keeps must not grow with the number of calls.
func TestMemory(t *testing.T) {
	b, err := breaker.New(breaker.Config{Window: 50, Failures: 50, OpenFor: second, Probes: 1})
	if err != nil {
		t.Fatal(err)
	}
	results := []error{nil, errSick}
	kept := func(calls int) uint64 {
		for i := range calls {
			if ticket, err := b.Allow(0); err == nil {
				b.Report(0, ticket, results[i%2])
			}
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := kept(1000)
	after := kept(50_000)
	tell(t, 0, "Allow and Report, 50,000 times: %d bytes in use before, %d after", before, after)
	if after > before+30_000 {
		t.Errorf("after 50,000 more calls %d bytes more are in use, want next to none", after-before)
	}
	runtime.KeepAlive(b)
}

func BenchmarkCall(b *testing.B) {
	br, err := breaker.New(breaker.Config{Window: 100, Failures: 50, OpenFor: second, Probes: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if ticket, err := br.Allow(0); err == nil {
				br.Report(0, ticket, nil)
			}
		}
	})
}
