//go:build exercise

package keyedlimiter_test

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	keyedlimiter "workbench/exercises/02-keyed-limiter/start"
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

func limiter(t testing.TB, cfg keyedlimiter.Config) *keyedlimiter.Limiter {
	t.Helper()
	l, err := keyedlimiter.New(cfg)
	if err != nil {
		t.Fatalf("New(%+v) = %v, want a limiter", cfg, err)
	}
	return l
}

// allow asks once and writes down what it was answered.
func allow(t testing.TB, l *keyedlimiter.Limiter, key string, now time.Duration) (bool, time.Duration) {
	t.Helper()
	ok, wait := l.Allow(key, now)
	tell(t, now, "Allow(%q) = %v, %v", key, ok, wait)
	return ok, wait
}

// admitted asks n times for a key at one instant and counts.
func admitted(t testing.TB, l *keyedlimiter.Limiter, key string, n int, now time.Duration) (count int) {
	t.Helper()
	for range n {
		if ok, _ := l.Allow(key, now); ok {
			count++
		}
	}
	tell(t, now, "Allow(%q) ×%d admitted %d", key, n, count)
	return count
}

// An abuser must not get a fresh bucket by having others push it out.
func TestDebtIsRemembered(t *testing.T) {
	l := limiter(t, keyedlimiter.Config{Rate: 1, Burst: 10, MaxKeys: 5})
	admitted(t, l, "mallory", 10, 0)
	for i := range 200 {
		l.Allow(fmt.Sprint("helper-", i), time.Millisecond)
	}
	tell(t, time.Millisecond, "Allow for each of 200 other keys; then Len = %d", l.Len())
	if got := admitted(t, l, "mallory", 10, 2*time.Millisecond); got != 0 {
		t.Errorf("after 200 other keys, a key without tokens was admitted %d times, want 0: its debt was forgotten", got)
	}
}

// When the table is full of keys in debt, all further keys share one bucket:
// they are neither all refused nor each given a fresh burst.
func TestOverflowIsShared(t *testing.T) {
	l := limiter(t, keyedlimiter.Config{Rate: 1, Burst: 4, MaxKeys: 3})
	for _, key := range []string{"a", "b", "c"} {
		admitted(t, l, key, 4, 0)
	}
	passed := 0
	for i := range 100 {
		passed += admitted(quiet{t}, l, fmt.Sprint("new-", i), 1, time.Millisecond)
	}
	tell(t, time.Millisecond, "Allow for each of 100 new keys admitted %d; then Len = %d", passed, l.Len())
	if passed > 4 {
		t.Errorf("%d of 100 keys that found no room passed, want 4: one burst for all of them together", passed)
	}
	ok, wait := allow(t, l, "new-0", 2*time.Millisecond)
	if ok || wait < 900*time.Millisecond || wait > 1100*time.Millisecond {
		t.Errorf("Allow without room = %v, %v; want false and about a second", ok, wait)
	}
	if n := l.Len(); n != 3 {
		t.Errorf("the table holds %d keys, want 3", n)
	}
}

// An attacker who fills the table must not lock everybody else out.
func TestOverflowIsServed(t *testing.T) {
	l := limiter(t, keyedlimiter.Config{Rate: 1, Burst: 4, MaxKeys: 1})
	admitted(t, l, "mallory", 4, 0)
	passed := 0
	for i := range 100 {
		passed += admitted(quiet{t}, l, fmt.Sprint("new-", i), 1, time.Millisecond)
	}
	tell(t, time.Millisecond, "Allow for each of 100 new keys admitted %d; then Len = %d", passed, l.Len())
	if passed < 4 {
		t.Errorf("%d of 100 keys that found no room passed, want 4: they have a bucket together", passed)
	}
}

// An abuser that keeps asking is the last to be forgotten, whatever the rule.
func TestActiveDebtor(t *testing.T) {
	l := limiter(t, keyedlimiter.Config{Rate: 1, Burst: 10, MaxKeys: 5})
	admitted(t, l, "mallory", 10, 0)
	for i := range 200 {
		l.Allow(fmt.Sprint("helper-", i), time.Millisecond)
		tell(t, time.Millisecond, "Allow(\"helper-%d\")", i)
		if got := admitted(t, l, "mallory", 1, time.Millisecond); got != 0 {
			t.Fatalf("after %d other keys, a key without tokens that kept asking was admitted", i+1)
		}
	}
}

// A key that has been idle for two fill times makes room.
func TestIdleMakesRoom(t *testing.T) {
	l := limiter(t, keyedlimiter.Config{Rate: 10, Burst: 10, MaxKeys: 3})
	for _, key := range []string{"a", "b", "c"} {
		admitted(t, l, key, 10, 0)
	}
	later := 2*time.Second + time.Millisecond
	if got := admitted(t, l, "d", 20, later); got != 10 {
		t.Errorf("with three idle keys in a table of three, a new key got %d tokens, want a bucket of its own: 10", got)
	}
	if got := admitted(t, l, "e", 20, later); got != 10 {
		t.Errorf("a second new key got %d tokens, want 10", got)
	}
	if got := admitted(t, l, "d", 5, later); got != 0 {
		t.Errorf("the first new key got %d more tokens, want 0: it was pushed out by the second", got)
	}
}

