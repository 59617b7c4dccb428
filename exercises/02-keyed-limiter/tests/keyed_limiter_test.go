//go:build exercise

package keyedlimiter_test

import (
	"fmt"
	"testing"
	"time"

	keyedlimiter "workbench/exercises/02-keyed-limiter/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

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

func TestKeysAreApart(t *testing.T) {
	l := limiter(t, keyedlimiter.Config{Rate: 10, Burst: 3, MaxKeys: 100})
	if got := admitted(t, l, "mallory", 1000, 0); got != 3 {
		t.Errorf("one key was admitted %d times at once, want its burst of 3", got)
	}
	for _, key := range []string{"alice", "bob", ""} {
		if got := admitted(t, l, key, 5, 0); got != 3 {
			t.Errorf("beside a key that asks 1000 times, %q was admitted %d times, want its own 3", key, got)
		}
	}
}

func TestRefill(t *testing.T) {
	l := limiter(t, keyedlimiter.Config{Rate: 4, Burst: 2, MaxKeys: 10})
	admitted(t, l, "a", 2, time.Second)
	ok, wait := allow(t, l, "a", time.Second+100*time.Millisecond)
	if ok || wait < 149*time.Millisecond || wait > 151*time.Millisecond {
		t.Fatalf("100 ms after the last of 4 tokens a second: Allow = %v, %v; want false, 150ms", ok, wait)
	}
	if ok, _ := allow(t, l, "a", time.Second+100*time.Millisecond+wait); !ok {
		t.Error("a caller who waited as long as it was told was refused")
	}
	if got := admitted(t, l, "a", 10, time.Hour); got != 2 {
		t.Errorf("after an idle hour %d passed at once, want the burst of 2", got)
	}
}

// 8,000 strangers pass by, one a millisecond. Each is gone from memory once
// its bucket would be full again.
func TestBoundedMemory(t *testing.T) {
	l := limiter(t, keyedlimiter.Config{Rate: 10, Burst: 5, MaxKeys: 2000})
	for i := range 8_000 {
		now := time.Duration(i) * time.Millisecond
		if ok, wait := l.Allow(fmt.Sprint("stranger-", i), now); !ok {
			tell(t, now, "Allow(\"stranger-%d\") = false, %v", i, wait)
			t.Fatalf("stranger %d was refused; want room for it, since who came more than a second before is in no debt", i)
		}
		if n := l.Len(); n < 1 || n > 2000 {
			tell(t, now, "Allow(\"stranger-%d\"); then Len = %d", i, n)
			t.Fatalf("after %d keys the table holds %d, want 1 to 2000", i+1, n)
		}
	}
}
