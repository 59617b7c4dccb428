// Package breaker leaves a dependency alone that keeps failing.
package breaker

import (
	"context"
	"errors"
	"fmt"
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

// Pass is the right to one call. It carries the mode in which it was given out.
type Pass struct{ mode mode }

// mode is one stay in a state; each stay is another value.
type mode interface {
	allow(c *core) (Pass, error)
	report(c *core, r Result)
	until() time.Duration // when time alone ends it; 0: never
	after(c *core) mode   // what follows then
	state() State
}

// core is what the modes share. Who has taken it out of the channel may use it.
type core struct {
	cfg  Config
	now  time.Duration
	mode mode
}

// Breaker hands its core around in a channel of one.
type Breaker struct{ core chan *core }

// New returns a closed breaker.
func New(cfg Config) (*Breaker, error) {
	if !(cfg.Share > 0 && cfg.Share <= 1) {
		return nil, fmt.Errorf("breaker: a share of %v, want above 0 and at most 1", cfg.Share)
	}
	if cfg.MinCalls < 1 || cfg.Window <= 0 || cfg.OpenFor <= 0 {
		return nil, fmt.Errorf("breaker: min calls %d, window %v, open for %v: want at least 1, and more than 0s", cfg.MinCalls, cfg.Window, cfg.OpenFor)
	}
	b := &Breaker{core: make(chan *core, 1)}
	b.core <- &core{cfg: cfg, mode: &closed{}}
	return b, nil
}

// with runs f on the core as it is at now.
func (b *Breaker) with(now time.Duration, f func(c *core)) {
	c := <-b.core
	defer func() { b.core <- c }()
	if now > c.now {
		c.now = now
	}
	if end := c.mode.until(); end > 0 && c.now >= end {
		c.mode = c.mode.after(c)
	}
	f(c)
}

// Allow asks at now, counted from any fixed origin, whether a call may be made.
// Whoever gets a pass reports what became of the call.
func (b *Breaker) Allow(now time.Duration) (p Pass, err error) {
	b.with(now, func(c *core) { p, err = c.mode.allow(c) })
	return p, err
}

// Report says at now what became of a call.
func (b *Breaker) Report(now time.Duration, p Pass, r Result) {
	b.with(now, func(c *core) {
		if p.mode == c.mode {
			c.mode.report(c, r)
		}
	})
}

// State returns the state at now.
func (b *Breaker) State(now time.Duration) (s State) {
	b.with(now, func(c *core) { s = c.mode.state() })
	return s
}

// closed counts. Its marks are at least a sixteenth of the window apart.
type closed struct{ marks []mark }

type mark struct {
	at              time.Duration
	calls, failures int
}

func (m *closed) allow(*core) (Pass, error) { return Pass{m}, nil }
func (m *closed) until() time.Duration      { return 0 }
func (m *closed) after(*core) mode          { return m }
func (m *closed) state() State              { return Closed }

func (m *closed) report(c *core, r Result) {
	if r == Ignored {
		return
	}
	for len(m.marks) > 0 && c.now-m.marks[0].at >= c.cfg.Window {
		m.marks = append(m.marks[:0], m.marks[1:]...)
	}
	if n := len(m.marks); n == 0 || c.now-m.marks[n-1].at > c.cfg.Window/16 {
		m.marks = append(m.marks, mark{at: c.now})
	}
	last := &m.marks[len(m.marks)-1]
	last.calls++
	if r != Failure {
		return
	}
	last.failures++
	var all mark
	for _, k := range m.marks {
		all.calls += k.calls
		all.failures += k.failures
	}
	if all.calls >= c.cfg.MinCalls && float64(all.failures) >= c.cfg.Share*float64(all.calls) {
		c.mode = &open{c.now + c.cfg.OpenFor}
	}
}

// open waits.
type open struct{ end time.Duration }

func (m *open) allow(*core) (Pass, error) { return Pass{}, ErrOpen }
func (m *open) report(*core, Result)      {}
func (m *open) until() time.Duration      { return m.end }
func (m *open) after(*core) mode          { return &ready{since: m.end} }
func (m *open) state() State              { return Open }

// ready has a place for a probe.
type ready struct{ since time.Duration }

func (m *ready) allow(c *core) (Pass, error) {
	c.mode = &probing{end: c.now + c.cfg.OpenFor}
	return Pass{c.mode}, nil
}
func (m *ready) report(*core, Result) {}
func (m *ready) until() time.Duration { return 0 }
func (m *ready) after(*core) mode     { return m }
func (m *ready) state() State         { return HalfOpen }

// probing waits for the probe, but not for ever.
type probing struct{ end time.Duration }

func (m *probing) allow(*core) (Pass, error) { return Pass{}, ErrOpen }
func (m *probing) until() time.Duration      { return m.end }
func (m *probing) after(*core) mode          { return &ready{since: m.end} }
func (m *probing) state() State              { return HalfOpen }

func (m *probing) report(c *core, r Result) {
	switch r {
	case Success:
		c.mode = &closed{}
	case Failure:
		c.mode = &open{c.now + c.cfg.OpenFor}
	default:
		c.mode = &ready{since: c.now}
	}
}

// Do makes the call f if it is allowed, and reports it.
func (b *Breaker) Do(ctx context.Context, now func() time.Duration, f func(context.Context) error) (err error) {
	pass, err := b.Allow(now())
	if err != nil {
		return err
	}
	result := Failure
	defer func() { b.Report(now(), pass, result) }() // on every way out, a panic too
	if err = f(ctx); err == nil {
		result = Success
	} else if errors.Is(ctx.Err(), context.Canceled) {
		result = Ignored
	}
	return err
}
