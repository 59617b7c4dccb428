//go:build exercise

package hedge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	hedge "workbench/exercises/22-hedge/start"
)

// sealed runs f on a virtual clock; goroutines that it leaves behind fail the test.
func sealed(t *testing.T, f func(*testing.T)) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("goroutines are left for ever: %v", p)
		}
	}()
	synctest.Test(t, f)
}

const milli = time.Millisecond

// TestStarts notes when each attempt begins.
func TestStarts(t *testing.T) {
	for _, c := range []struct {
		name   string
		delay  time.Duration
		max    int
		fails  map[int]time.Duration // attempts that fail, and after how long; all others hang
		starts []time.Duration
	}{
		{"one after the other", 10 * milli, 4, nil, []time.Duration{0, 10 * milli, 20 * milli, 30 * milli}},
		{"one only", 10 * milli, 1, nil, []time.Duration{0}},
		{"a failure brings the next forward, and the wait begins anew", 10 * milli, 4, map[int]time.Duration{0: 4 * milli}, []time.Duration{0, 4 * milli, 14 * milli, 24 * milli}},
		{"an early one fails late", 10 * milli, 4, map[int]time.Duration{0: 13 * milli}, []time.Duration{0, 10 * milli, 13 * milli, 23 * milli}},
		{"no delay", 0, 3, nil, []time.Duration{0, 0, 0}},
		{"odd settings", -time.Second, -3, nil, []time.Duration{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sealed(t, func(t *testing.T) {
				var mu sync.Mutex
				var starts []time.Duration
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := hedge.Do(ctx, hedge.Config{Delay: c.delay, Max: c.max}, func(ctx context.Context, n int) (int, error) {
					mu.Lock()
					starts = append(starts, time.Since(begin))
					mu.Unlock()
					if d, ok := c.fails[n]; ok {
						time.Sleep(d)
						return 0, errors.New("broken")
					}
					<-ctx.Done()
					return 0, ctx.Err()
				})
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Do = %v, want context.DeadlineExceeded", err)
				}
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(starts, c.starts) {
					t.Errorf("attempts began at %v, want %v", starts, c.starts)
				}
			})
		})
	}
}

func TestContext(t *testing.T) {
	sealed(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(25*milli, cancel)
		start := time.Now()
		var calls atomic.Int64
		_, err := hedge.Do(ctx, hedge.Config{Delay: 10 * milli, Max: 100}, func(context.Context, int) (int, error) {
			calls.Add(1)
			time.Sleep(time.Hour) // deaf to its context
			return 1, nil
		})
		if !errors.Is(err, context.Canceled) || time.Since(start) != 25*milli {
			t.Errorf("Do = %v after %v; want context.Canceled after 25ms, without waiting for the deaf", err, time.Since(start))
		}
		time.Sleep(2 * time.Hour)
		if calls.Load() != 3 {
			t.Errorf("%d attempts were made, want 3: none after the cancel", calls.Load())
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	called := false
	if _, err := hedge.Do(ctx, hedge.Config{Max: 2}, func(context.Context, int) (int, error) { called = true; return 1, nil }); !errors.Is(err, context.Canceled) || called {
		t.Errorf("Do with a cancelled context = %v, called %v; want context.Canceled and no call", err, called)
	}
}

// TestDeafLoser has a loser that ends long after the winner: Do does not wait, and nothing is left.
func TestDeafLoser(t *testing.T) {
	sealed(t, func(t *testing.T) {
		start := time.Now()
		got, err := hedge.Do(t.Context(), hedge.Config{Delay: 10 * milli, Max: 3}, func(_ context.Context, n int) (int, error) {
			if n == 1 {
				time.Sleep(milli)
				return n, nil
			}
			time.Sleep(time.Hour)
			return n, nil
		})
		if err != nil || got != 1 || time.Since(start) != 11*milli {
			t.Errorf("Do = %d, %v after %v; want 1 after 11ms", got, err, time.Since(start))
		}
		time.Sleep(2 * time.Hour) // afterwards the bubble must be empty
	})
}

func TestPanic(t *testing.T) {
	// do says how Do ends, also when it lets a panic through.
	do := func(c hedge.Config, call func(context.Context, int) (int, error)) (got int, err error) {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("Do lets the call's panic through (%v)", p)
			}
		}()
		return hedge.Do(context.Background(), c, call)
	}
	sealed(t, func(t *testing.T) {
		got, err := do(hedge.Config{Delay: time.Minute, Max: 2}, func(_ context.Context, n int) (int, error) {
			if n == 0 {
				var m map[int]int
				m[1] = 1
			}
			return 5, nil
		})
		if got != 5 || err != nil {
			t.Errorf("the first attempt panics: Do = %d, %v; want the second one's 5", got, err)
		}
		_, err = do(hedge.Config{Max: 1}, func(context.Context, int) (int, error) { panic("out of luck") })
		if !errors.Is(err, hedge.ErrPanic) {
			t.Errorf("every attempt panics and Do = %v, want an error that wraps ErrPanic", err)
		}
	})
}

