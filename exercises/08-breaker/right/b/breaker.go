// Package breaker leaves a dependency alone that keeps failing, and finds out
// carefully when it is well again.
package breaker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// ErrOpen says that the call should not be made now.
var ErrOpen = errors.New("breaker: open")

// Config says when to open and for how long.
type Config struct {
	Window   int           // how many of the latest results are looked at
	Failures int           // so many failures among them open the breaker
	OpenFor  time.Duration // how long it refuses before it tries
	Probes   int           // successes in a row, one probe at a time, that close it again
}

// State is where a breaker stands.
type State int

// The states.
const (
	Closed   State = iota // calls pass
	Open                  // nothing passes
	HalfOpen              // one probe at a time passes
)

// Ticket is the right to make one call; it is handed back with Report.
type Ticket struct {
	generation uint64 // of the state in which it was given
	probe      uint64 // number of the probe; 0: an ordinary call
}

func (c Config) check() error {
	if c.Window < 1 || c.Failures < 1 || c.Failures > c.Window || c.OpenFor <= 0 || c.Probes < 1 {
		return fmt.Errorf("breaker: %+v, want 1 to Window failures, a positive OpenFor and at least one probe", c)
	}
	return nil
}

// world is everything a breaker knows. It is never changed, only replaced.
type world struct {
	state      State
	generation uint64
	now        time.Duration
	until      time.Duration // Open: when to try; HalfOpen with a probe: when it is lost
	results    []bool        // Closed: the latest, oldest first
	probe      uint64
	probing    bool
	successes  int
}

// Breaker replaces its world with compare-and-swap.
type Breaker struct {
	cfg   Config
	world atomic.Pointer[world]
}

// New returns a closed breaker.
func New(cfg Config) (*Breaker, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	b := &Breaker{cfg: cfg}
	b.world.Store(&world{})
	return b, nil
}

// step replaces the world by what f makes of it, after what time makes of it.
func (b *Breaker) step(now time.Duration, f func(*world)) world {
	for {
		old := b.world.Load()
		next := *old
		next.now = max(next.now, now)
		if next.state == Open && next.now >= next.until {
			next = world{state: HalfOpen, generation: next.generation + 1, now: next.now, probe: next.probe}
		}
		f(&next)
		if b.world.CompareAndSwap(old, &next) {
			return next
		}
	}
}

// Allow says whether a call may be made at the instant now, counted from any
// fixed origin. After a nil error the ticket must be reported.
func (b *Breaker) Allow(now time.Duration) (t Ticket, err error) {
	b.step(now, func(w *world) {
		t, err = Ticket{generation: w.generation}, nil
		switch {
		case w.state == Open, w.state == HalfOpen && w.probing && w.now < w.until:
			t, err = Ticket{}, ErrOpen
		case w.state == HalfOpen:
			w.probe++
			w.probing, w.until = true, w.now+b.cfg.OpenFor
			t.probe = w.probe
		}
	})
	return t, err
}

// Report says what became of a call that was allowed. A cancelled call says
// nothing about the dependency.
func (b *Breaker) Report(now time.Duration, t Ticket, err error) {
	cancelled := errors.Is(err, context.Canceled)
	b.step(now, func(w *world) {
		if t.generation != w.generation || t.probe != 0 && (!w.probing || t.probe != w.probe) {
			return
		}
		w.probing = false
		if cancelled {
			return
		}
		if w.state == Closed {
			w.results = append(slices.Clone(w.results), err != nil)
			w.results = w.results[max(0, len(w.results)-b.cfg.Window):]
			failures := 0
			for _, failed := range w.results {
				if failed {
					failures++
				}
			}
			if err == nil || failures < b.cfg.Failures {
				return
			}
		}
		if err != nil {
			*w = world{state: Open, generation: w.generation + 1, now: w.now, until: w.now + b.cfg.OpenFor, probe: w.probe}
		} else if w.successes++; w.successes >= b.cfg.Probes {
			*w = world{state: Closed, generation: w.generation + 1, now: w.now, probe: w.probe}
		}
	})
}

// State returns where the breaker stands at the instant now.
func (b *Breaker) State(now time.Duration) State {
	return b.step(now, func(*world) {}).state
}
