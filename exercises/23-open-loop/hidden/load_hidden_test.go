//go:build exercise

package openloop_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	openloop "workbench/exercises/23-open-loop/start"
)

// The tests with one call at a time run in virtual time. Those with several
// run on the real clock and assert no duration: a right answer may hold a lock
// while it waits for an instant, and virtual time would stand still for it.

// alarm is closed when a test has waited long enough for what should come at
// once; the test ends it.
func alarm(t *testing.T) <-chan struct{} {
	rings := make(chan struct{})
	timer := time.AfterFunc(3*time.Second, func() { close(rings) })
	t.Cleanup(func() { timer.Stop() })
	return rings
}

// rest waits until every other goroutine waits for something: a channel, a
// lock, a timer. Whoever was on the way has arrived then. Unlike synctest.Wait
// it also knows those who wait for a lock that somebody holds while he waits.
func rest(t testing.TB) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	quiet := 0 // looks in a row at which nobody ran but this goroutine
	for end := time.Now().Add(5 * time.Second); quiet < 3; runtime.Gosched() {
		all, busy := stacks[:runtime.Stack(stacks, true)], 0
		for _, state := range []string{" [running", " [runnable", " [preempted", " [GC assist"} {
			busy += bytes.Count(all, []byte(state))
		}
		if quiet++; busy > 1 {
			quiet = 0
		}
		if time.Now().After(end) {
			t.Error("after 5 s somebody still runs: who waits should sleep until woken, and not look again and again")
			return
		}
	}
}

func TestHowMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			rate float64
			long time.Duration
			want int
		}{
			{10, time.Second, 10},
			{10, time.Second + 1, 11},
			{10, 999 * time.Millisecond, 10},
			{0.5, time.Second, 1},
			{0.5, 3 * time.Second, 2},
			{4, 1100 * time.Millisecond, 5},
			{0.001, time.Millisecond, 1},
			{2000, time.Second, 2000},
		} {
			r := run(t, plan{Rate: c.rate, For: c.long, Most: 1}, func(context.Context, int) error { return nil })
			if r.Due != c.want || r.Sent != c.want {
				t.Errorf("%v a second for %v: due %d and sent %d, want %d", c.rate, c.long, r.Due, r.Sent, c.want)
			}
		}
	})
}

// Neither rounding nor the time that a call takes may add up.
func TestNoDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		run(t, plan{Rate: 3, For: 200 * time.Second, Most: 1}, func(_ context.Context, n int) error {
			if at, due := time.Since(began), time.Duration(float64(n)/3*1e9); !near(at, due) && !t.Failed() {
				tell(t, "request %d is sent", n)
				t.Errorf("at 3 a second request %d was sent at %v, want it at %v", n, at, due)
			}
			pass(100 * time.Millisecond)
			return nil
		})
	})
}

// Any service with one desk: what is reported is what is felt.
func TestAnyService(t *testing.T) {
	for seed := range uint64(15) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(23, seed))
			p := plan{Rate: 10 + 90*rng.Float64(), For: time.Second, Most: 1}
			slow := make([]time.Duration, int(math.Ceil(p.Rate)))
			for i := range slow {
				slow[i] = time.Duration(rng.ExpFloat64() * 1.2 / p.Rate * 1e9)
			}
			service := func(n int) time.Duration { return slow[n] }
			r := run(t, p, func(_ context.Context, n int) error {
				pass(service(n))
				return nil
			})
			latencies, lag := felt(p, len(slow), service)
			same(t, p, r, latencies, lag)
		})
	}
}

// No answer comes before the last request was sent: who waits for answers
// waits for ever.
func TestOpen(t *testing.T) {
	const n = 20
	var begun atomic.Int64
	all, rings := make(chan struct{}), alarm(t)
	r := run(t, plan{Rate: 1000, For: n * time.Millisecond, Most: n}, func(context.Context, int) error {
		if begun.Add(1) == n {
			close(all)
		}
		select {
		case <-all:
			return nil
		case <-rings:
			return errors.New("the others were not sent")
		}
	})
	counts(t, r, n, n, 0)
}

func TestMost(t *testing.T) {
	const most = 4
	var now, peak atomic.Int64
	over := make(chan struct{})
	open := sync.OnceFunc(func() { close(over) })
	rings := alarm(t)
	// Once all requests are due and nothing more happens, one too many would have come.
	const long = 4 * time.Millisecond
	began := time.Now()
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() {
		for time.Since(began) < 2*long {
			runtime.Gosched()
		}
		rest(t)
		open()
	})
	r := run(t, plan{Rate: 10_000, For: long, Most: most}, func(context.Context, int) error {
		n := now.Add(1)
		defer now.Add(-1)
		for was := peak.Load(); n > was && !peak.CompareAndSwap(was, n); was = peak.Load() {
		}
		if n > most {
			open()
		}
		select {
		case <-over:
		case <-rings:
		}
		return nil
	})
	counts(t, r, 40, 40, 0)
	tell(t, "%d calls were under way at once", peak.Load())
	if got := peak.Load(); got != most {
		t.Errorf("%d calls were under way at once, want %d: a backlog of 40 fills what is allowed and no more", got, most)
	}
}