func TestFirstUseTogether(t *testing.T) {
	tell(t, 0, "8 goroutines begin to ask Allow(\"same\"), 200 times over")
	for round := range 200 {
		l := limiter(t, keyedlimiter.Config{Rate: 1, Burst: 5, MaxKeys: 10})
		var passed atomic.Int64
		var all sync.WaitGroup
		gate := make(chan struct{})
		for range 8 {
			all.Go(func() {
				<-gate
				passed.Add(int64(admitted(quiet{t}, l, "same", 3, 0)))
			})
		}
		close(gate)
		all.Wait()
		if got := passed.Load(); got != 5 {
			tell(t, 0, "Allow(\"same\"), asked 3 times by each of 8 goroutines, admitted %d", got)
			t.Fatalf("round %d: 8 goroutines met a new key and got %d tokens, want 5: it must have one bucket", round, got)
		}
	}
}

func TestManyKeysTogether(t *testing.T) {
	const keys, burst = 50, 20
	l := limiter(t, keyedlimiter.Config{Rate: 1, Burst: burst, MaxKeys: keys})
	var passed [keys]atomic.Int64
	var all sync.WaitGroup
	tell(t, 0, "6 goroutines begin to ask Allow for %d keys", keys)
	for range 6 {
		all.Go(func() {
			for i := range keys * burst {
				if ok, _ := l.Allow(fmt.Sprint(i%keys), 0); ok {
					passed[i%keys].Add(1)
				}
				if i%100 == 0 && l.Len() > keys {
					t.Errorf("the table holds %d keys, want at most %d", l.Len(), keys)
				}
			}
		})
	}
	all.Wait()
	for key := range passed {
		if got := passed[key].Load(); got != burst {
			tell(t, 0, "Allow(\"%d\"), asked by 6 goroutines, admitted %d", key, got)
			t.Errorf("key %d was admitted %d times, want %d", key, got, burst)
		}
	}
}

func TestClockBackwards(t *testing.T) {
	l := limiter(t, keyedlimiter.Config{Rate: 10, Burst: 3, MaxKeys: 4})
	admitted(t, l, "a", 3, 10*time.Second)
	for range 20 {
		if admitted(t, l, "a", 1, 2*time.Second)+admitted(t, l, "a", 1, 10*time.Second) > 0 {
			t.Fatal("a clock that goes back and forth minted a token")
		}
	}
	if got := admitted(t, l, "a", 5, time.Minute); got != 3 {
		t.Errorf("a minute later %d passed, want 3", got)
	}
}

func TestBadSettings(t *testing.T) {
	good := keyedlimiter.Config{Rate: 1, Burst: 1, MaxKeys: 1}
	for _, c := range []struct {
		name string
		set  func(*keyedlimiter.Config)
	}{
		{"no rate", func(c *keyedlimiter.Config) { c.Rate = 0 }},
		{"negative rate", func(c *keyedlimiter.Config) { c.Rate = -1 }},
		{"not a number", func(c *keyedlimiter.Config) { c.Rate = math.NaN() }},
		{"endless rate", func(c *keyedlimiter.Config) { c.Rate = math.Inf(1) }},
		{"no burst", func(c *keyedlimiter.Config) { c.Burst = 0 }},
		{"no keys", func(c *keyedlimiter.Config) { c.MaxKeys = 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := good
			c.set(&cfg)
			if l, err := keyedlimiter.New(cfg); err == nil || l != nil {
				t.Errorf("New(%+v) = %v, %v; want no limiter and an error", cfg, l, err)
			}
		})
	}
}

// An attack with new keys hits a table full of keys in debt: looking through
// all of it for each request would do the attacker's work. A table 32 times as
// large may cost up to 8 times as much here, for caches that it no longer fits.
func TestFullTableIsCheap(t *testing.T) {
	full := func(keys int) func(calls int) time.Duration {
		l, n := limiter(t, keyedlimiter.Config{Rate: 0.001, Burst: 1, MaxKeys: keys}), 0
		for i := range keys {
			l.Allow(fmt.Sprint("debtor-", i), 0)
		}
		return func(calls int) time.Duration {
			began := time.Now()
			for range calls {
				n++
				l.Allow(fmt.Sprint("new-", n), time.Duration(n))
			}
			return time.Since(began)
		}
	}
	small, large := full(125), full(4000)
	calls, a, b := 50, time.Duration(0), time.Duration(0)
	for ; a == 0; calls *= 8 { // where a clock ticks more slowly than that
		a, b = time.Hour, time.Hour
		for range 12 { // the fastest of many is not disturbed by other work
			a, b = min(a, small(calls)), min(b, large(calls))
		}
	}
	tell(t, 0, "Allow for %d new keys took %v with 125 keys in debt, and %v with 4000", calls/8, a, b)
	if b > 8*a {
		t.Errorf("%d new keys at a full table took %v with 125 keys and %v with 4000, want about the same", calls/8, a, b)
	}
}

func BenchmarkAllow(b *testing.B) {
	l := limiter(b, keyedlimiter.Config{Rate: 1e6, Burst: 100, MaxKeys: 1024})
	keys := make([]string, 1024)
	for i := range keys {
		keys[i] = fmt.Sprint("user-", i)
	}
	var now atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := now.Add(100)
			l.Allow(keys[n/100%1024], time.Duration(n))
		}
	})
}
