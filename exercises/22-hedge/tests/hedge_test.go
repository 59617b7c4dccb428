//go:build exercise

package hedge_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	hedge "workbench/exercises/22-hedge/start"
)

// bubble runs f on a virtual clock; goroutines that it leaves behind fail the test.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("goroutines are left for ever: %v", p)
		}
	}()
	synctest.Test(t, f)
}

const ms = time.Millisecond

// works answers with its number after the given times, or fails when a time is negative; it hears a cancel.
func works(times ...time.Duration) func(context.Context, int) (int, error) {
	return func(ctx context.Context, n int) (int, error) {
		d := times[min(n, len(times)-1)]
		select {
		case <-time.After(max(d, -d)):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		if d < 0 {
			return 0, errBackend
		}
		return n, nil
	}
}

var errBackend = errors.New("the backend is broken")

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []time.Duration
		max   int
		want  int // the attempt whose answer it is
		took  time.Duration
	}{
		{"the first is quick", []time.Duration{5 * ms, 5 * ms}, 3, 0, 5 * ms},
		{"the first hangs", []time.Duration{time.Hour, 5 * ms}, 2, 1, 15 * ms},
		{"the first is late but wins", []time.Duration{12 * ms, time.Hour}, 2, 0, 12 * ms},
		{"two hang", []time.Duration{time.Hour, time.Hour, 3 * ms}, 3, 2, 23 * ms},
		{"no hedge is allowed by Max", []time.Duration{40 * ms, 1 * ms}, 1, 0, 40 * ms},
		{"the first fails at once", []time.Duration{-1 * ms, 2 * ms}, 2, 1, 3 * ms},
		{"the hedge fails, the first wins", []time.Duration{30 * ms, -1 * ms}, 2, 0, 30 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				start := time.Now()
				got, err := hedge.Do(t.Context(), hedge.Config{Delay: 10 * ms, Max: c.max}, works(c.times...))
				if err != nil || got != c.want || time.Since(start) != c.took {
					t.Errorf("Do = attempt %d, %v after %v; want attempt %d after %v", got, err, time.Since(start), c.want, c.took)
				}
			})
		})
	}
}

func TestQuickAsksOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var calls atomic.Int64
		_, err := hedge.Do(t.Context(), hedge.Config{Delay: 10 * ms, Max: 5}, func(ctx context.Context, n int) (int, error) {
			calls.Add(1)
			return works(9*ms)(ctx, n)
		})
		time.Sleep(time.Second)
		if err != nil || calls.Load() != 1 {
			t.Errorf("an answer within Delay took %d attempts, err %v; want one", calls.Load(), err)
		}
	})
}

func TestAllFail(t *testing.T) {
	bubble(t, func(t *testing.T) {
		one, two := errors.New("one"), errors.New("two")
		start := time.Now()
		got, err := hedge.Do(t.Context(), hedge.Config{Delay: time.Minute, Max: 2}, func(_ context.Context, n int) (int, error) {
			time.Sleep(ms)
			return 7, []error{one, two}[n]
		})
		if !errors.Is(err, one) || !errors.Is(err, two) || got != 0 {
			t.Errorf("Do = %d, %v; want 0 and an error that wraps both", got, err)
		}
		if took := time.Since(start); took != 2*ms {
			t.Errorf("two attempts that fail within 1 ms took %v, want 2 ms: do not wait for Delay after a failure", took)
		}
	})
}

func TestLosersAreCancelled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var cancelled atomic.Int64
		_, err := hedge.Do(t.Context(), hedge.Config{Delay: 10 * ms, Max: 3}, func(ctx context.Context, n int) (int, error) {
			if n == 2 {
				return n, nil
			}
			select {
			case <-ctx.Done():
				cancelled.Add(1)
			case <-time.After(time.Hour):
			}
			return 0, ctx.Err()
		})
		synctest.Wait()
		if err != nil || cancelled.Load() != 2 {
			t.Errorf("%d of 2 losers were cancelled, err %v", cancelled.Load(), err)
		}
	})
}
