package load

import (
	"errors"
	"time"
)

var (
	// ErrEnded is returned by Apply when the run is over or ending.
	ErrEnded = errors.New("the run has ended")
	errStop  = errors.New("stopped on request") // why a run was cut short; not an error of it
)

// apply carries a change out whole, or returns an error and changes nothing.
func (e *engine) apply(c Change) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over || e.ctx.Err() != nil {
		return ErrEnded
	}
	now := e.clk.Now()
	spike := 1.0
	if now < e.spiked {
		spike = e.spike.Factor
	}
	rate := e.plan.Schedule.Max()
	if len(c.Schedule) > 0 {
		rate = c.Schedule.Max()
	}
	if err := c.check(rate, e.factor, spike); err != nil {
		return err
	}
	if c.Stop {
		e.cancel(errStop)
		return nil
	}
	if err := e.turn(c, now); err != nil {
		return err
	}
	if c.Client != nil {
		habits := *c.Client
		habits.fill()
		e.behave(habits)
	}
	if c.Trace != nil {
		e.trail(*c.Trace)
	}
	if c.Extend != nil {
		e.end = now + *c.Extend
	}
	return nil
}

// turn sets the schedule, the dial and the spike. What is due already leaves at
// the old rate; the arrival announced for later is drawn anew. The caller holds
// mu, and check has refused what the calls below would.
func (e *engine) turn(c Change, now time.Duration) error {
	if c.Factor == nil && c.Spike == nil && len(c.Schedule) == 0 || e.plan.Closed {
		return nil
	}
	e.admit(now)
	if len(c.Schedule) > 0 {
		if err := e.src.process.SetSchedule(now, c.Schedule); err != nil {
			return err
		}
		e.plan.Schedule = c.Schedule
	}
	if c.Factor != nil {
		if err := e.src.process.SetFactor(now, *c.Factor); err != nil {
			return err
		}
		e.factor = *c.Factor
	}
	if s := c.Spike; s != nil {
		if err := e.src.process.Spike(now, s.Factor, s.For); err != nil {
			return err
		}
		e.spike, e.spiked = *s, now+s.For
	}
	e.src.advance(now)
	return nil
}
