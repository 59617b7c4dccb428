//go:build exercise

package deadlinepropagation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	deadlinepropagation "workbench/exercises/10-deadline-propagation/start"
)

// The caller waits for less than the budget, and the answer takes its time too.
func TestCallersDeadline(t *testing.T) {
	virtual(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*ms)
		defer cancel()
		var left time.Duration
		good(t, ctx, time.Hour, 40*ms, hops{
			{Name: "user", Call: notes(&left, takes(10*ms))},
			{Name: "adverts", Optional: true, Call: takes(time.Hour)},
		}, "user", "adverts", 160*ms)
		if left != 160*ms {
			t.Errorf("the caller waits 200 ms: a hop was given %v, want 160ms", left)
		}
	})
}

func TestMost(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var first, second time.Duration
		good(t, t.Context(), 300*ms, 0, hops{
			{Name: "user", Most: 120 * ms, Call: notes(&first, takes(100*ms))},
			{Name: "cart", Most: time.Second, Call: notes(&second, takes(10*ms))},
			{Name: "adverts", Optional: true, Most: 60 * ms, Call: takes(100 * ms)},
		}, "cart user", "adverts", 170*ms)
		if first != 120*ms || second != 200*ms {
			t.Errorf("hops that may take 120 ms and 1 s were given %v and %v of 300 ms, want 120ms and 200ms", first, second)
		}
		bad(t, t.Context(), 300*ms, 0, hops{{Name: "user", Most: 50 * ms, Call: takes(100 * ms)}}, "user", 50*ms, context.DeadlineExceeded)
	})
}

// A call that cannot end in time is load for somebody else and no use to us.
func TestLeast(t *testing.T) {
	virtual(t, func(t *testing.T) {
		called := false
		touch := func(ctx context.Context) (string, error) { called = true; return "", nil }
		bad(t, t.Context(), 300*ms, 0, hops{
			{Name: "user", Call: takes(250 * ms)},
			{Name: "cart", Least: 80 * ms, Call: touch},
		}, "cart", 250*ms, deadlinepropagation.ErrNoTime)
		good(t, t.Context(), 300*ms, 0, hops{
			{Name: "user", Call: takes(250 * ms)},
			{Name: "adverts", Optional: true, Least: 80 * ms, Call: touch},
			{Name: "likes", Optional: true, Least: 20 * ms, Call: takes(10 * ms)},
		}, "likes user", "adverts", 260*ms)
		bad(t, t.Context(), 40*ms, 50*ms, hops{{Name: "user", Call: touch}}, "user", 0, deadlinepropagation.ErrNoTime)
		bad(t, t.Context(), 0, 0, hops{{Name: "user", Call: touch}}, "user", 0, deadlinepropagation.ErrNoTime)
		if called {
			t.Error("a hop was called without the time that it needs at least")
		}
	})
}

func TestRequiredFails(t *testing.T) {
	virtual(t, func(t *testing.T) {
		called := false
		touch := func(ctx context.Context) (string, error) { called = true; return "", nil }
		bad(t, t.Context(), 300*ms, 0, hops{
			{Name: "adverts", Optional: true, Call: touch},
			{Name: "user", Call: takes(100 * ms)},
			{Name: "cart", Call: fails},
			{Name: "price", Call: touch},
		}, "cart", 101*ms, errDown)
		if called {
			t.Error("hops were called for a page that there cannot be")
		}
	})
}

// The user closes the tab.
func TestCallerLeaves(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration
	}{{"during a required hop", 50 * ms}, {"during an optional hop", 150 * ms}} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(c.after, cancel)
				later := false
				bad(t, ctx, time.Second, 10*ms, hops{
					{Name: "user", Call: takes(100 * ms)},
					{Name: "cart", Call: func(ctx context.Context) (string, error) {
						later = true
						return "", nil
					}},
					{Name: "adverts", Optional: true, Most: 400 * ms, Call: takes(500 * ms)},
				}, "", c.after, context.Canceled)
				if c.after < 100*ms && later {
					t.Error("a hop was called for a caller who is gone")
				}
			})
		})
	}
}

// The hop finishes its work although the caller has gone: there is no page.
func TestGoneAllTheSame(t *testing.T) {
	virtual(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		deaf := func(context.Context) (string, error) { time.Sleep(100 * ms); cancel(); return "part", nil }
		bad(t, ctx, time.Second, 0, hops{{Name: "user", Call: deaf}}, "", 100*ms, context.Canceled)
	})
}

type traceKey struct{}

func TestValues(t *testing.T) {
	virtual(t, func(t *testing.T) {
		ctx := context.WithValue(t.Context(), traceKey{}, "trace 7")
		look := func(ctx context.Context) (string, error) {
			if got := ctx.Value(traceKey{}); got != "trace 7" {
				return "", fmt.Errorf("the trace is %v", got)
			}
			return "", nil
		}
		good(t, ctx, time.Second, 0, hops{{Name: "user", Most: time.Millisecond, Call: look}, {Name: "adverts", Optional: true, Call: look}}, "adverts user", "", 0)
	})
}

// The page waits for the slowest of its optional hops, not for their sum.
func TestTogether(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var all hops
		want := ""
		for i := range 20 {
			all = append(all, deadlinepropagation.Hop{Name: fmt.Sprintf("hop %02d", i), Optional: true, Call: takes(time.Duration(i+1) * ms)})
			want += fmt.Sprintf(" hop %02d", i)
		}
		good(t, t.Context(), time.Second, 0, all, want[1:], "", 20*ms)
	})
}

