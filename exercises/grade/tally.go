package grade

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
)

// tally gathers what rounds say of each expected test. A test that has once
// failed stays failed.
type tally struct {
	e      shelf.Exercise
	order  []string
	cases  map[string]*Case
	races  int
	leaks  bool
	forged bool
	failed bool
}

func (t *tally) expect(name string) {
	t.order = append(t.order, name)
	c := &Case{Name: name, State: NotRun}
	if task, ok := t.e.Task(name); ok {
		c.Task, c.Kind = task.ID, task.Kind
		c.Of = share(task, name)
		if len(task.Hints) > 0 {
			c.Hint = task.Hints[0]
		}
	}
	t.cases[name] = c
}

// share returns how many of a task's points one of its tests has: the same for
// all, and what is left over for the first.
func share(task shelf.Task, name string) int {
	n, i := len(task.Tests), slices.Index(task.Tests, name)
	points := task.Points / n
	if i < task.Points%n {
		points++
	}
	return points
}

// broken reports whether there is nothing to be gained by more runs.
func (t *tally) broken() bool { return t.failed || t.forged || t.races > 0 || t.leaks }

// blame gives a test a state other than pass, unless it has one already.
func (t *tally) blame(name string, state State, s said) {
	t.failed = true
	c := t.cases[name]
	if c.State != Pass && c.State != NotRun {
		return
	}
	c.State, c.Message, c.At, c.Expected, c.Got = state, s.message, s.at, s.expected, s.got
	c.Trace, c.Earlier = s.trail.moments, s.trail.earlier
}

// skip says that tests did not run.
func (t *tally) skip(names []string, why string) {
	t.failed = true
	for _, name := range names {
		t.cases[name].State, t.cases[name].Message = NotRun, why
	}
}

// add takes in one round and returns the tests that have never come to an end
// and are not to blame for that.
func (t *tally) add(r *round, what plan, limits sandbox.Limits) []string {
	t.races += r.races
	if r.forged {
		t.forged = true
		t.skip(what.tests, "the program wrote to the judge's report")
		return nil
	}
	words := attribute(r.words)
	for i := range r.passes {
		t.pass(r, &r.passes[i], what.tests, words, limits)
	}
	if r.done && len(r.passes) < what.runs && !t.broken() {
		t.skip(what.tests, "the program said that it was done before its time")
		return nil
	}
	var rest []string
	for _, name := range what.tests {
		if t.cases[name].State == NotRun && t.cases[name].Message == "" {
			rest = append(rest, name)
		}
	}
	if len(rest) == len(what.tests) { // it never came to a test
		state, s := t.ending(r, limits)
		for _, name := range rest {
			t.blame(name, state, s)
		}
		return nil
	}
	if !r.done && !t.broken() { // it ended between two tests
		state, s := t.ending(r, limits)
		t.blame(what.tests[0], state, s)
	}
	return rest
}

// pass takes in one run of all tests. In a whole one every test must have been
// seen; in one that broke off, those that had begun are to blame.
func (t *tally) pass(r *round, p *pass, tests []string, words map[string]said, limits sandbox.Limits) {
	for _, name := range tests {
		one, ended := p.ended[name]
		switch {
		case ended:
			t.ended(name, one, words[name], r)
		case p.whole:
			t.skip([]string{name}, "the program said that it was done without this test")
		case slices.Contains(p.begun, name):
			t.fallen(name, r, words[name], limits)
		}
	}
}

// ended takes in a test that came to its end.
func (t *tally) ended(name string, one record, s said, r *round) {
	c := t.cases[name]
	c.Duration = max(c.Duration, one.duration)
	switch {
	case one.races > 0:
		race := said{message: raced(r.Stderr), trail: s.trail}
		if s.message != "" && !strings.HasPrefix(s.message, "race detected") {
			race.message = strings.TrimPrefix(race.message+"; "+s.message, "; ")
			race.at, race.expected, race.got = s.at, s.expected, s.got
		}
		t.blame(name, Race, race)
	case one.failed:
		if s.message == "" {
			s.message = "the test failed without saying why"
		}
		t.blame(name, Fail, s)
	case one.skipped:
		t.blame(name, Fail, said{message: "the test was skipped: " + s.message, trail: s.trail})
	case len(one.leaks) > 0 && t.e.Checks.Leaks:
		t.leaks = true
		t.blame(name, Leak, said{message: "goroutines are still there after the test; one was started at " + one.leaks[0], at: one.leaks[0], trail: s.trail})
	case c.State == NotRun:
		c.State = Pass
	}
}

// fallen takes in a test in which the process ended.
func (t *tally) fallen(name string, r *round, before said, limits sandbox.Limits) {
	state, s := t.ending(r, limits)
	s.trail = before.trail
	if state == Leak {
		t.leaks = true
	}
	if state == Timeout && limits.Wall < t.e.Limits.Run() {
		t.skip([]string{name}, "the time for all tests was used up by others") // it had less than it may take
		return
	}
	t.blame(name, state, s)
}

// ending says why a process ended before it was done.
func (t *tally) ending(r *round, limits sandbox.Limits) (State, said) {
	switch {
	case r.Cause == sandbox.TooLong:
		s := said{message: fmt.Sprintf("did not come to an end within %v", limits.Wall), at: stuck(r.Stderr)}
		return Timeout, s
	case r.Cause == sandbox.TooBig:
		return Memory, said{message: fmt.Sprintf("used more than the %d MiB of memory that it may", limits.Memory>>20)}
	case r.Cause == sandbox.TooLoud || r.loud:
		return Fail, said{message: fmt.Sprintf("printed more than %d KiB", limits.Output>>10)}
	}
	s := crash(r.Stderr)
	switch {
	case strings.Contains(s.message, "blocked goroutines remain") || strings.Contains(s.message, "all goroutines in bubble are blocked"):
		s.message = "goroutines wait for ever when the test is over"
		return Leak, s
	case starved(s.message, r.Stderr):
		s.message = fmt.Sprintf("asked for more memory than the %d MiB that it may use", limits.Memory>>20)
		return Memory, s
	case s.message != "":
		return Fail, s
	case r.Signal != "":
		return Fail, said{message: "the program was ended by a signal: " + r.Signal}
	}
	return Fail, said{message: fmt.Sprintf("the program ended with status %d in the middle of the tests: an answer must not end the process", r.Code)}
}

// starved reports whether a program ended because it asked for more addresses
// than it may have, as the runtime and the race detector say it.
func starved(message string, stderr []byte) bool {
	for _, text := range []string{"out of memory", "cannot allocate memory", "too many address space collisions"} {
		if strings.Contains(message, text) {
			return true
		}
	}
	return bytes.Contains(stderr, []byte("ThreadSanitizer failed to allocate"))
}
