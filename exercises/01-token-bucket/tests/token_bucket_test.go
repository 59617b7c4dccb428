//go:build exercise

package tokenbucket_test

import (
	"testing"
	"time"

	tokenbucket "workbench/exercises/01-token-bucket/start"
)

func bucket(t testing.TB, perSecond float64, burst int) *tokenbucket.Bucket {
	t.Helper()
	b, err := tokenbucket.New(perSecond, burst)
	if err != nil {
		t.Fatalf("New(%v, %d) = %v, want a bucket", perSecond, burst, err)
	}
	return b
}

// admitted asks n times at one instant and counts.
func admitted(b *tokenbucket.Bucket, n int, now time.Duration) (count int) {
	for range n {
		if ok, _ := b.Allow(now); ok {
			count++
		}
	}
	return count
}

func TestBurst(t *testing.T) {
	b := bucket(t, 10, 5)
	if got := admitted(b, 20, 0); got != 5 {
		t.Errorf("a new bucket of 5 admitted %d of 20 requests at once, want 5", got)
	}
}

func TestRefill(t *testing.T) {
	b := bucket(t, 10, 5)
	admitted(b, 5, 0)
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
		if ok, _ := b.Allow(c.now); ok != c.want {
			t.Errorf("at 10 tokens a second, Allow(%v) = %v, want %v", c.now, ok, c.want)
		}
	}
}

func TestCap(t *testing.T) {
	b := bucket(t, 10, 5)
	admitted(b, 5, 0)
	if got := admitted(b, 100, time.Hour); got != 5 {
		t.Errorf("after an idle hour a bucket of 5 admitted %d at once, want 5", got)
	}
}

func TestRetryAfter(t *testing.T) {
	b := bucket(t, 4, 2)
	if ok, wait := b.Allow(time.Second); !ok || wait != 0 {
		t.Errorf("Allow = %v, %v; want true, 0s", ok, wait)
	}
	admitted(b, 1, time.Second)
	now := time.Second + 100*time.Millisecond
	ok, wait := b.Allow(now)
	if ok || wait < 149*time.Millisecond || wait > 151*time.Millisecond {
		t.Fatalf("100 ms after the last of 4 tokens a second: Allow = %v, %v; want false, 150ms", ok, wait)
	}
	if ok, _ := b.Allow(now + wait); !ok {
		t.Error("a caller who waited as long as it was told was refused")
	}
}
