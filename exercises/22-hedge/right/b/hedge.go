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

// Hedger keeps its savings as tokens in a channel, and fractions beside it.
type Hedger struct {
	Config
	tokens   chan struct{}
	fraction chan float64
}

// New returns a hedger.
func New(c Config) (*Hedger, error) {
	if c.After <= 0 || c.Most < 1 || c.Most > MaxAttempts || c.Saved < 1 || !(0 <= c.Share && c.Share <= 1) {
		return nil, fmt.Errorf("hedge: %+v is no sound configuration", c)
	}
	h := &Hedger{Config: c, tokens: make(chan struct{}, c.Saved), fraction: make(chan float64, 1)}
	for range c.Saved {
		h.tokens <- struct{}{}
	}
	h.fraction <- 0
	return h, nil
}

// Call is one attempt, number n counted from 0, at a request.
type Call func(ctx context.Context, n int) (string, error)

// request is one request under way. Its attempts report to it, and a timer
// starts the next.
type request struct {
	h    *Hedger
	ctx  context.Context
	call Call
	over chan struct{} // closed when text and err stand

	mu             sync.Mutex
	timer          *time.Timer
	begun, running int
	spent, ended   bool
	text           string
	err            error
}

// Do makes a request and returns the first good answer.
func (h *Hedger) Do(ctx context.Context, call Call) (string, error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	sum := <-h.fraction + h.Share
	if sum >= 1-1e-9 {
		select {
		case h.tokens <- struct{}{}:
		default:
		}
		sum = max(0, sum-1)
	}
	if len(h.tokens) == cap(h.tokens) {
		sum = 0 // full: nothing more can be saved
	}
	h.fraction <- sum
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &request{h: h, ctx: inner, call: call, over: make(chan struct{})}
	r.mu.Lock()
	r.begin()
	r.mu.Unlock()
	select {
	case <-r.over:
	case <-ctx.Done():
		r.end("", ctx.Err())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text, r.err
}

// end settles the request, once.
func (r *request) end(text string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle(text, err)
}

// settle settles the request, once; mu is held.
func (r *request) settle(text string, err error) {
	if r.ended {
		return
	}
	r.ended, r.text, r.err = true, text, err
	r.timer.Stop()
	close(r.over)
}

// begin starts an attempt, and the timer of the next; mu is held.
func (r *request) begin() {
	n := r.begun
	r.begun++
	r.running++
	go r.attempt(n)
	if r.timer != nil {
		r.timer.Stop()
	}
	r.timer = time.AfterFunc(r.h.After, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if n == r.begun-1 { // else another attempt has begun meanwhile
			r.next()
		}
	})
}

// next begins one more attempt if it may, and says so; mu is held.
func (r *request) next() bool {
	if r.ended || r.spent || r.begun == r.h.Most || r.ctx.Err() != nil {
		return false
	}
	select {
	case <-r.h.tokens:
		r.begin()
		return true
	default:
		r.spent = true
		return false
	}
}

// attempt makes one attempt and reports.
func (r *request) attempt(n int) {
	text, err := "", ErrPanic
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrPanic, p)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running--
		if err == nil {
			r.settle(text, nil)
			return
		}
		if r.ended {
			return
		}
		r.err = errors.Join(r.err, err)
		if !r.next() && r.running == 0 {
			if r.ctx.Err() != nil {
				r.err = r.ctx.Err()
			}
			r.settle("", r.err)
		}
	}()
	text, err = r.call(r.ctx, n)
}
