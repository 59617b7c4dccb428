package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"workbench/sim/clock"
)

func TestWall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clock.NewWall()
		if got := w.Now(); got != 0 {
			t.Errorf("Now at the origin = %v, want 0", got)
		}
		begun := time.Now()
		for _, until := range []time.Duration{3 * time.Second, 5 * time.Second, time.Second} {
			if err := w.Wait(t.Context(), until); err != nil {
				t.Errorf("Wait(%v) = %v, want nil", until, err)
			}
			if got, want := w.Now(), max(until, 3*time.Second); until >= 3*time.Second && got != want {
				t.Errorf("Now after Wait(%v) = %v, want %v", until, got, want)
			}
		}
		if got := w.Now(); got != 5*time.Second {
			t.Errorf("Now after waiting for the past = %v, want 5s", got)
		}
		if got, want := w.Date(7*time.Second), begun.Add(7*time.Second); !got.Equal(want) {
			t.Errorf("Date(7s) = %v, want %v", got, want)
		}
	})
}

func TestWallWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := clock.NewWall()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := w.Wait(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait past the deadline = %v, want %v", err, context.DeadlineExceeded)
		}
		if got := w.Now(); got != 2*time.Second {
			t.Errorf("Now = %v, want 2s", got)
		}
		if err := w.Wait(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait for the past with an ended context = %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func TestManual(t *testing.T) {
	var m clock.Manual
	ctx, cancel := context.WithCancel(t.Context())
	steps := []struct{ until, want time.Duration }{{5, 5}, {3, 5}, {9, 9}}
	for _, s := range steps {
		if err := m.Wait(ctx, s.until); err != nil || m.Now() != s.want {
			t.Errorf("Wait(%v): %v, Now = %v, want %v", s.until, err, m.Now(), s.want)
		}
	}
	cancel()
	if err := m.Wait(ctx, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with an ended context = %v, want %v", err, context.Canceled)
	}
}
