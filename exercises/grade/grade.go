package grade

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
	"workbench/sim/clock"
)

// Grader grades attempts. It is safe for concurrent use, but each attempt uses
// all processors for a while: whoever serves many learners queues them.
type Grader struct {
	box    *sandbox.Box
	tools  toolchain
	clock  clock.Clock
	noGate bool // tests of the sandbox alone
}

// New returns a grader that runs answers in a box. The error wraps ErrNoGo when
// there is no toolchain.
func New(ctx context.Context, box *sandbox.Box) (*Grader, error) {
	tools, err := find(ctx)
	if err != nil {
		return nil, err
	}
	sweep(os.TempDir())
	return &Grader{box: box, tools: tools, clock: clock.NewWall()}, nil
}

// RaceLacks says why races cannot be looked for here, and what to do; empty
// when they can.
func (g *Grader) RaceLacks() string { return g.tools.raceLacks }

// Options say how to grade.
type Options struct {
	Seed   uint64      // of the order of the tests; 0: one by chance, which the verdict names
	Advice bool        // run vet as well
	Tell   func(Event) // hears of each step; may be nil. It is called from several goroutines, one at a time
}

// Grade judges the answer in a directory. When ctx ends, so does every process
// of the attempt, and its error comes back. An error says that the attempt
// could not be judged, for no fault of the answer's.
func (g *Grader) Grade(ctx context.Context, e shelf.Exercise, dir string, o Options) (Verdict, error) {
	began := g.clock.Now()
	a, err := g.attempt(e, o)
	if err != nil {
		return Verdict{}, err
	}
	defer a.clean()
	if err := a.judge(ctx, dir); err != nil {
		if ended := ctx.Err(); ended != nil {
			return Verdict{}, ended
		}
		return Verdict{}, fmt.Errorf("grade %s: %w", e.Slug, err)
	}
	a.verdict.Duration = g.clock.Now() - began
	a.conclude()
	return a.verdict, nil
}

// attempt is one answer on its way to a verdict.
type attempt struct {
	g       *Grader
	e       shelf.Exercise
	o       Options
	tree    string   // where it is built
	race    bool     // the tests are built with the race detector
	tests   []string // expected
	verdict Verdict
	tally   tally

	mu sync.Mutex // serialises Tell
}

func (g *Grader) attempt(e shelf.Exercise, o Options) (*attempt, error) {
	a := &attempt{g: g, e: e, o: o, race: e.Checks.Race && g.tools.race}
	suites, err := e.Suites()
	if err != nil {
		return nil, err
	}
	for _, s := range suites {
		a.tests = append(a.tests, s.Tests...)
	}
	if len(a.tests) == 0 {
		return nil, fmt.Errorf("exercise %s has no tests", e.Slug)
	}
	a.o.Seed %= 1 << 62
	if a.o.Seed == 0 {
		a.o.Seed = chance()
	}
	a.verdict = Verdict{Exercise: e.Slug, Seed: a.o.Seed, Race: Unchecked, Leak: Unchecked}
	a.tally = tally{e: e, cases: map[string]*Case{}}
	for _, name := range a.tests {
		a.tally.expect(name)
	}
	if a.tree, err = os.MkdirTemp("", fmt.Sprintf("%s%d-", treePrefix, os.Getpid())); err != nil {
		return nil, fmt.Errorf("stage the attempt: %w", err)
	}
	return a, nil
}

func (a *attempt) clean() { os.RemoveAll(a.tree) }

// tell reports a step.
func (a *attempt) tell(e Event) {
	if a.o.Tell == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.o.Tell(e)
}

// judge takes the answer as far as it gets.
func (a *attempt) judge(ctx context.Context, dir string) error {
	a.tell(Event{Stage: "gate", Text: "reading the answer"})
	files, err := a.admit(dir)
	if err != nil || a.verdict.State != "" {
		return err
	}
	tree, err := layout(a.e, files)
	if err != nil {
		return err
	}
	if err := write(a.tree, tree); err != nil {
		return err
	}
	if err := a.g.warm(ctx, a.e, a.race, false, a.tell); err != nil {
		return err
	}
	a.tell(Event{Stage: "build", Text: "compiling"})
	advice := make(chan []string, 1)
	if a.o.Advice {
		go func() { advice <- a.g.advise(ctx, a.e, a.tree) }()
	} else {
		advice <- nil
	}
	program, objection, state, err := a.compile(ctx)
	switch {
	case err != nil:
	case objection != "":
		a.settle(state, objection)
	default:
		err = a.run(ctx, program)
	}
	a.verdict.Advice = <-advice // it has ended before the tree is removed
	return err
}

