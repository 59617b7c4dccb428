package live

import (
	"errors"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/clientbackoff"
	"workbench/lab/pattern/clientbudget"
	"workbench/sim/arrival"
	"workbench/sim/load"
)

// renewal is how far ahead the traffic's end is pushed while somebody is there:
// a lab that loses its server goes silent by itself.
const renewal = 5 * time.Minute

// startTraffic starts the generator and the goroutine that reads its frames.
func (r *run) startTraffic() error {
	plan := planOf(r.spec, r.seed)
	plan.Target, plan.Client = r.front.Addr(), r.clientHabits()
	if !r.timed {
		plan.Schedule, plan.Duration = calm(r.spec.Traffic), renewal
	}
	plan.Trace = *r.tracing()
	traffic, err := r.lab.cfg.Generator(r.life, plan)
	if err != nil {
		return fmt.Errorf("start the traffic: %w", err)
	}
	r.plan, r.traffic, r.began = plan, traffic, r.clock.Now()
	r.shifted = r.began
	go r.pump()
	return nil
}

// calm returns the part of a schedule before its event: the first phase.
func calm(s arrival.Schedule) arrival.Schedule {
	if len(s) <= 1 {
		return s
	}
	return s[:1]
}

func (r *run) duration() time.Duration { return min(r.spec.Traffic.Duration(), load.MaxDuration) }

// clientHabits returns how the simulated users behave under the client-side
// patterns as they stand.
func (r *run) clientHabits() load.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.spec.Clients
	c.Backoff, c.BackoffCap, c.Jitter, c.RetryAfter, c.Budget = 0, 0, false, false, 0
	for _, s := range r.clients {
		if s.state != lab.On {
			continue
		}
		switch k := s.knobs.(type) {
		case *clientbackoff.Knobs:
			k.Apply(&c)
		case *clientbudget.Knobs:
			k.Apply(&c)
		}
	}
	return c
}

// setClient changes a client-side pattern and tells the generator. The caller
// holds the lab's change lock.
func (r *run) setClient(name string, state lab.State, knobs any) error {
	if state == lab.Shadow {
		return &FieldError{Field: "state", Got: state.String(), Want: "off or on: the simulated clients have no shadow"}
	}
	r.mu.Lock()
	s := r.clients[name]
	before := *s
	s.state, s.knobs = state, knobs
	r.mu.Unlock()
	habits := r.clientHabits()
	err := r.apply(load.Change{Client: &habits})
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		*s = before
		return err
	}
	r.plan.Client = habits
	return nil
}

// pump reads the generator's frames until it ends. close waits for it.
func (r *run) pump() {
	defer close(r.pumped)
	second, v := time.Duration(0), newVigil(r.clock)
	for f := range r.traffic.Frames() {
		r.lab.observe.tracer.Client(r.salt(), r.ops, f.Spans)
		frame := r.tape.Add(f, r.read(), r.ops)
		r.watchOver(v, frame)
		r.lab.tell(Event{Frame: &frame})
		if now := f.T.Truncate(time.Second); now > second { // frames end when they end, and not on the second
			second = now
			r.lab.keepAlive(r)
			r.lab.look()
			r.lab.announce()
		}
	}
	if err := r.traffic.Wait(); err != nil {
		r.finish(stopped, "the traffic generator stopped: "+err.Error())
		return
	}
	r.finish(finished, "")
}

// finish moves the run to a phase that it does not leave, once.
func (r *run) finish(phase, why string) {
	r.mu.Lock()
	if r.phase == finished || r.phase == stopped {
		r.mu.Unlock()
		return
	}
	r.phase, r.why = phase, why
	close(r.over)
	r.mu.Unlock()
	r.lab.announce()
}

// apply changes the traffic. The generator names the field that it refuses.
func (r *run) apply(c load.Change) error {
	err := r.traffic.Apply(c)
	if errors.Is(err, load.ErrEnded) {
		return fmt.Errorf("%w: the traffic has ended; start a scenario", ErrConflict)
	}
	return invalid(err)
}

// turn sets the phase, running or paused, and the dial.
func (r *run) turn(phase string, dial float64) error {
	factor := dial
	if phase == paused {
		factor = 0
	}
	if err := r.apply(load.Change{Factor: &factor}); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == running || r.phase == paused { // it may have ended meanwhile
		r.phase, r.why = phase, ""
	}
	r.factor = dial
	return nil
}

// burst multiplies the traffic for a while.
func (r *run) burst(s load.Spike) (string, error) {
	if err := r.apply(load.Change{Spike: &s}); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spike, r.spikeEnd = s, r.clock.Now()+s.For
	return burstText(s), nil
}

func burstText(s load.Spike) string { return fmt.Sprintf("spike ×%.3g for %v", s.Factor, s.For) }

// keepAlive pushes the traffic's end away while somebody is there, and pauses
// it when nobody has been for the idle time. Timed runs end by themselves.
func (l *Lab) keepAlive(r *run) {
	if r.timed {
		return
	}
	now := l.clock.Now()
	l.mu.Lock()
	if len(l.readers) > 0 {
		l.active = now
	}
	idle := now - l.active
	l.mu.Unlock()
	change := load.Change{Extend: new(renewal)}
	r.mu.Lock()
	rest := idle > l.cfg.Idle && r.phase == running
	r.mu.Unlock()
	if rest {
		change.Factor = new(0.0)
	}
	if err := r.traffic.Apply(change); err != nil {
		if !errors.Is(err, load.ErrEnded) {
			l.cfg.Log.Warn("traffic not extended", "error", err)
		}
		return
	}
	if !rest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == running {
		r.phase, r.why = paused, "nobody was watching; press Resume"
	}
}
