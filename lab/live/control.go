package live

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/knob"
	"workbench/lab/scenario"
	"workbench/sim/load"
)

// How long accepted work may take when its run ends: not long when another run
// takes its place, and as long as the caller allows when the lab is closed.
const (
	replaceGrace = 100 * time.Millisecond
	closeGrace   = 10 * time.Second
)

// Load stops what runs and starts a scenario calmly: its event waits for Spike.
// A scenario that is refused leaves what runs alone, and a rehearsal is not
// ended by it: that takes a person's word. When one that was accepted
// cannot be started after all, the lab is without one and the error says why.
func (l *Lab) Load(ctx context.Context, c ScenarioChange) (State, error) {
	s, err := l.prepare(c)
	if err != nil {
		return State{}, err
	}
	l.change.Lock()
	defer l.change.Unlock()
	if err := l.free(); err != nil {
		return State{}, err
	}
	if err := l.replace(ctx, s); err != nil {
		return State{}, err
	}
	l.announce()
	return l.State(), nil
}

// replace ends the current run and begins another. l.change must be held.
func (l *Lab) replace(ctx context.Context, s settings) error {
	if l.closed.Load() {
		return ErrClosed
	}
	if err := l.stop(ctx, "another scenario was started", replaceGrace); err != nil {
		l.cfg.Log.Warn("the last run did not end cleanly", "error", err)
	}
	l.observe.tracer.Store().Clear() // what follows is another service: its requests are not to stand among the last one's
	r, err := l.begin(ctx, s)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	l.active = l.clock.Now()
	l.run = r
	return nil
}

// SetPattern changes one pattern's state, its knobs or both.
func (l *Lab) SetPattern(_ context.Context, name string, c PatternChange) (State, error) {
	return l.alter(func(r *run) (string, error) {
		at := slices.IndexFunc(r.patterns(), func(p lab.Pattern) bool { return p.Name == name })
		if at < 0 {
			return "", fmt.Errorf("%w: pattern %q", ErrUnknown, name)
		}
		p := r.patterns()[at]
		switch {
		case c.State == nil && len(c.Knobs) == 0:
			return "", &FieldError{Field: "state", Got: "nothing", Want: "a state, knobs, or both"}
		case c.State != nil && *c.State == lab.Yours && l.solution(name) == nil:
			return "", notPlugged("state")
		case p.Side == lab.Client:
			return r.changeClient(p, c)
		case p.Front:
			if err := r.edge.change(r.ctx, c.State, c.Knobs); err != nil {
				return "", invalid(err)
			}
			return changeText(name, c), nil
		}
		if err := r.setAll([]chain.Change{{Pattern: name, State: c.State, Knobs: c.Knobs}}); err != nil {
			return "", invalid(err)
		}
		return changeText(name, c), nil
	})
}

func (r *run) changeClient(p lab.Pattern, c PatternChange) (string, error) {
	r.mu.Lock()
	s := *r.clients[p.Name]
	r.mu.Unlock()
	if len(c.Knobs) > 0 {
		merged := map[string]any{}
		for name, v := range knob.Values(s.knobs) {
			merged[name] = v
		}
		maps.Copy(merged, c.Knobs)
		k, err := p.Settings(merged)
		if err != nil {
			return "", invalid(err)
		}
		s.knobs = k
	}
	if c.State != nil {
		s.state = *c.State
	}
	if err := r.setClient(p.Name, s.state, s.knobs); err != nil {
		return "", err
	}
	return changeText(p.Name, c), nil
}

func changeText(name string, c PatternChange) string {
	text := name
	if c.State != nil {
		text += " " + c.State.String()
	}
	for _, k := range slices.Sorted(maps.Keys(c.Knobs)) {
		text += fmt.Sprintf(" %s=%v", k, c.Knobs[k])
	}
	return text
}

// SetFault switches a fault. Ending one that is not there changes nothing.
func (l *Lab) SetFault(_ context.Context, name string, c FaultChange) (State, error) {
	return l.alter(func(r *run) (string, error) { return r.setFault(name, c) })
}

