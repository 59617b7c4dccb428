// Package breaker leaves a dependency alone that keeps failing.
package breaker

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
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

// Pass is the right to one call: it names the snapshot's turn that gave it out.
type Pass struct{ turn uint64 }

// tally is what a twentieth of the window saw.
type tally struct {
	slice     int64
	good, bad int32
}

// snapshot is all that a breaker knows. It never changes: the next replaces it.
type snapshot struct {
	at      time.Duration
	state   State
	probe   bool
	wake    time.Duration
	turn    uint64
	tallies [20]tally
}

// Breaker is a pointer to its latest snapshot, moved by compare-and-swap.
type Breaker struct {
	cfg    Config
	latest atomic.Pointer[snapshot]
}

// New returns a closed breaker.
func New(cfg Config) (*Breaker, error) {
	switch {
	case math.IsNaN(cfg.Share), cfg.Share <= 0, cfg.Share > 1:
		return nil, errors.New("breaker: Share is not in (0, 1]")
	case cfg.MinCalls <= 0:
		return nil, errors.New("breaker: MinCalls is below 1")
	case min(cfg.Window, cfg.OpenFor) <= 0:
		return nil, errors.New("breaker: Window and OpenFor have to be positive")
	}
	b := &Breaker{cfg: cfg}
	b.latest.Store(&snapshot{turn: 1})
	return b, nil
}

// step replaces the snapshot by what f makes of a copy.
func (b *Breaker) step(now time.Duration, f func(s *snapshot)) {
	for {
		old := b.latest.Load()
		next := *old
		next.at = max(next.at, now)
		if waiting := next.state == Open || next.state == HalfOpen && next.probe; waiting && next.at >= next.wake {
			next.enter(HalfOpen, b.cfg)
		}
		f(&next)
		if next == *old || b.latest.CompareAndSwap(old, &next) {
			return
		}
	}
}

func (s *snapshot) enter(state State, cfg Config) {
	s.state = state
	s.probe = false
	s.wake = s.at + cfg.OpenFor
	s.turn++
}

// Allow asks at now, counted from any fixed origin, whether a call may be made.
// Whoever gets a pass reports what became of the call.
func (b *Breaker) Allow(now time.Duration) (pass Pass, err error) {
	b.step(now, func(s *snapshot) {
		pass, err = Pass{}, nil // of an earlier turn of the loop
		switch {
		case s.state == Closed:
		case s.state == HalfOpen && !s.probe:
			s.enter(HalfOpen, b.cfg)
			s.probe = true
		default:
			err = ErrOpen
			return
		}
		pass = Pass{s.turn}
	})
	return pass, err
}

// Report says at now what became of a call.
func (b *Breaker) Report(now time.Duration, p Pass, r Result) {
	b.step(now, func(s *snapshot) {
		switch {
		case p.turn != s.turn:
		case s.state == HalfOpen && r == Success:
			s.enter(Closed, b.cfg)
			s.tallies = [20]tally{}
		case s.state == HalfOpen && r == Failure:
			s.enter(Open, b.cfg)
		case s.state == HalfOpen:
			s.enter(HalfOpen, b.cfg)
		case r == Ignored:
		default:
			if s.count(b.cfg, r) {
				s.enter(Open, b.cfg)
			}
		}
	})
}

// count adds a result and says whether it is one too many.
func (s *snapshot) count(cfg Config, r Result) (tooMany bool) {
	slice := int64(s.at) / max(1, int64(cfg.Window)/20)
	t := &s.tallies[slice%20]
	if t.slice != slice {
		*t = tally{slice: slice}
	}
	if r == Success {
		t.good++
		return false
	}
	t.bad++
	var good, bad int32
	for _, t := range s.tallies {
		if slice-t.slice < 20 {
			good += t.good
			bad += t.bad
		}
	}
	return int(good+bad) >= cfg.MinCalls && float64(bad)/float64(good+bad) >= cfg.Share
}

// State returns the state at now.
func (b *Breaker) State(now time.Duration) (state State) {
	b.step(now, func(s *snapshot) { state = s.state })
	return state
}

// Do makes the call f if it is allowed, and reports it.
func (b *Breaker) Do(ctx context.Context, now func() time.Duration, f func(context.Context) error) (err error) {
	pass, err := b.Allow(now())
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		r := Success
		if !returned || err != nil {
			r = Failure
		}
		if returned && err != nil && ctx.Err() == context.Canceled {
			r = Ignored
		}
		b.Report(now(), pass, r)
	}()
	err = f(ctx)
	returned = true
	return err
}
