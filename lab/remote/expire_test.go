package remote

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// late is a clock that wakes its waiter when it likes: at these instants, and then
// never again.
type late struct {
	at    []time.Duration
	woken int
}

func (l *late) Now() time.Duration {
	if l.woken == 0 {
		return 0
	}
	return l.at[l.woken-1]
}

func (l *late) Wait(context.Context, time.Duration) error {
	if l.woken == len(l.at) {
		return context.Canceled
	}
	l.woken++
	return nil
}

// A sweep that comes late takes at most a second from each key: one that was set
// just before lives on, and is gone some sweeps later.
func TestALateSweepTakesASecond(t *testing.T) {
	for _, c := range []struct {
		name string
		at   []time.Duration
		left time.Duration // of two seconds
	}{
		{"in time", []time.Duration{100 * time.Millisecond, 200 * time.Millisecond}, 1800 * time.Millisecond},
		{"late", []time.Duration{10 * time.Second}, time.Second},
		{"twice late", []time.Duration{10 * time.Second, 20 * time.Second}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := miniredis.NewMiniRedis()
			if err := m.Set("key", "value"); err != nil {
				t.Fatal(err)
			}
			m.SetTTL("key", 2*time.Second)
			expire(t.Context(), &late{at: c.at}, m)
			if got := m.TTL("key"); got != c.left || m.Exists("key") != (c.left > 0) {
				t.Errorf("%v are left, and it exists: %v; want %v", got, m.Exists("key"), c.left)
			}
		})
	}
}
