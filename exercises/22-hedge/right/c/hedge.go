// Package hedge asks a second replica when the first takes too long, and keeps
// that from becoming a second load.
package hedge

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
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

// one is an extra attempt in the unit of the savings.
const one = 1_000_000

// Hedger keeps its savings in one number of millionths.
type Hedger struct {
	Config
	saved atomic.Int64
}

// New returns a hedger.
func New(c Config) (*Hedger, error) {
	if c.After <= 0 || c.Most != min(max(c.Most, 1), MaxAttempts) || c.Saved < 1 || math.IsNaN(c.Share) || c.Share < 0 || c.Share > 1 {
		return nil, errors.New("hedge: a setting is out of its range")
	}
	h := &Hedger{Config: c}
	h.saved.Store(int64(c.Saved) * one)
	return h, nil
}

// add changes the savings; it does not go below 0 or above what can be saved.
func (h *Hedger) add(n int64) bool {
	for {
		was := h.saved.Load()
		sum := min(was+n, int64(h.Saved)*one)
		if sum < 0 {
			return false
		}
		if h.saved.CompareAndSwap(was, sum) {
			return true
		}
	}
}

// Call is one attempt, number n counted from 0, at a request.
type Call func(ctx context.Context, n int) (string, error)

// race is one request under way.
type race struct {
	*Hedger
	ctx    context.Context
	call   Call
	all    sync.WaitGroup
	good   chan string
	failed chan struct{} // one for each failure that the next attempt may answer

	mu     sync.Mutex
	faults []error
}

// Do makes a request and returns the first good answer.
func (h *Hedger) Do(ctx context.Context, call Call) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	h.add(int64(math.Round(h.Share * one)))
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &race{Hedger: h, ctx: inner, call: call, good: make(chan string, h.Most), failed: make(chan struct{}, h.Most)}
	r.all.Go(func() { r.attempt(0) })
	lost := make(chan struct{})
	go func() {
		r.all.Wait()
		close(lost)
	}()
	select {
	case text := <-r.good:
		return text, nil
	case <-ctx.Done():
		return "", ctx.Err()
	case <-lost:
	}
	select {
	case text := <-r.good: // a good one came last
		return text, nil
	default:
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return "", errors.Join(r.faults...)
}

// attempt makes one attempt, with its follower beside it.
func (r *race) attempt(n int) {
	if n+1 < r.Most {
		r.all.Go(func() { r.follow(n + 1) })
	}
	text, err := "", ErrPanic
	defer func() {
		if err != nil {
			_ = recover()
			r.mu.Lock()
			r.faults = append(r.faults, err)
			r.mu.Unlock()
			r.failed <- struct{}{}
		} else {
			r.good <- text
		}
	}()
	text, err = r.call(r.ctx, n)
}

// follow waits until attempt n is due, and makes it. Only the follower of the
// latest attempt is waiting.
func (r *race) follow(n int) {
	timer := time.NewTimer(r.After)
	defer timer.Stop()
	var done <-chan struct{} = r.ctx.Done()
	select {
	case <-timer.C:
	case <-r.failed:
	case <-done:
		return
	}
	if r.ctx.Err() == nil && r.add(-one) {
		r.attempt(n)
	}
}