// They all come back at the same moment.
func TestCrowd(t *testing.T) {
	virtual(t, func(t *testing.T) {
		for range 20 {
			var all hops
			for i := range 20 {
				call := takes(10 * ms)
				if i%4 == 3 {
					call = func(context.Context) (string, error) { time.Sleep(10 * ms); return "", errDown }
				}
				all = append(all, deadlinepropagation.Hop{Name: fmt.Sprintf("hop %02d", i), Optional: true, Call: call})
			}
			page, err := deadlinepropagation.Serve(t.Context(), time.Second, 0, all)
			if err != nil || len(page.Parts) != 15 || !slices.Equal(page.Missing, []string{"hop 03", "hop 07", "hop 11", "hop 15", "hop 19"}) {
				t.Fatalf("Serve = %d parts, missing %v, %v; want 15 parts, and each fourth missing, in order", len(page.Parts), page.Missing, err)
			}
		}
	})
}

func TestOneFailureAlone(t *testing.T) {
	virtual(t, func(t *testing.T) {
		good(t, t.Context(), time.Second, 0, hops{
			{Name: "adverts", Optional: true, Call: fails},
			{Name: "likes", Optional: true, Call: takes(50 * ms)},
		}, "likes", "adverts", 50*ms)
	})
}

// A hop needs a moment to put its things away after its time is over. When
// Serve has returned, nothing of the request may be left.
func TestNothingLeft(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var running, calls atomic.Int64
		var ctxs [2]context.Context
		tidy := func(i int) func(context.Context) (string, error) {
			return func(ctx context.Context) (string, error) {
				ctxs[i] = ctx
				calls.Add(1)
				running.Add(1)
				defer running.Add(-1)
				if i == 1 {
					<-ctx.Done()
					time.Sleep(20 * ms)
				}
				return "", ctx.Err()
			}
		}
		page, err := deadlinepropagation.Serve(t.Context(), 300*ms, 100*ms, hops{
			{Name: "user", Call: tidy(0)},
			{Name: "adverts", Optional: true, Call: tidy(1)},
		})
		if err != nil || len(page.Missing) != 1 || calls.Load() != 2 {
			t.Errorf("Serve = %v, %v after %d calls, want a page without adverts after 2", page, err, calls.Load())
		}
		if n := running.Load(); n != 0 {
			t.Errorf("Serve returned and %d of its calls still run", n)
			return
		}
		for _, ctx := range ctxs {
			if ctx == nil || ctx.Err() == nil {
				t.Error("Serve returned and the context of a hop lives on, want it cancelled: its timer is kept until the deadline")
			}
		}
	})
}

func TestPanic(t *testing.T) {
	boom := func(context.Context) (string, error) { panic("a nil map") }
	virtual(t, func(t *testing.T) {
		good(t, t.Context(), time.Second, 0, hops{
			{Name: "user", Call: takes(10 * ms)},
			{Name: "adverts", Optional: true, Call: boom},
		}, "user", "adverts", 10*ms)
		_, err := deadlinepropagation.Serve(t.Context(), time.Second, 0, hops{{Name: "user", Call: boom}})
		if err == nil {
			t.Error("a required hop panicked: Serve has no error, want one")
		}
	})
}

func TestIncoming(t *testing.T) {
	const most = 2 * time.Second
	for _, c := range []struct {
		header string
		want   time.Duration
	}{
		{"250", 250 * ms}, {"0", 0}, {"1999", 1999 * ms}, {"0007", 7 * ms},
		{"2000", most}, {"2001", most}, {"86400000", most},
		{"9223372036854775", most}, {"18446744073709551617", most}, {"99999999999999999999999999", most},
		{"", most}, {"-5", most}, {"abc", most}, {"1e3", most}, {"12.5", most}, {"100ms", most},
	} {
		if got := deadlinepropagation.Incoming(c.header, most); got != c.want {
			t.Errorf("Incoming(%q, %v) = %v, want %v", c.header, most, got, c.want)
		}
	}
}

func TestBadSettings(t *testing.T) {
	called := false
	touch := func(ctx context.Context) (string, error) { called = true; return "", nil }
	for _, c := range []struct {
		name    string
		reserve time.Duration
		hops    hops
	}{
		{"negative reserve", -1, hops{{Name: "user", Call: touch}}},
		{"no name", 0, hops{{Name: "user", Call: touch}, {Call: touch}}},
		{"one name twice", 0, hops{{Name: "user", Call: touch}, {Name: "user", Optional: true, Call: touch}}},
		{"no call", 0, hops{{Name: "user", Call: touch}, {Name: "adverts", Optional: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			page, err := deadlinepropagation.Serve(t.Context(), time.Second, c.reserve, c.hops)
			if err == nil || errors.Is(err, deadlinepropagation.ErrNoTime) || page.Parts != nil {
				t.Errorf("Serve = %v, %v; want no page and an error that says what is wrong", page, err)
			}
		})
	}
	if called {
		t.Error("a hop was called with settings that are wrong")
	}
	if page, err := deadlinepropagation.Serve(t.Context(), time.Second, 0, nil); err != nil || len(page.Parts) != 0 || page.Parts == nil {
		t.Errorf("Serve of no hops = %v, %v; want an empty page", page, err)
	}
}
