// kills: TestContextHandedOn — a context from the background loses the deadline and the trace of the caller

// Package hedge asks a second replica when the first takes too long, and keeps
// that from becoming a second load.
package hedge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrPanic is the error of an attempt that panicked, perhaps wrapped.
var ErrPanic = errors.New("the attempt panicked")

// MaxAttempts is the most attempts that a request can have.
const MaxAttempts = 10

// Config says when to ask again, and how often.
type Config struct {
	After time.Duration // without an answer for this long the next attempt begins; more than 0
	Most  int           // the most attempts of one request, from 1 to MaxAttempts
	// Share is how many extra attempts, those after the first, each request earns
	// for all: 0.05 allows one for twenty requests. From 0 to 1.
	Share float64
	// Saved is the most extra attempts that can be saved up, and how many there
	// are at the start. At least 1.
	Saved int
}

// Hedger makes hedged requests. Use New. It is safe for concurrent use.
type Hedger struct {
	c Config

	mu    sync.Mutex
	saved float64 // guarded by mu: the extra attempts there are
}

// New returns a hedger.
func New(c Config) (*Hedger, error) {
	switch {
	case c.After <= 0:
		return nil, fmt.Errorf("hedge: After %v, want more than 0", c.After)
	case c.Most < 1 || c.Most > MaxAttempts:
		return nil, fmt.Errorf("hedge: Most %d, want 1 to %d", c.Most, MaxAttempts)
	case !(c.Share >= 0 && c.Share <= 1):
		return nil, fmt.Errorf("hedge: Share %v, want 0 to 1", c.Share)
	case c.Saved < 1:
		return nil, fmt.Errorf("hedge: Saved %d, want at least 1", c.Saved)
	}
	return &Hedger{c: c, saved: float64(c.Saved)}, nil
}

// earn books what a new request adds to the savings.
func (h *Hedger) earn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.saved = min(float64(h.c.Saved), h.saved+h.c.Share)
}

// spend takes one extra attempt out of the savings, if there is one.
func (h *Hedger) spend() bool {
	const dust = 1e-9 // sums of fractions come out a little below
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.saved < 1-dust {
		return false
	}
	h.saved--
	return true
}

// Call is one attempt, number n counted from 0, at a request.
type Call func(ctx context.Context, n int) (string, error)

// result is what came of an attempt.
type result struct {
	text string
	err  error
}

// Do makes a request and returns the first good answer.
func (h *Hedger) Do(ctx context.Context, call Call) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	h.earn()
	inner, cancel := context.WithCancel(context.Background())
	defer cancel()
	// With room for all, whoever comes too late leaves his answer and goes.
	results := make(chan result, h.c.Most)
	begin := func(n int) {
		go func() {
			text, err := safely(inner, call, n)
			results <- result{text, err}
		}()
	}
	begin(0)
	begun, running, more := 1, 1, true
	timer := time.NewTimer(h.c.After)
	defer timer.Stop()
	var faults []error
	for {
		select {
		case r := <-results:
			if r.err == nil {
				return r.text, nil
			}
			running--
			faults = append(faults, r.err)
		case <-timer.C:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if more = more && begun < h.c.Most && h.spend(); more {
			begin(begun)
			begun++
			running++
			timer.Reset(h.c.After)
		} else if running == 0 {
			return "", errors.Join(faults...)
		}
	}
}

// safely makes one attempt; a panic in it is a failure.
func safely(ctx context.Context, call Call, n int) (text string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("attempt %d: %w: %v", n, ErrPanic, p)
		}
	}()
	return call(ctx, n)
}
