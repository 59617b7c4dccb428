// Package deadlinepropagation spends one time budget over all calls of a request.
package deadlinepropagation

import (
	"context"
	"errors"
	"fmt"
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
	var sum time.Duration
	if header == "" {
		return most
	}
	over := false
	for _, c := range header {
		if c < '0' || c > '9' {
			return most
		}
		if sum = 10*sum + time.Duration(c-'0'); sum > most/time.Millisecond {
			over, sum = true, 0
		}
	}
	if over {
		return most
	}
	return sum * time.Millisecond
}

// Outgoing returns the header for a call with ctx.
func Outgoing(ctx context.Context) string {
	at, ok := ctx.Deadline()
	if !ok {
		return ""
	}
	if left := time.Until(at); left > 0 {
		return fmt.Sprint(left.Milliseconds())
	}
	return "0"
}

// purse holds the time of one request. Required hops spend from it one at a
// time, by holding its lock for as long as they take.
type purse struct {
	mu     sync.Mutex
	caller context.Context
	end    time.Time
}

// Serve calls the hops that are required, one after the other, and then those
// that are optional, all at once.
func Serve(ctx context.Context, budget, reserve time.Duration, hops []Hop) (Page, error) {
	byName := map[string]*Hop{}
	for i := range hops {
		byName[hops[i].Name] = &hops[i]
		if hops[i].Call == nil || hops[i].Name == "" || len(byName) != i+1 {
			return Page{}, fmt.Errorf("hop number %d is not complete, or not the only one of its name", i+1)
		}
	}
	if reserve < 0 {
		return Page{}, fmt.Errorf("reserve %v is below 0", reserve)
	}
	p := &purse{caller: ctx, end: time.Now().Add(budget - reserve)}
	if at, ok := ctx.Deadline(); ok && at.Add(-reserve).Before(p.end) {
		p.end = at.Add(-reserve)
	}
	parts := make([]string, len(hops))
	errs := make([]error, len(hops))
	for i, h := range hops {
		if h.Optional {
			continue
		}
		p.mu.Lock()
		parts[i], errs[i] = p.spend(h)
		p.mu.Unlock()
		if ctx.Err() != nil {
			return Page{}, ctx.Err()
		}
		if errs[i] != nil {
			return Page{}, fmt.Errorf("%s failed: %w", h.Name, errs[i])
		}
	}
	done := make(chan struct{})
	waiting := 0
	for i, h := range hops {
		if h.Optional {
			waiting++
			go func() {
				defer func() { done <- struct{}{} }()
				parts[i], errs[i] = p.spend(h) // an index of its own: no lock
			}()
		}
	}
	for ; waiting > 0; waiting-- {
		<-done
	}
	if ctx.Err() != nil {
		return Page{}, ctx.Err()
	}
	page := Page{Parts: map[string]string{}}
	for i, h := range hops {
		if errs[i] == nil {
			page.Parts[h.Name] = parts[i]
		} else {
			page.Missing = append(page.Missing, h.Name)
		}
	}
	return page, nil
}

// spend calls a hop until the end of the purse, or of what the hop may take.
func (p *purse) spend(h Hop) (part string, err error) {
	now := time.Now()
	end := p.end
	if end.Sub(now) < max(h.Least, 1) || p.caller.Err() != nil {
		return "", ErrNoTime
	}
	if h.Most > 0 && now.Add(h.Most).Before(end) {
		end = now.Add(h.Most)
	}
	ctx, cancel := context.WithDeadline(p.caller, end)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("it panicked: %v", v)
		}
	}()
	return h.Call(ctx)
}