// Spike multiplies the traffic for a while. A zero Spike plays the scenario's
// own event instead, from its beginning, and locks the prediction.
func (l *Lab) Spike(_ context.Context, s load.Spike) (State, error) {
	return l.alter(func(r *run) (string, error) {
		if err := r.open(); err != nil {
			return "", err
		}
		switch {
		case s == (load.Spike{}):
			return r.play()
		case !(s.Factor >= 0 && s.Factor <= 100):
			return "", &FieldError{Field: "factor", Got: fmt.Sprint(s.Factor), Want: "a number from 0 to 100"}
		case s.For < 100*time.Millisecond || s.For > 5*time.Minute:
			return "", &FieldError{Field: "for", Got: s.For.String(), Want: "a duration from 100ms to 5m"}
		}
		return r.burst(s)
	})
}

// open returns why the run's traffic cannot be changed any more.
func (r *run) open() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == finished || r.phase == stopped {
		return fmt.Errorf("%w: the run is %s; start a scenario", ErrConflict, r.phase)
	}
	return nil
}

// SetTraffic turns the dial, pauses or resumes. The dial keeps its place while
// the traffic is paused.
func (l *Lab) SetTraffic(_ context.Context, c TrafficChange) (State, error) {
	return l.alter(func(r *run) (string, error) {
		switch {
		case c.Factor == nil && c.Phase == nil:
			return "", &FieldError{Field: "factor", Got: "nothing", Want: "a factor, a phase, or both"}
		case c.Factor != nil && !(*c.Factor >= 0 && *c.Factor <= 100):
			return "", &FieldError{Field: "factor", Got: fmt.Sprint(*c.Factor), Want: "a number from 0 to 100"}
		case c.Phase != nil && *c.Phase != running && *c.Phase != paused:
			return "", &FieldError{Field: "phase", Got: strconv.Quote(*c.Phase), Want: "running or paused"}
		}
		if err := r.open(); err != nil {
			return "", err
		}
		r.mu.Lock()
		phase, dial := r.phase, r.factor
		r.mu.Unlock()
		text := ""
		if c.Factor != nil {
			dial = *c.Factor
			text = fmt.Sprintf("traffic ×%.3g", dial)
		}
		if c.Phase != nil && *c.Phase != phase {
			phase = *c.Phase
			text = map[string]string{running: "traffic resumed", paused: "traffic paused"}[phase]
		}
		if err := r.turn(phase, dial); err != nil {
			return "", err
		}
		return text, nil
	})
}

// Predict commits the learner's answer. It cannot be taken back.
func (l *Lab) Predict(_ context.Context, choice int) (State, error) {
	return l.alter(func(r *run) (string, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch p := r.predict; {
		case p == nil:
			return "", fmt.Errorf("%w: this scenario asks for no prediction", ErrConflict)
		case p.Chosen != nil:
			return "", fmt.Errorf("%w: the prediction is made and cannot be taken back", ErrConflict)
		case p.Locked:
			return "", fmt.Errorf("%w: the prediction is locked since the event began", ErrConflict)
		case choice < 0 || choice >= len(p.Options):
			return "", &FieldError{Field: "choice", Got: strconv.Itoa(choice), Want: fmt.Sprintf("a number from 0 to %d", len(p.Options)-1)}
		default:
			p.Chosen, p.Locked = &choice, true
			return "prediction: " + p.Options[choice].Text, nil
		}
	})
}

// alter makes one change: it is tried, and if it holds it gets a version and a
// marker and is told to every page. A change without a text was none.
func (l *Lab) alter(change func(*run) (string, error)) (State, error) {
	l.change.Lock()
	defer l.change.Unlock()
	r, err := l.current()
	if err != nil {
		return State{}, err
	}
	if err := l.free(); err != nil {
		return State{}, err
	}
	l.touch()
	text, err := change(r)
	if err != nil {
		return State{}, err
	}
	if text != "" {
		r.noteHand(text)
		l.announce()
	}
	return l.State(), nil
}

// note adds a marker of what came about by itself, under a new version.
func (r *run) note(text string) { r.write(text, false) }

// noteHand adds a marker of what somebody did.
func (r *run) noteHand(text string) { r.write(text, true) }

func (r *run) write(text string, hand bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	version := r.lab.bump() // under mu, so that markers stand in the order of their versions
	const most = 200
	if len(r.markers) == most {
		r.markers = append(r.markers[:0], r.markers[1:]...)
	}
	r.markers = append(r.markers, scenario.Change{Version: version, At: r.since(), Text: text, Hand: hand})
}

// announce sends the state to every page. One at a time: else a page could get
// an older state after a newer one.
func (l *Lab) announce() {
	l.telling.Lock()
	defer l.telling.Unlock()
	s := l.State()
	l.tell(Event{State: &s})
}

func (l *Lab) currentVersion() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version
}
