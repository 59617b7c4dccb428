// Package breaker leaves a dependency alone that keeps failing, and finds out
// carefully when it is well again.
package breaker

import (
	"context"
	"errors"
	"fmt"
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

// mode is how a breaker behaves in one state.
type mode interface {
	allow(b *machine) (probe uint64, ok bool)
	report(b *machine, probe uint64, failed, silent bool)
}

// closed remembers failures by the number of the call that brought them.
type closed struct {
	calls    int
	failures []int
}

func (*closed) allow(*machine) (uint64, bool) { return 0, true }

func (c *closed) report(b *machine, _ uint64, failed, silent bool) {
	if silent {
		return
	}
	c.calls++
	for len(c.failures) > 0 && c.failures[0] <= c.calls-b.cfg.Window {
		c.failures = c.failures[1:]
	}
	if failed {
		if c.failures = append(c.failures, c.calls); len(c.failures) >= b.cfg.Failures {
			b.become(Open, &open{until: b.now + b.cfg.OpenFor})
		}
	}
}

// open refuses.
type open struct{ until time.Duration }

func (*open) allow(*machine) (uint64, bool)       { return 0, false }
func (*open) report(*machine, uint64, bool, bool) {}

// halfOpen lets one probe out at a time.
type halfOpen struct {
	out       uint64 // the probe under way; 0: none
	lost      time.Duration
	last      uint64
	successes int
}

func (h *halfOpen) allow(b *machine) (uint64, bool) {
	if h.out != 0 && b.now < h.lost {
		return 0, false
	}
	h.last++
	h.out, h.lost = h.last, b.now+b.cfg.OpenFor
	return h.out, true
}

func (h *halfOpen) report(b *machine, probe uint64, failed, silent bool) {
	if probe != h.out || h.out == 0 {
		return
	}
	h.out = 0
	switch {
	case silent:
	case failed:
		b.become(Open, &open{until: b.now + b.cfg.OpenFor})
	default:
		if h.successes++; h.successes == b.cfg.Probes {
			b.become(Closed, &closed{})
		}
	}
}

// machine is a mode and the time.
type machine struct {
	cfg        Config
	now        time.Duration
	state      State
	mode       mode
	generation uint64
}

func (b *machine) become(s State, m mode) {
	b.state, b.mode = s, m
	b.generation++
}

// Breaker hands its machine around in a channel of one.
type Breaker struct{ machine chan *machine }

// New returns a closed breaker.
func New(cfg Config) (*Breaker, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	b := &Breaker{machine: make(chan *machine, 1)}
	b.machine <- &machine{cfg: cfg, mode: &closed{}}
	return b, nil
}

// at takes the machine, at the instant now. The caller puts it back.
func (b *Breaker) at(now time.Duration) *machine {
	m := <-b.machine
	m.now = max(m.now, now)
	if o, ok := m.mode.(*open); ok && m.now >= o.until {
		m.become(HalfOpen, &halfOpen{})
	}
	return m
}

// Allow says whether a call may be made at the instant now, counted from any
// fixed origin. After a nil error the ticket must be reported.
func (b *Breaker) Allow(now time.Duration) (Ticket, error) {
	m := b.at(now)
	defer func() { b.machine <- m }()
	if probe, ok := m.mode.allow(m); ok {
		return Ticket{generation: m.generation, probe: probe}, nil
	}
	return Ticket{}, ErrOpen
}

// Report says what became of a call that was allowed. A cancelled call says
// nothing about the dependency.
func (b *Breaker) Report(now time.Duration, t Ticket, err error) {
	m := b.at(now)
	defer func() { b.machine <- m }()
	if t.generation == m.generation {
		m.mode.report(m, t.probe, err != nil, errors.Is(err, context.Canceled))
	}
}

// State returns where the breaker stands at the instant now.
func (b *Breaker) State(now time.Duration) State {
	m := b.at(now)
	defer func() { b.machine <- m }()
	return m.state
}
