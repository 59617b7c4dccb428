// Package deadlinepropagation spends one time budget over all calls of a request.
package deadlinepropagation

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
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
	if header == "" || strings.Trim(header, "0123456789") != "" {
		return most
	}
	ms, _ := new(big.Int).SetString(header[:min(len(header), 30)], 10)
	if ms.Cmp(big.NewInt(most.Milliseconds())) >= 0 {
		return most
	}
	return time.Duration(ms.Int64()) * time.Millisecond
}

// Outgoing returns the header for a call with ctx.
func Outgoing(ctx context.Context) string {
	if at, ok := ctx.Deadline(); ok {
		left := time.Until(at)
		if left < 0 {
			left = 0
		}
		return strconv.Itoa(int(left / time.Millisecond))
	}
	return ""
}

// result is what one hop brought.
type result struct {
	hop  int
	part string
	err  error
}

// trip is one request on its way through its hops.
type trip struct {
	caller context.Context
	ctx    context.Context // ends with the shared time
	hops   []Hop
	came   chan result
}

// Serve starts each hop in a goroutine of its own and gathers what comes out of
// one channel; for a required hop it waits before it starts the next.
func Serve(ctx context.Context, budget, reserve time.Duration, hops []Hop) (Page, error) {
	seen := make(map[string]struct{}, len(hops))
	for i, h := range hops {
		if _, twice := seen[h.Name]; twice || h.Name == "" || h.Call == nil {
			return Page{}, fmt.Errorf("hop %d: no name, no call, or the name of another", i)
		}
		seen[h.Name] = struct{}{}
	}
	if reserve < 0 {
		return Page{}, errors.New("the reserve is negative")
	}
	if at, ok := ctx.Deadline(); ok {
		budget = min(budget, time.Until(at))
	}
	shared, stop := context.WithTimeout(ctx, budget-reserve)
	defer stop()
	t := trip{caller: ctx, ctx: shared, hops: hops, came: make(chan result, len(hops))}
	return t.run()
}

func (t *trip) run() (Page, error) {
	parts := map[string]string{}
	started := 0
	for i, h := range t.hops {
		if h.Optional {
			continue
		}
		t.start(i)
		r := <-t.came
		if err := t.caller.Err(); err != nil {
			return Page{}, err
		}
		if r.err != nil {
			return Page{}, fmt.Errorf("hop %s: %w", h.Name, r.err)
		}
		parts[h.Name] = r.part
	}
	for i, h := range t.hops {
		if h.Optional {
			t.start(i)
			started++
		}
	}
	missing := make([]bool, len(t.hops))
	for range started {
		r := <-t.came
		if missing[r.hop] = r.err != nil; r.err == nil {
			parts[t.hops[r.hop].Name] = r.part
		}
	}
	if err := t.caller.Err(); err != nil {
		return Page{}, err
	}
	page := Page{Parts: parts}
	for i, gone := range missing {
		if gone {
			page.Missing = append(page.Missing, t.hops[i].Name)
		}
	}
	return page, nil
}

// start has a hop called; its result comes through the channel, always.
func (t *trip) start(i int) {
	h := t.hops[i]
	at, _ := t.ctx.Deadline()
	if left := time.Until(at); left <= 0 || left < h.Least || t.ctx.Err() != nil {
		t.came <- result{hop: i, err: fmt.Errorf("%w: %v", ErrNoTime, left)}
		return
	}
	go func() {
		r := result{hop: i, err: errors.New("the call panicked")}
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("%w: %v", r.err, p)
			}
			t.came <- r
		}()
		ctx, cancel := t.ctx, context.CancelFunc(func() {})
		if h.Most > 0 {
			ctx, cancel = context.WithTimeout(t.ctx, h.Most)
		}
		defer cancel()
		part, err := h.Call(ctx)
		r.part, r.err = part, err
	}()
}