// Each request once, and each answer in the books.
func TestEachOnce(t *testing.T) {
	const n = 2000
	seen := make([]atomic.Int64, n)
	r := run(t, plan{Rate: n * 1000, For: time.Millisecond, Most: 8}, func(_ context.Context, i int) error {
		if i < 0 || i >= n {
			t.Errorf("a call was given n = %d of a plan of %d", i, n)
			return nil
		}
		seen[i].Add(1)
		runtime.Gosched()
		if i%4 == 0 {
			return errDown
		}
		return nil
	})
	counts(t, r, n, n, n/4)
	for i := range seen {
		if got := seen[i].Load(); got != 1 {
			t.Fatalf("request %d was sent %d times, want once", i, got)
		}
	}
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1050*time.Millisecond)
		defer cancel()
		began := time.Now()
		r, err := load(t, ctx, plan{Rate: 10, For: 10 * time.Second, Most: 1}, told(t, func(context.Context, int) error { return nil }))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run = %v, want the context's error", err)
		}
		if took := time.Since(began); took != 1050*time.Millisecond {
			t.Errorf("Run returned after %v, want it as soon as the context ended: 1.05s", took)
		}
		counts(t, r, 100, 11, 0)
	})
}

// When the context ends in the middle of a backlog, no more is sent; but what
// is under way is waited for.
func TestCancelBusy(t *testing.T) {
	const most = 3
	ctx, cancel := context.WithCancel(t.Context())
	var running, begun atomic.Int64
	rings, returned, stopped := alarm(t), make(chan struct{}), make(chan struct{})
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		<-ctx.Done()
		rest(t) // whoever does not wait for the calls has returned
		close(stopped)
	})
	r, err := load(t, ctx, plan{Rate: 10_000, For: 10 * time.Millisecond, Most: most}, func(ctx context.Context, _ int) error {
		running.Add(1)
		defer running.Add(-1)
		if begun.Add(1) == most {
			cancel()
		}
		select {
		case <-ctx.Done():
		case <-rings:
			return errors.New("the context of the call goes on")
		}
		select { // to stop takes a while; meanwhile Run has to stay
		case <-returned:
		case <-stopped:
		case <-rings:
		}
		return nil
	})
	left := running.Load()
	close(returned)
	if left > 0 {
		t.Errorf("Run returned while %d calls were still under way, want none left", left)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want the context's error", err)
	}
	counts(t, r, 100, most, 0)
}

func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, plan{Rate: 10, For: time.Second, Most: 1}, told(t, func(_ context.Context, n int) error {
			if n == 3 {
				panic("index out of range")
			}
			return nil
		}))
		counts(t, r, 10, 10, 1)
	})
}

func TestBadPlans(t *testing.T) {
	good := plan{Rate: 10, For: time.Millisecond, Most: 1}
	call := func(context.Context, int) error { return nil }
	run(t, good, call)
	run(t, plan{Rate: 10, For: time.Millisecond, Most: math.MaxInt}, call)
	for _, c := range []struct {
		name string
		edit func(*plan)
	}{
		{"no rate", func(p *plan) { p.Rate = 0 }},
		{"negative rate", func(p *plan) { p.Rate = -1 }},
		{"not a number", func(p *plan) { p.Rate = math.NaN() }},
		{"endless rate", func(p *plan) { p.Rate = math.Inf(1) }},
		{"no time", func(p *plan) { p.For = 0 }},
		{"negative time", func(p *plan) { p.For = -time.Second }},
		{"no calls", func(p *plan) { p.Most = 0 }},
		{"negative calls", func(p *plan) { p.Most = -1 }},
		{"too many requests", func(p *plan) { p.Rate, p.For = 1e6, time.Minute }},
		{"more than can be counted", func(p *plan) { p.Rate, p.For = math.MaxFloat64, math.MaxInt64 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := good
			c.edit(&bad)
			r, err := openloop.Run(t.Context(), bad, func(context.Context, int) error { panic("sent") })
			if err == nil || r.Due != 0 || r.Sent != 0 {
				t.Errorf("Run(%+v) = %+v, %v; want an error and nothing sent", bad, r, err)
			}
		})
	}
	if _, err := openloop.Run(t.Context(), good, nil); err == nil {
		t.Error("Run without a call = nil, want an error")
	}
}

// What is late is a number, not a goroutine for each.
func TestBacklogIsCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		r := run(t, plan{Rate: 100, For: 10 * time.Second, Most: 1}, func(_ context.Context, n int) error {
			if n == 0 {
				pass(9 * time.Second)
				if more := runtime.NumGoroutine() - before; more > 10 {
					tell(t, "900 requests are late, one call is under way: %d goroutines more than before", more)
					t.Errorf("with 900 requests late and one call allowed there are %d more goroutines, want at most 10", more)
				}
			}
			return nil
		})
		counts(t, r, 1000, 1000, 0)
	})
}

func BenchmarkRun(b *testing.B) {
	p := plan{Rate: 1e9, For: 2 * time.Microsecond, Most: 4}
	for b.Loop() {
		if _, err := openloop.Run(b.Context(), p, func(context.Context, int) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
