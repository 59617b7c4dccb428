// Package chain puts patterns in front of a service, in order, and replaces
// them while requests are inside.
//
// A chain is compiled once for each change and published with one atomic
// store, so a request pays one load for the ability to switch, patterns that
// are off cost nothing, and each request keeps the chain it started with: what
// it acquired it releases to the same place.
package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// Change is what to do to one pattern. A nil State keeps the state; Knobs are
// applied on top of the present ones.
type Change struct {
	Pattern string
	State   *lab.State
	Knobs   map[string]any
}

// Slot is one pattern's place in a chain, as it stands.
type Slot struct {
	Pattern  lab.Pattern
	State    lab.State
	Knobs    any // a pointer to the room's knobs: not to be changed
	Gauges   []lab.Gauge
	Counters *lab.Counters
}

// Config is what a chain is made from. All fields are needed but
// Env.Redis, Counters and Uniform.
type Config struct {
	Patterns []lab.Pattern            // in the order a request passes them; client-side ones are left out
	Env      lab.Env                  // Counters is ignored: each slot has its own
	Counters map[string]*lab.Counters // by pattern name; shared by the instances of a service
	// Uniform returns a stream of draws for a pattern that starts; nil: all draw
	// from Env.Uniform.
	Uniform func(pattern string) func() float64
	Next    lab.Handler // what the patterns protect
	// Yours returns the solution that is plugged in for a pattern, or nil; nil:
	// there is none for any.
	Yours func(pattern string) lab.Solution
}

// Chain is one service instance's ordered patterns. It is safe for concurrent
// use.
type Chain struct {
	head atomic.Pointer[compiled]

	mu    sync.Mutex // one change at a time
	env   lab.Env
	draws func(pattern string) func() float64 // nil: env.Uniform
	next  lab.Handler
	yours func(pattern string) lab.Solution // nil: none
	slots []*slot                           // guarded by mu
}

// compiled is an immutable chain. It is a struct because an atomic pointer
// needs a concrete type.
type compiled struct{ first lab.Handler }

type slot struct {
	pattern  lab.Pattern
	counters *lab.Counters
	state    lab.State
	knobs    any
	live     lab.Live // nil when off
}

