//go:build exercise

package deadlinepropagation_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	deadlinepropagation "workbench/exercises/10-deadline-propagation/start"
)

type hops = []deadlinepropagation.Hop

var errDown = errors.New("it is down")

const ms = time.Millisecond

// virtual runs f in a bubble where time jumps as soon as everybody waits, and
// says so when it cannot jump.
func virtual(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("somebody waits for what never comes: %v", p)
			}
		}()
		synctest.Test(t, f)
	}()
	select {
	case <-done:
	case <-time.After(8 * time.Second):
		t.Error("a hop waits for a lock that another holds while it is called")
	}
}

// takes is a call of a certain length that ends early with its context.
func takes(d time.Duration) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		select {
		case <-time.After(d):
			return "after " + d.String(), nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// fails is a call that takes a moment and fails.
func fails(ctx context.Context) (string, error) {
	time.Sleep(ms)
	return "", errDown
}

// notes is a call that notes how much time it is given.
func notes(left *time.Duration, then func(context.Context) (string, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		*left = -1
		if at, ok := ctx.Deadline(); ok {
			*left = time.Until(at)
		}
		return then(ctx)
	}
}

// good wants a page with these parts, these missing, after so long.
func good(t *testing.T, ctx context.Context, budget, reserve time.Duration, hops hops, parts, missing string, after time.Duration) {
	t.Helper()
	began := time.Now()
	page, err := deadlinepropagation.Serve(ctx, budget, reserve, hops)
	got := strings.Join(slices.Sorted(maps.Keys(page.Parts)), " ")
	if took := time.Since(began); err != nil || got != parts || strings.Join(page.Missing, " ") != missing || took != after {
		t.Errorf("Serve = parts [%s], missing %v, %v after %v; want parts [%s], missing [%s], no error after %v", got, page.Missing, err, took, parts, missing, after)
	}
}

// bad wants an error that is each of want and names the hop, after so long.
func bad(t *testing.T, ctx context.Context, budget, reserve time.Duration, hops hops, name string, after time.Duration, want error) {
	t.Helper()
	began := time.Now()
	page, err := deadlinepropagation.Serve(ctx, budget, reserve, hops)
	if took := time.Since(began); !errors.Is(err, want) || !strings.Contains(err.Error(), name) || took != after || page.Parts != nil {
		t.Errorf("Serve = %v, %v after %v; want no page and an error that is %q and names %q, after %v", page, err, took, want, name, after)
	}
}

func TestOneBudget(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var first, second, third time.Duration
		good(t, t.Context(), 500*ms, 0, hops{
			{Name: "user", Call: notes(&first, takes(100*ms))},
			{Name: "cart", Call: notes(&second, takes(150*ms))},
			{Name: "price", Call: notes(&third, takes(50*ms))},
		}, "cart price user", "", 300*ms)
		if first != 500*ms || second != 400*ms || third != 250*ms {
			t.Errorf("of 500 ms the hops were given %v, %v and %v; want what is left each time: 500ms, 400ms, 250ms", first, second, third)
		}
	})
}

func TestTooLate(t *testing.T) {
	virtual(t, func(t *testing.T) {
		bad(t, t.Context(), 300*ms, 0, hops{
			{Name: "user", Call: takes(200 * ms)},
			{Name: "cart", Call: takes(200 * ms)},
		}, "cart", 300*ms, context.DeadlineExceeded)
	})
}

func TestReserve(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var left time.Duration
		good(t, t.Context(), 300*ms, 40*ms, hops{
			{Name: "user", Call: notes(&left, takes(100*ms))},
			{Name: "adverts", Optional: true, Call: takes(time.Hour)},
		}, "user", "adverts", 260*ms)
		if left != 260*ms {
			t.Errorf("a hop was given %v of 300 ms, want the reserve of 40 ms kept for the answer: 260ms", left)
		}
	})
}

func TestOptional(t *testing.T) {
	virtual(t, func(t *testing.T) {
		good(t, t.Context(), 300*ms, 0, hops{
			{Name: "adverts", Optional: true, Call: fails},
			{Name: "user", Call: takes(100 * ms)},
			{Name: "likes", Optional: true, Call: takes(50 * ms)},
			{Name: "news", Optional: true, Call: fails},
		}, "likes user", "adverts news", 150*ms)
	})
}

func TestHeader(t *testing.T) {
	virtual(t, func(t *testing.T) {
		if got := deadlinepropagation.Outgoing(context.Background()); got != "" {
			t.Errorf("Outgoing without a deadline = %q, want nothing", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 250*ms)
		defer cancel()
		time.Sleep(50*ms + 300*time.Microsecond)
		if got := deadlinepropagation.Outgoing(ctx); got != "199" {
			t.Errorf("with 199.7 ms left Outgoing = %q, want 199", got)
		}
		time.Sleep(time.Second)
		if got := deadlinepropagation.Outgoing(ctx); got != "0" {
			t.Errorf("after the deadline Outgoing = %q, want 0", got)
		}
	})
}
