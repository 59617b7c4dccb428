package grade

import (
	"time"

	"workbench/exercises/shelf"
)

// State is how an attempt ended, or a test.
type State string

const (
	CompileError State = "compile-error"
	Rejected     State = "rejected" // by the gate, or caught at forging
	Fail         State = "fail"
	Race         State = "race"
	Leak         State = "leak"
	Timeout      State = "timeout"
	Memory       State = "memory"
	Pass         State = "pass"
	NotRun       State = "not-run"     // a test only
	NotChecked   State = "not-checked" // a test only: the machine cannot
)

// Finding says whether something was found, if it was looked for.
type Finding string

const (
	Clean     Finding = "clean"
	Found     Finding = "found"
	Unchecked Finding = "not checked"
)

// Case is one test, or the benchmark.
type Case struct {
	Name     string
	Task     string // its task's id
	Kind     shelf.Kind
	State    State
	Points   int    // got
	Of       int    // to be had
	Message  string // which invariant is broken, in the test's words
	Expected string // what the test wanted, when its words say so
	Got      string
	Trace    []Moment // what the test did before it complained, at which instant: the last of it
	Earlier  int      // moments before those, which are left out
	At       string   // file:line
	Hint     string   // the first rung of the task, when the test did not pass
	Duration time.Duration
}

// OK reports whether the test passed.
func (c Case) OK() bool { return c.State == Pass }

// Verdict is what the grader says of one attempt.
type Verdict struct {
	Exercise string
	State    State
	Accepted bool
	Reason   string // in one line, beginning with the state
	Score    int
	Of       int // 100, or less when part of it cannot be checked here
	Cases    []Case
	Race     Finding
	Leak     Finding
	Runs     int    // that were made
	Seed     uint64 // of the first run's order; each further run has the next one
	Output   string // what the answer printed
	Advice   []string
	Lesson   string // of the known wrong answer that fails the same tests
	Duration time.Duration
}

// Event is a step of an attempt, for whoever watches it.
type Event struct {
	Stage string // "gate", "warm", "build", "run", "test", "bench"
	Text  string
	Run   int // of the tests, from 1
	Runs  int
	Test  string
	OK    bool // of the test
}
