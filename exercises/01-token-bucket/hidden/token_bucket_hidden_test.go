//go:build exercise

package tokenbucket_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	tokenbucket "workbench/exercises/01-token-bucket/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

func bucket(t testing.TB, perSecond float64, burst int) *tokenbucket.Bucket {
	t.Helper()
	b, err := tokenbucket.New(perSecond, burst)
	if err != nil {
		t.Fatalf("New(%v, %d) = %v, want a bucket", perSecond, burst, err)
	}
	return b
}

// allow asks once and writes down what it was answered.
func allow(t testing.TB, b *tokenbucket.Bucket, now time.Duration) (bool, time.Duration) {
	t.Helper()
	ok, wait := b.Allow(now)
	tell(t, now, "Allow = %v, %v", ok, wait)
	return ok, wait
}

// admitted asks n times at one instant and counts.
func admitted(t testing.TB, b *tokenbucket.Bucket, n int, now time.Duration) (count int) {
	t.Helper()
	for range n {
		if ok, _ := b.Allow(now); ok {
			count++
		}
	}
	tell(t, now, "Allow ×%d admitted %d", n, count)
	return count
}

// The edge of a fixed window is where a counter that is reset lets two bursts
// through back to back.
func TestNoDoubleBurst(t *testing.T) {
	b := bucket(t, 10, 10)
	first := admitted(t, b, 50, 999*time.Millisecond)
	second := admitted(t, b, 50, 1001*time.Millisecond)
	if first+second > 10 {
		t.Errorf("%d requests passed within 2 ms around a full second, want at most the burst of 10", first+second)
	}
}

// Asking often must not cost the fractions of a token gained in between.
func TestFractions(t *testing.T) {
	b := bucket(t, 100, 1)
	admitted(t, b, 1, 0)
	passed := 0
	for i := 1; i <= 10_000; i++ {
		if ok, _ := b.Allow(time.Duration(i) * 100 * time.Microsecond); ok {
			passed++
		}
	}
	tell(t, time.Second, "Allow, asked every 100 µs since 0s, admitted %d of 10000", passed)
	if passed < 99 || passed > 100 {
		t.Errorf("asked every 100 µs for a second, 100 tokens a second admitted %d, want 100", passed)
	}
}

// A refused request must not cost anything either.
func TestRefusalIsFree(t *testing.T) {
	b := bucket(t, 1, 1)
	admitted(t, b, 1000, 0)
	if ok, _ := allow(t, b, time.Second+time.Millisecond); !ok {
		t.Error("after a thousand refusals the token of the next second was not there")
	}
}

// In any stretch of time at most burst + rate × stretch may pass.
func TestSteady(t *testing.T) {
	const perSecond, burst = 50.0, 7
	rng := rand.New(rand.NewPCG(1, 2))
	b := bucket(t, perSecond, burst)
	var passed []time.Duration
	now := time.Duration(0)
	for range 5000 {
		now += time.Duration(rng.ExpFloat64() * float64(10*time.Millisecond))
		if ok, _ := b.Allow(now); ok {
			passed = append(passed, now)
		}
	}
	tell(t, now, "Allow, asked 5000 times since 0s, admitted %d", len(passed))
	if want := int(now.Seconds() * perSecond * 0.95); len(passed) < want {
		t.Errorf("with twice the rate offered, %d passed in %v, want at least %d", len(passed), now, want)
	}
	for from := 0; from < len(passed); from++ {
		for to := from + burst; to < min(len(passed), from+200); to++ {
			stretch := passed[to] - passed[from]
			if n := to - from + 1; float64(n) > burst+perSecond*stretch.Seconds()+0.01 {
				t.Fatalf("%d requests passed within %v, want at most %d + %v a second", n, stretch, burst, perSecond)
			}
		}
	}
}

func TestConcurrent(t *testing.T) {
	b := bucket(t, 1, 1000)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				if ok, _ := b.Allow(time.Millisecond); ok {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	tell(t, time.Millisecond, "Allow, asked 500 times by each of 8 goroutines, admitted %d", passed.Load())
	if got := passed.Load(); got != 1000 {
		t.Errorf("8 goroutines together got %d tokens of a bucket of 1000, want 1000", got)
	}
}

func TestClockBackwards(t *testing.T) {
	b := bucket(t, 10, 3)
	admitted(t, b, 3, 10*time.Second)
	for range 50 {
		if admitted(t, b, 1, 2*time.Second)+admitted(t, b, 1, 10*time.Second) > 0 {
			t.Fatal("a clock that goes back and forth minted a token")
		}
	}
	if got := admitted(t, b, 10, 11*time.Second); got != 3 {
		t.Errorf("a second later %d passed, want 3: what the clock did before must not count", got)
	}
}

// Goroutines reach the bucket in another order than they read the clock.
func TestClockJitter(t *testing.T) {
	b := bucket(t, 1000, 1)
	passed := 0
	for i := range 2000 {
		now := time.Duration(i) * time.Millisecond
		if i%2 == 1 {
			now -= 10 * time.Millisecond
		}
		if ok, _ := b.Allow(max(0, now)); ok {
			passed++
		}
	}
	tell(t, 2*time.Second, "Allow, asked each millisecond since 0s, every other time 10 ms late, admitted %d", passed)
	if passed > 2000 {
		t.Errorf("%d passed in 2 s at 1000 a second, want at most 2000", passed)
	}
	if passed < 1000 {
		t.Errorf("%d passed in 2 s of late and early requests, want at least every early one: 1000", passed)
	}
}

func TestLongIdle(t *testing.T) {
	b := bucket(t, 1e6, 100)
	admitted(t, b, 100, 0)
	century := 100 * 365 * 24 * time.Hour
	if got := admitted(t, b, 1000, century); got != 100 {
		t.Errorf("after a century %d passed at once, want 100: mind what overflows", got)
	}
	slow := bucket(t, 0.001, 1)
	admitted(t, slow, 1, 0)
	if ok, wait := allow(t, slow, time.Second); ok || wait < 900*time.Second {
		t.Errorf("one token in 1000 s: Allow after 1 s = %v, %v; want false, 999s", ok, wait)
	}
}

func TestBadSettings(t *testing.T) {
	for _, c := range []struct {
		name  string
		rate  float64
		burst int
	}{
		{"no rate", 0, 1},
		{"negative rate", -1, 1},
		{"not a number", math.NaN(), 1},
		{"endless rate", math.Inf(1), 1},
		{"no burst", 1, 0},
		{"negative burst", 1, -5},
	} {
		t.Run(c.name, func(t *testing.T) {
			if b, err := tokenbucket.New(c.rate, c.burst); err == nil || b != nil {
				t.Errorf("New(%v, %d) = %v, %v; want no bucket and an error", c.rate, c.burst, b, err)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	b := bucket(t, 1000, 10)
	now := time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		now += 100 * time.Microsecond
		b.Allow(now)
	}); n > 0 {
		t.Errorf("Allow allocates %v times a call, want 0: it stands in the way of every request", n)
	}
}

func BenchmarkAllow(b *testing.B) {
	bucket := bucket(b, 1e6, 1000)
	var now atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			bucket.Allow(time.Duration(now.Add(100)))
		}
	})
}