// New returns a chain with every pattern off and its knobs at their defaults.
func New(c Config) (*Chain, error) {
	var faults []error
	if c.Next == nil {
		faults = append(faults, errors.New("chain: Config.Next is nil"))
	}
	if c.Env.Clock == nil || c.Env.Uniform == nil && c.Uniform == nil || c.Env.Log == nil || c.Env.Go == nil {
		faults = append(faults, errors.New("chain: Config.Env needs Clock, Uniform, Log and Go"))
	}
	ch := &Chain{env: c.Env, draws: c.Uniform, next: c.Next, yours: c.Yours}
	for _, p := range c.Patterns {
		if p.Side == lab.Client {
			continue
		}
		k, err := p.Settings(nil)
		if err != nil {
			faults = append(faults, fmt.Errorf("chain: default knobs: %w", err))
			continue
		}
		counters := c.Counters[p.Name]
		if counters == nil {
			counters = lab.NewCounters()
		}
		ch.slots = append(ch.slots, &slot{pattern: p, counters: counters, knobs: k})
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	ch.publish()
	return ch, nil
}

// Serve implements lab.Handler by passing r through the patterns that are on.
func (c *Chain) Serve(ctx context.Context, r *lab.Request) lab.Response {
	return c.head.Load().first.Serve(ctx, r)
}

// Set applies changes, all or none. A pattern that changes starts fresh; the
// others keep their state. The change holds for every request that arrives
// after Set returns.
func (c *Chain) Set(changes ...Change) error {
	p, err := c.Prepare(changes...)
	if err != nil {
		return err
	}
	return p.Commit()
}

// Prepared is a change that is ready to take effect. Exactly one of Commit and
// Cancel must be called; the chain takes no other change before that.
type Prepared struct {
	chain *Chain
	fresh map[*slot]*slot // what each changed slot becomes
}

// Prepare checks changes and builds what they need, so that several instances
// can be changed together or not at all.
func (c *Chain) Prepare(changes ...Change) (*Prepared, error) {
	c.mu.Lock()
	p := &Prepared{chain: c, fresh: map[*slot]*slot{}}
	for _, change := range changes {
		if err := p.add(change); err != nil {
			return nil, errors.Join(err, p.Cancel())
		}
	}
	for _, s := range p.fresh {
		if err := c.build(s); err != nil {
			return nil, errors.Join(err, p.Cancel())
		}
	}
	return p, nil
}

func (p *Prepared) add(change Change) error {
	i := slices.IndexFunc(p.chain.slots, func(s *slot) bool { return s.pattern.Name == change.Pattern })
	if i < 0 {
		return fmt.Errorf("%w: no pattern %q in the chain", ErrUnknown, change.Pattern)
	}
	old := p.chain.slots[i]
	s := p.fresh[old]
	if s == nil {
		s = &slot{pattern: old.pattern, counters: old.counters, state: old.state, knobs: old.knobs}
	}
	if change.State != nil {
		s.state = *change.State
	}
	if len(change.Knobs) > 0 {
		// A copy by way of text, so that the running pattern's knobs stay as they are.
		merged := map[string]any{}
		for name, value := range knob.Values(s.knobs) {
			merged[name] = value
		}
		for name, value := range change.Knobs {
			merged[name] = value
		}
		k, err := s.pattern.Settings(merged)
		if err != nil {
			return err
		}
		s.knobs = k
	}
	p.fresh[old] = s
	return nil
}

// ErrUnknown is returned for a pattern that the chain does not have.
var ErrUnknown = errors.New("unknown pattern")

func (c *Chain) build(s *slot) error {
	if s.state == lab.Off {
		return nil
	}
	env := c.env
	env.Counters = s.counters
	if c.draws != nil {
		env.Uniform = c.draws(s.pattern.Name)
	}
	live, err := c.open(s, env)
	if err != nil {
		return fmt.Errorf("pattern %s: %w", s.pattern.Name, err)
	}
	s.live = live
	return nil
}

// errNotPlugged says why a pattern cannot be yours.
var errNotPlugged = errors.New("no accepted solution is plugged in; pass its exercise first")

// open makes the pattern of a slot: ours, or one around a learner's solution.
func (c *Chain) open(s *slot, env lab.Env) (lab.Live, error) {
	if s.state != lab.Yours {
		return s.pattern.New(env, s.knobs)
	}
	var solution lab.Solution
	if c.yours != nil {
		solution = c.yours(s.pattern.Name)
	}
	if solution == nil || s.pattern.Yours == nil {
		return nil, errNotPlugged
	}
	return s.pattern.Yours(env, s.knobs, solution)
}

// Commit makes the change and closes what it replaced. Its error is that of
// closing: the change itself has happened.
func (p *Prepared) Commit() error {
	var retired []lab.Live
	for i, old := range p.chain.slots {
		if s := p.fresh[old]; s != nil {
			p.chain.slots[i] = s
			if old.live != nil {
				retired = append(retired, old.live)
			}
		}
	}
	p.chain.publish()
	p.chain.mu.Unlock() // closing may wait for work to end; the chain serves and answers meanwhile
	var faults []error
	for _, l := range retired {
		faults = append(faults, l.Close())
	}
	return errors.Join(faults...)
}

// Cancel forgets the change.
func (p *Prepared) Cancel() error {
	p.chain.mu.Unlock()
	var faults []error
	for _, s := range p.fresh {
		if s.live != nil {
			faults = append(faults, s.live.Close())
		}
	}
	return errors.Join(faults...)
}

// publish compiles the slots, last first, and makes the result current.
func (c *Chain) publish() {
	h := c.next
	for _, s := range slices.Backward(c.slots) {
		if s.live != nil {
			h = s.live.Wrap(h, s.state)
		}
	}
	c.head.Store(&compiled{first: h})
}

// Slots returns the chain as it stands at now, in order.
func (c *Chain) Slots(now time.Duration) []Slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Slot, len(c.slots))
	for i, s := range c.slots {
		out[i] = Slot{Pattern: s.pattern, State: s.state, Knobs: s.knobs, Counters: s.counters}
		if s.live != nil {
			out[i].Gauges = s.live.Gauges(now)
		}
	}
	return out
}

// Live returns the pattern at work under name, or nil when it is off or not in
// the chain.
func (c *Chain) Live(name string) lab.Live {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.slots {
		if s.pattern.Name == name {
			return s.live
		}
	}
	return nil
}

// Close switches everything off and closes it. Requests inside finish.
func (c *Chain) Close() error {
	c.mu.Lock()
	var retired []lab.Live
	for _, s := range c.slots {
		if s.live != nil {
			retired = append(retired, s.live)
			s.live, s.state = nil, lab.Off
		}
	}
	c.publish()
	c.mu.Unlock()
	var faults []error
	for _, l := range retired {
		faults = append(faults, l.Close())
	}
	return errors.Join(faults...)
}
