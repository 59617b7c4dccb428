// kills: TestMinCalls — one failure in a quiet night is a share of 100 %

// Package breaker leaves a dependency alone that keeps failing.
package breaker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrOpen says that the call was not allowed.
var ErrOpen = errors.New("breaker: open")

// Config says when a breaker opens, and for how long.
type Config struct {
	Share    float64       // of failures among the calls of the last Window at which it opens, above 0 and at most 1
	MinCalls int           // fewest calls in the Window before the share means anything
	Window   time.Duration // how far back calls count
	OpenFor  time.Duration // how long it stays open before it probes
}

// State is where a breaker stands.
type State int

// The states.
const (
	Closed   State = iota // calls pass
	Open                  // nothing passes
	HalfOpen              // one probe passes, or is under way
)

// Result is what a call says about the dependency.
type Result int

// The results.
const (
	Success Result = iota // it works
	Failure               // it does not
	Ignored               // nothing: the call was given up
)

// Pass is the right to one call.
type Pass struct {
	era uint64 // 0: nobody gave it out
}

// cells is in how many parts the window moves on.
const cells = 10

// cell is what was reported in one part of the window.
type cell struct {
	number          int64 // of the part since the origin
	calls, failures int
}

// Breaker decides which calls may be made. Use New. It is safe for concurrent use.
type Breaker struct {
	cfg Config

	mu    sync.Mutex
	now   time.Duration // the latest instant seen
	state State
	// era grows with each change of state and each probe: a pass of another era
	// says nothing about this one.
	era     uint64
	until   time.Duration // Open: when it probes; HalfOpen: when the probe is taken for lost
	probing bool          // HalfOpen: the probe is under way
	seen    [cells]cell
}

// New returns a closed breaker.
func New(cfg Config) (*Breaker, error) {
	if !(cfg.Share > 0 && cfg.Share <= 1) {
		return nil, fmt.Errorf("breaker: a share of %v, want above 0 and at most 1", cfg.Share)
	}
	if cfg.MinCalls < 1 || cfg.Window <= 0 || cfg.OpenFor <= 0 {
		return nil, fmt.Errorf("breaker: min calls %d, window %v, open for %v: want at least 1, and more than 0s", cfg.MinCalls, cfg.Window, cfg.OpenFor)
	}
	return &Breaker{cfg: cfg, era: 1}, nil
}

// Allow asks at now, counted from any fixed origin, whether a call may be made.
// Whoever gets a pass reports what became of the call.
func (b *Breaker) Allow(now time.Duration) (Pass, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	if b.state == Open || b.probing {
		return Pass{}, ErrOpen
	}
	if b.state == HalfOpen {
		b.probing = true
		b.until = b.now + b.cfg.OpenFor
		b.era++
	}
	return Pass{b.era}, nil
}

// Report says at now what became of a call.
func (b *Breaker) Report(now time.Duration, p Pass, r Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	if p.era != b.era {
		return
	}
	if b.state == HalfOpen {
		b.probed(r)
		return
	}
	if r == Ignored {
		return
	}
	c := b.cell()
	c.calls++
	if r == Failure {
		c.failures++
		calls, failures := b.sum()
		if float64(failures) >= b.cfg.Share*float64(calls) {
			b.change(Open)
		}
	}
}

// probed takes the result of the probe. The caller holds mu.
func (b *Breaker) probed(r Result) {
	switch r {
	case Success:
		b.change(Closed)
		b.seen = [cells]cell{}
	case Failure:
		b.change(Open)
	default:
		b.change(HalfOpen) // the place is for another probe
	}
}

// State returns the state at now.
func (b *Breaker) State(now time.Duration) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	return b.state
}

// advance makes the changes that time alone brings. Who was overtaken on the
// way to the lock comes with an older instant, which is not followed. The caller
// holds mu.
func (b *Breaker) advance(now time.Duration) {
	b.now = max(b.now, now)
	if b.now >= b.until && (b.state == Open || b.probing) {
		b.change(HalfOpen)
	}
}

// change enters a state anew. The caller holds mu.
func (b *Breaker) change(s State) {
	b.state, b.probing = s, false
	b.until = b.now + b.cfg.OpenFor
	b.era++
}

// cell returns the part of the window that now is in. The caller holds mu.
func (b *Breaker) cell() *cell {
	number := int64(b.now / b.width())
	c := &b.seen[number%cells]
	if c.number != number {
		*c = cell{number: number}
	}
	return c
}

// sum adds up what the window holds. The caller holds mu.
func (b *Breaker) sum() (calls, failures int) {
	oldest := int64(b.now/b.width()) - cells + 1
	for _, c := range b.seen {
		if c.number >= oldest {
			calls += c.calls
			failures += c.failures
		}
	}
	return calls, failures
}

func (b *Breaker) width() time.Duration { return max(1, b.cfg.Window/cells) }

// Do makes the call f if it is allowed, and reports it.
func (b *Breaker) Do(ctx context.Context, now func() time.Duration, f func(context.Context) error) error {
	pass, err := b.Allow(now())
	if err != nil {
		return err
	}
	result := Failure // also when f panics
	defer func() { b.Report(now(), pass, result) }()
	err = f(ctx)
	switch {
	case err == nil:
		result = Success
	case errors.Is(ctx.Err(), context.Canceled):
		result = Ignored
	}
	return err
}
