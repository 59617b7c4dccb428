// Package deadlinepropagation spends one time budget over all calls of a request.
package deadlinepropagation

import (
	"context"
	"errors"
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
	return most
}

// Outgoing returns the header for a call with ctx.
func Outgoing(ctx context.Context) string {
	return ""
}

// Serve calls the hops that are required, one after the other, and then those
// that are optional, all at once. All of it, and reserve for the answer itself,
// fits into budget and into the time that ctx leaves.
func Serve(ctx context.Context, budget, reserve time.Duration, hops []Hop) (Page, error) {
	page := Page{Parts: map[string]string{}}
	for _, h := range hops {
		part, err := h.Call(ctx)
		if err != nil {
			return Page{}, err
		}
		page.Parts[h.Name] = part
	}
	return page, nil
}
