// kills: TestHalfOpen, TestOneProbe, TestLostProbe — half-open for everybody means that the full load meets a dependency that has just come back

// Package breaker leaves a dependency alone that keeps failing, and finds out
// carefully when it is well again.
package breaker

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

// Breaker is the state machine. Use New. It is safe for concurrent use.
type Breaker struct {
	cfg Config

	mu         sync.Mutex
	now        time.Duration // guarded by mu: the latest instant seen
	state      State         // guarded by mu
	generation uint64        // guarded by mu: grows with every change of state
	results    []bool        // guarded by mu: Closed: a ring of the latest, true for a failure
	next       int           // guarded by mu: where the next one goes
	failures   int           // guarded by mu: among results
	until      time.Duration // guarded by mu: Open: when to try
	probe      uint64        // guarded by mu: HalfOpen: number of the latest
	probing    bool          // guarded by mu: HalfOpen: it is under way
	probeEnds  time.Duration // guarded by mu: HalfOpen: when it counts as lost
	successes  int           // guarded by mu: HalfOpen: in a row
}

// New returns a closed breaker.
func New(cfg Config) (*Breaker, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Breaker{cfg: cfg, results: make([]bool, 0, cfg.Window)}, nil
}

// Allow says whether a call may be made at the instant now, counted from any
// fixed origin. After a nil error the ticket must be reported.
func (b *Breaker) Allow(now time.Duration) (Ticket, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	switch b.state {
	case Open:
		return Ticket{}, ErrOpen
	case HalfOpen:
		b.probe++
		b.probing, b.probeEnds = true, b.now+b.cfg.OpenFor
		return Ticket{generation: b.generation, probe: b.probe}, nil
	}
	return Ticket{generation: b.generation}, nil
}

// Report says what became of a call that was allowed. A cancelled call says
// nothing about the dependency.
func (b *Breaker) Report(now time.Duration, t Ticket, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	silent := errors.Is(err, context.Canceled)
	switch {
	case t.generation != b.generation:
		// The world has changed since: this is old news.
	case b.state == Closed:
		if !silent {
			b.count(err != nil)
		}
	case b.state == HalfOpen && b.probing && t.probe == b.probe:
		b.probing = false
		switch {
		case silent:
		case err != nil:
			b.open()
		default:
			if b.successes++; b.successes == b.cfg.Probes {
				b.change(Closed)
				b.results, b.next, b.failures = b.results[:0], 0, 0
			}
		}
	}
}

// count takes a result while closed.
func (b *Breaker) count(failed bool) {
	if len(b.results) < b.cfg.Window {
		b.results = append(b.results, failed)
	} else {
		if b.results[b.next] {
			b.failures--
		}
		b.results[b.next] = failed
		b.next = (b.next + 1) % b.cfg.Window
	}
	if failed {
		if b.failures++; b.failures >= b.cfg.Failures {
			b.open()
		}
	}
}

func (b *Breaker) open() {
	b.change(Open)
	b.until = b.now + b.cfg.OpenFor
}

func (b *Breaker) change(to State) {
	b.state = to
	b.generation++
}

// advance makes the change that time brings.
func (b *Breaker) advance(now time.Duration) {
	b.now = max(b.now, now)
	if b.state == Open && b.now >= b.until {
		b.change(HalfOpen)
		b.probing, b.successes = false, 0
	}
}

// State returns where the breaker stands at the instant now.
func (b *Breaker) State(now time.Duration) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	return b.state
}
