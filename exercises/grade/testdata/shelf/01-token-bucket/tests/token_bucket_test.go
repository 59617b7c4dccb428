//go:build exercise

package tokenbucket_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	tokenbucket "workbench/exercises/01-token-bucket/start"
)

// count returns how many of n calls at an instant are let through.
func count(b *tokenbucket.Bucket, now time.Duration, n int) int {
	passed := 0
	for range n {
		if b.Allow(now) {
			passed++
		}
	}
	return passed
}

func TestStartsFull(t *testing.T) {
	if got := count(tokenbucket.New(1, 5), 0, 10); got != 5 {
		t.Errorf("a new bucket of 5 lets %d of 10 calls through, want 5", got)
	}
}

func TestRefills(t *testing.T) {
	b := tokenbucket.New(2, 4)
	count(b, 0, 4)
	for i, c := range []struct {
		at   time.Duration
		want int
	}{{time.Second, 2}, {1500 * time.Millisecond, 1}, {1600 * time.Millisecond, 0}, {2500 * time.Millisecond, 2}} {
		got := count(b, c.at, 10)
		t.Logf("@%v Allow, asked 10 times, let %d through", c.at, got)
		if got != c.want {
			t.Fatalf("step %d: at %v %d calls pass, want %d", i, c.at, got, c.want)
		}
	}
}

func TestConcurrent(t *testing.T) {
	b := tokenbucket.New(1, 1000)
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { passed.Add(int64(count(b, 0, 500))) })
	}
	wg.Wait()
	if got := passed.Load(); got != 1000 {
		t.Errorf("8 goroutines got %d tokens of 1000", got)
	}
}
