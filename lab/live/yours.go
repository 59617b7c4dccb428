package live

import (
	"errors"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/lab/chain"
)

// Plug makes a solution the state "yours" of a pattern, in this run and those
// that follow. Where another one is at work it takes its place at once.
func (l *Lab) Plug(pattern string, s lab.Solution) error {
	p, ok := catalog.Find(pattern)
	switch {
	case !ok:
		return fmt.Errorf("%w: pattern %q", ErrUnknown, pattern)
	case p.Yours == nil:
		return fmt.Errorf("%w: pattern %s does not hand its decision over", ErrConflict, pattern)
	}
	return l.swap(pattern, s, lab.Yours, fmt.Sprintf("%s: the solution of %s is plugged in", pattern, s.Name()))
}

// Unplug forgets a pattern's solution. Where it is at work ours takes its place.
func (l *Lab) Unplug(pattern string) error {
	if l.solution(pattern) == nil {
		return nil
	}
	return l.swap(pattern, nil, lab.On, pattern+": the solution is unplugged")
}

// swap replaces a pattern's solution, and puts a slot that is yours into a state
// with the new one. When that fails the old one stays.
func (l *Lab) swap(pattern string, s lab.Solution, into lab.State, text string) error {
	l.change.Lock()
	defer l.change.Unlock()
	if l.closed.Load() {
		return ErrClosed
	}
	old := l.solution(pattern)
	l.setSolution(pattern, s)
	r, err := l.current()
	if err != nil {
		return nil // nothing runs: the next run has it
	}
	if r.stateOf(pattern) == lab.Yours {
		if err := r.setAll([]chain.Change{{Pattern: pattern, State: &into}}); err != nil {
			l.setSolution(pattern, old)
			return errors.Join(fmt.Errorf("%w: the solution could not take its place", ErrConflict), err)
		}
	}
	r.noteHand(text)
	l.announce()
	return nil
}

func (l *Lab) setSolution(pattern string, s lab.Solution) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.solutions == nil {
		l.solutions = map[string]lab.Solution{}
	}
	if s == nil {
		delete(l.solutions, pattern)
		return
	}
	l.solutions[pattern] = s
}

// solution returns what is plugged in for a pattern, or nil.
func (l *Lab) solution(pattern string) lab.Solution {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.solutions[pattern]
}

// Plugged names the exercise whose solution is plugged in; empty: none.
func (l *Lab) Plugged(pattern string) string {
	if s := l.solution(pattern); s != nil {
		return s.Name()
	}
	return ""
}

// Remark says something beside a pattern, in this run and those that follow;
// empty: nothing any more.
func (l *Lab) Remark(pattern, text string) {
	l.mu.Lock()
	if l.remarks == nil {
		l.remarks = map[string]string{}
	}
	old := l.remarks[pattern]
	l.remarks[pattern] = text
	l.mu.Unlock()
	r, err := l.current()
	if err != nil || old == text {
		return // nothing runs: the next run says it
	}
	if text != "" {
		r.note(pattern + ": " + text)
	}
	l.announce()
}

func (l *Lab) remark(pattern string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.remarks[pattern]
}

// stateOf returns the state of a server-side pattern.
func (r *run) stateOf(pattern string) lab.State {
	for _, s := range r.slots(r.clock.Now()) {
		if s.Pattern.Name == pattern {
			return s.State
		}
	}
	return lab.Off
}

// guards says which solutions of an instance do not decide now, and why; empty:
// all that are plugged in do.
func (m *member) guards(now time.Duration) string {
	for _, s := range m.chain.Slots(now) {
		if s.State != lab.Yours {
			continue
		}
		for _, g := range s.Gauges {
			if g.Name == lab.GaugeGuard && g.Value > 0 {
				return s.Pattern.Name + " yours: " + g.Text
			}
		}
	}
	return ""
}

func notPlugged(field string) error {
	return &FieldError{Field: field, Got: "yours", Want: "off, shadow or on: no accepted solution is plugged in; pass its exercise first"}
}