// compile builds the tests. A build that breaks its limits is tried once more
// if that was for want of a warm cache.
func (a *attempt) compile(ctx context.Context) (program, objection string, state State, err error) {
	program, objection, state, err = a.g.build(ctx, a.e, a.tree, a.race)
	if err != nil || state != Timeout && state != Memory {
		return program, objection, state, err
	}
	cold, err := a.g.cold(ctx, a.e, a.race, a.tell)
	if err != nil || !cold {
		return program, objection, state, err
	}
	return a.g.build(ctx, a.e, a.tree, a.race)
}

// settle ends an attempt before its tests have run.
func (a *attempt) settle(state State, why string) {
	a.verdict.State, a.verdict.Reason = state, why
}

// admit reads the answer and passes it through the gate.
func (a *attempt) admit(dir string) (map[string]string, error) {
	files, refused, err := read(a.e, dir)
	if err != nil {
		return nil, err
	}
	more, syntax := inspect(a.e, files)
	if a.g.noGate {
		more = nil
	}
	refused = append(refused, more...)
	switch {
	case len(refused) > 0:
		a.settle(Rejected, lines(refused))
	case len(syntax) > 0:
		a.settle(CompileError, lines(syntax))
	}
	return files, nil
}

func lines(all []Refusal) string {
	var out []string
	for _, r := range all[:min(len(all), 10)] {
		out = append(out, r.String())
	}
	return strings.Join(out, "\n")
}

// run runs the tests as often as the exercise asks, until one fails, and then
// measures the answer. When a test takes the process down, the tests that have
// not run yet do so in another one.
func (a *attempt) run(ctx context.Context, program string) error {
	what := plan{tests: a.tests, runs: a.e.Checks.Runs, seed: a.o.Seed}
	deadline := a.g.clock.Now() + 3*a.e.Limits.Run()
	for len(what.tests) > 0 {
		limits := a.limits()
		if what.runs == 1 && len(what.tests) < len(a.tests) {
			limits.Wall = min(limits.Wall, deadline-a.g.clock.Now())
		}
		if limits.Wall <= 0 {
			a.tally.skip(what.tests, "the time for all tests was used up by others")
			return nil
		}
		r, err := a.g.round(ctx, program, what, limits, a.follow())
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		a.verdict.Output = clip(printed(string(r.Stdout)), 16<<10)
		a.verdict.Runs = max(a.verdict.Runs, len(r.passes))
		rest := a.tally.add(r, what, limits)
		if len(rest) == len(what.tests) {
			return errors.New("the tests make no progress")
		}
		what = plan{tests: rest, runs: 1, seed: a.o.Seed}
	}
	if a.e.Checks.Bench == nil || a.tally.broken() {
		return nil
	}
	a.tell(Event{Stage: "bench", Text: "measuring the answer against the reference"})
	return a.measure(ctx)
}

func (a *attempt) limits() sandbox.Limits {
	limits := sandbox.Standard()
	limits.Wall, limits.Memory = a.e.Limits.Run(), a.e.Limits.Memory()
	return limits
}

// follow tells of a round's tests as they end.
func (a *attempt) follow() func(record) {
	n := 1
	a.tell(Event{Stage: "run", Run: n, Runs: a.e.Checks.Runs})
	return func(one record) {
		switch one.event {
		case "end":
			ok := !one.failed && !one.skipped && len(one.leaks) == 0 && one.races == 0
			a.tell(Event{Stage: "test", Run: n, Runs: a.e.Checks.Runs, Test: one.test, OK: ok})
		case "run":
			n = min(n+1, a.e.Checks.Runs)
		}
	}
}

// arguments are those of the test program.
func arguments(tests []string) []string {
	return []string{"-test.run=^(" + strings.Join(tests, "|") + ")$", "-test.v=true", "-test.timeout=0", "-test.paniconexit0"}
}

func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[:n] + "\n… (cut off)"
}

// printed is what the answer printed, without the testing package's last word.
func printed(text string) string {
	for _, word := range []string{"PASS\n", "FAIL\n"} {
		if rest, ok := strings.CutSuffix(text, word); ok {
			return rest
		}
	}
	return text
}
