//go:build exercise

package tokenbucket_test

import (
	"testing"
	"time"

	tokenbucket "workbench/exercises/01-token-bucket/start"
)

// drain returns how many calls pass at an instant.
func drain(b *tokenbucket.Bucket, now time.Duration) int {
	passed := 0
	for range 100 {
		if b.Allow(now) {
			passed++
		}
	}
	return passed
}

func TestNeverOverflows(t *testing.T) {
	b := tokenbucket.New(10, 5)
	if got := drain(b, time.Hour); got != 5 {
		t.Errorf("after an hour %d calls pass, want 5", got)
	}
}

func TestClockGoesBack(t *testing.T) {
	b := tokenbucket.New(1, 3)
	drain(b, 10*time.Second)
	for range 5 {
		drain(b, 5*time.Second)
		if got := drain(b, 10*time.Second); got != 0 {
			t.Fatalf("a clock that goes back and forth minted %d tokens", got)
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	bucket := tokenbucket.New(1e6, 1000)
	now := time.Duration(0)
	for b.Loop() {
		now += time.Microsecond
		bucket.Allow(now)
	}
}