func TestAllow(t *testing.T) {
	sealed(t, func(t *testing.T) {
		var asked, calls atomic.Int64
		_, err := hedge.Do(t.Context(), hedge.Config{Delay: 10 * milli, Max: 9, Allow: func() bool { return asked.Add(1) <= 2 }}, func(_ context.Context, n int) (int, error) {
			calls.Add(1)
			time.Sleep(time.Second)
			return 0, fmt.Errorf("attempt %d fails", n)
		})
		if err == nil || calls.Load() != 3 || asked.Load() != 3 {
			t.Errorf("Allow says yes twice: %d attempts, asked %d times, err %v; want 3, 3 and an error", calls.Load(), asked.Load(), err)
		}
		asked.Store(0)
		if got, err := hedge.Do(t.Context(), hedge.Config{Delay: 10 * milli, Max: 2, Allow: func() bool { asked.Add(1); return false }}, func(context.Context, int) (int, error) {
			time.Sleep(30 * milli)
			return 4, nil
		}); got != 4 || err != nil || asked.Load() != 1 {
			t.Errorf("Allow says no: Do = %d, %v, asked %d times; want 4, asked once", got, err, asked.Load())
		}
		asked.Store(0)
		if _, err := hedge.Do(t.Context(), hedge.Config{Delay: 10 * milli, Max: 2, Allow: func() bool { asked.Add(1); return true }}, func(context.Context, int) (int, error) {
			return 4, nil
		}); err != nil || asked.Load() != 0 {
			t.Errorf("a quick answer asked Allow %d times, err %v; want never", asked.Load(), err)
		}
	})
}

// TestLateWinners lets two attempts answer in one instant: one value, whole, and no race.
func TestLateWinners(t *testing.T) {
	type pair struct{ a, b int }
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			gate := make(chan bool)
			var in atomic.Int64
			got, err := hedge.Do(context.Background(), hedge.Config{Max: 4}, func(_ context.Context, n int) (pair, error) {
				if in.Add(1) == 4 {
					close(gate)
				}
				select {
				case <-gate:
				case <-time.After(2 * time.Second): // a wrong answer never brings all four
				}
				return pair{n, n}, nil
			})
			if err != nil || got.a != got.b || got.a > 3 {
				t.Errorf("Do = %+v, %v", got, err)
			}
		})
	}
	wg.Wait()
}

func TestCheapWhenQuick(t *testing.T) {
	call := func(context.Context, int) (int, error) { return 1, nil }
	n := testing.AllocsPerRun(100, func() {
		if _, err := hedge.Do(context.Background(), hedge.Config{Delay: time.Hour, Max: 3}, call); err != nil {
			t.Fatal(err)
		}
	})
	big := testing.AllocsPerRun(100, func() {
		if _, err := hedge.Do(context.Background(), hedge.Config{Delay: time.Hour, Max: 60}, call); err != nil {
			t.Fatal(err)
		}
	})
	if n > 40 || big > n+20 {
		t.Errorf("a quick answer allocates %.0f times with Max 3 and %.0f with Max 60; want at most 40, and hardly more for attempts that are never made", n, big)
	}
}
