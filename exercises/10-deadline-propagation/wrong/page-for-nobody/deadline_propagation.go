// kills: TestCallerLeaves, TestGoneAllTheSame — a page for a caller who has gone is counted as a success

// Package deadlinepropagation spends one time budget over all calls of a request.
package deadlinepropagation

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// ErrNoTime says that there is not enough time left to be worth a call.
var ErrNoTime = errors.New("not enough time left")

// Hop is one call that a page needs.
type Hop struct {
	Name     string
	Most     time.Duration // it may take no longer, whatever is left; 0: no limit of its own
	Least    time.Duration // with less than that left it is not worth calling
	Optional bool          // the page can do without it
	Call     func(ctx context.Context) (string, error)
}

// Page is what the hops brought together.
type Page struct {
	Parts   map[string]string // by the hop's name
	Missing []string          // the optional hops that brought nothing, in the order of the hops
}

// Incoming returns the budget of a request whose caller sent header: the time
// that it still waits, in milliseconds. No request gets more than most.
func Incoming(header string, most time.Duration) time.Duration {
	ms, err := strconv.ParseUint(header, 10, 63)
	// Compare before multiplying: the caller may have sent anything.
	if err != nil || ms >= uint64(most/time.Millisecond) {
		return most
	}
	return time.Duration(ms) * time.Millisecond
}

// Outgoing returns the header for a call with ctx.
func Outgoing(ctx context.Context) string {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ""
	}
	// The time left, not the instant: the other side's clock is not ours.
	return strconv.FormatInt(max(0, time.Until(deadline).Milliseconds()), 10)
}

// Serve calls the hops that are required, one after the other, and then those
// that are optional, all at once. All of it, and reserve for the answer itself,
// fits into budget and into the time that ctx leaves.
func Serve(ctx context.Context, budget, reserve time.Duration, hops []Hop) (Page, error) {
	if err := check(reserve, hops); err != nil {
		return Page{}, err
	}
	deadline := time.Now().Add(budget)
	if theirs, ok := ctx.Deadline(); ok && theirs.Before(deadline) {
		deadline = theirs
	}
	shared, cancel := context.WithDeadline(ctx, deadline.Add(-reserve))
	defer cancel()

	page := Page{Parts: map[string]string{}}
	for _, h := range hops {
		if h.Optional {
			continue
		}
		part, err := call(shared, h)
		if err != nil {
			return Page{}, fmt.Errorf("%s: %w", h.Name, err)
		}
		page.Parts[h.Name] = part
	}

	var mu sync.Mutex
	var all sync.WaitGroup
	for _, h := range hops {
		if !h.Optional {
			continue
		}
		all.Go(func() {
			part, err := call(shared, h)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			page.Parts[h.Name] = part
		})
	}
	all.Wait()
	for _, h := range hops {
		if _, ok := page.Parts[h.Name]; !ok {
			page.Missing = append(page.Missing, h.Name)
		}
	}
	return page, nil
}

func check(reserve time.Duration, hops []Hop) error {
	if reserve < 0 {
		return fmt.Errorf("a reserve of %v: want 0s or more", reserve)
	}
	names := map[string]bool{}
	for _, h := range hops {
		if h.Name == "" || h.Call == nil || names[h.Name] {
			return fmt.Errorf("hop %q: want a name of its own and a call", h.Name)
		}
		names[h.Name] = true
	}
	return nil
}

// call makes one call with what is left of the shared time.
func call(ctx context.Context, h Hop) (part string, err error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoTime, err)
	}
	deadline, _ := ctx.Deadline()
	if left := time.Until(deadline); left < h.Least {
		return "", fmt.Errorf("%w: %v, and it takes at least %v", ErrNoTime, left, h.Least)
	}
	if h.Most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.Most)
		defer cancel()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return h.Call(ctx)
}
