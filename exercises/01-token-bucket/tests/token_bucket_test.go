//go:build exercise

package tokenbucket_test

import (
	"fmt"
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

func TestBurst(t *testing.T) {
	b := bucket(t, 10, 5)
	if got := admitted(t, b, 20, 0); got != 5 {
		t.Errorf("a new bucket of 5 admitted %d of 20 requests at once, want 5", got)
	}
}

func TestRefill(t *testing.T) {
	b := bucket(t, 10, 5)
	admitted(t, b, 5, 0)
	for _, c := range []struct {
		now  time.Duration
		want bool
	}{
		{90 * time.Millisecond, false},
		{100 * time.Millisecond, true},
		{100 * time.Millisecond, false},
		{150 * time.Millisecond, false},
		{205 * time.Millisecond, true},
		{299 * time.Millisecond, false},
		{300 * time.Millisecond, true},
	} {
		if ok, _ := allow(t, b, c.now); ok != c.want {
			t.Errorf("at 10 tokens a second, Allow(%v) = %v, want %v", c.now, ok, c.want)
		}
	}
}

func TestCap(t *testing.T) {
	b := bucket(t, 10, 5)
	admitted(t, b, 5, 0)
	if got := admitted(t, b, 100, time.Hour); got != 5 {
		t.Errorf("after an idle hour a bucket of 5 admitted %d at once, want 5", got)
	}
}

func TestRetryAfter(t *testing.T) {
	b := bucket(t, 4, 2)
	if ok, wait := allow(t, b, time.Second); !ok || wait != 0 {
		t.Errorf("Allow = %v, %v; want true, 0s", ok, wait)
	}
	admitted(t, b, 1, time.Second)
	now := time.Second + 100*time.Millisecond
	ok, wait := allow(t, b, now)
	if ok || wait < 149*time.Millisecond || wait > 151*time.Millisecond {
		t.Fatalf("100 ms after the last of 4 tokens a second: Allow = %v, %v; want false, 150ms", ok, wait)
	}
	if ok, _ := allow(t, b, now+wait); !ok {
		t.Error("a caller who waited as long as it was told was refused")
	}
}
