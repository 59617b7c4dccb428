//go:build exercise

package openloop_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	openloop "workbench/exercises/23-open-loop/start"
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

// off says whether two times differ by more than rounding.
func off(a, b time.Duration) bool { return max(a-b, b-a) > time.Microsecond }

func TestInstants(t *testing.T) {
	for _, c := range []struct {
		rate float64
		d    time.Duration
		n    int
	}{{10, time.Second, 10}, {1000, 100 * ms, 100}, {0.5, 10 * time.Second, 5}, {3, time.Second, 3}, {1, 1500 * ms, 1}} {
		bubble(t, func(t *testing.T) {
			var mu sync.Mutex
			var at []time.Duration
			start := time.Now()
			r, err := openloop.Run(t.Context(), openloop.Config{Rate: c.rate, Duration: c.d, MaxInFlight: 5}, func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Since(start))
				return nil
			})
			if err != nil || r.Planned != c.n || r.Sent != c.n || len(at) != c.n {
				t.Errorf("%v/s for %v: %d calls, report %d of %d, %v; want %d", c.rate, c.d, len(at), r.Sent, r.Planned, err, c.n)
			}
			for i, got := range at {
				if want := time.Duration(float64(i) / c.rate * 1e9); off(got, want) {
					t.Fatalf("%v/s: request %d was made at %v, want %v", c.rate, i, got, want)
				}
			}
		})
	}
}

func TestOpenLoop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		r, err := openloop.Run(t.Context(), openloop.Config{Rate: 10, Duration: 5 * time.Second, MaxInFlight: 1000}, func(context.Context) error {
			time.Sleep(3 * time.Second)
			return nil
		})
		if err != nil || r.Sent != 50 || len(r.Latencies) != 50 {
			t.Errorf("10/s for 5 s to a server that takes 3 s: sent %d, %d latencies, %v; want 50: users do not wait for one another", r.Sent, len(r.Latencies), err)
		}
		for i, l := range r.Latencies {
			if off(l, 3*time.Second) {
				t.Fatalf("latency %d = %v, want 3s", i, l)
			}
		}
		if took := time.Since(start); off(took, 7900*ms) {
			t.Errorf("Run took %v, want 7.9s: until the last answer is in", took)
		}
	})
}

// TestIntendedInstant has one connection to a server ten times too slow.
func TestIntendedInstant(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, err := openloop.Run(t.Context(), openloop.Config{Rate: 100, Duration: time.Second, MaxInFlight: 1}, func(context.Context) error {
			time.Sleep(100 * ms)
			return nil
		})
		if err != nil || r.Sent != 100 || len(r.Latencies) != 100 {
			t.Fatalf("sent %d, %d latencies, %v; want 100: what cannot be sent in time is sent late", r.Sent, len(r.Latencies), err)
		}
		for i, got := range r.Latencies {
			want := time.Duration(i+1)*100*ms - time.Duration(i)*10*ms
			if off(got, want) {
				t.Fatalf("latency %d = %v, want %v: the user came at %v", i, got, want, time.Duration(i)*10*ms)
			}
		}
		if off(r.Lag, 99*90*ms) {
			t.Errorf("Lag = %v, want %v: the report must say how late the generator was", r.Lag, 99*90*ms)
		}
	})
}

func TestFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n atomic.Int64
		r, err := openloop.Run(t.Context(), openloop.Config{Rate: 10, Duration: 2 * time.Second, MaxInFlight: 50}, func(context.Context) error {
			if n.Add(1)%4 == 0 {
				return errors.New("refused") // quick failures would make the latencies look good
			}
			time.Sleep(ms)
			return nil
		})
		if err != nil || r.Sent != 20 || r.Failed != 5 || len(r.Latencies) != 15 {
			t.Errorf("report = sent %d, failed %d, %d latencies, %v; want 20, 5, 15", r.Sent, r.Failed, len(r.Latencies), err)
		}
	})
}
