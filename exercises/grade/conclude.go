package grade

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
)

// chance returns a seed from the system.
func chance() uint64 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return uint64(binary.LittleEndian.Uint32(b[:])) + 1
}

// measure compares the answer's speed with the reference's.
func (a *attempt) measure(ctx context.Context) error {
	program, objection, _, err := a.g.measured(ctx, a.e, a.tree)
	if err != nil {
		return err
	}
	if objection != "" {
		return fmt.Errorf("the measuring program could not be built: %s", objection)
	}
	limits := a.limits()
	r, err := a.g.round(ctx, program, plan{seed: a.o.Seed}, limits, func(record) {})
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	a.tally.bench(r, limits)
	return nil
}

// bench adds the benchmark's case.
func (t *tally) bench(r *round, limits sandbox.Limits) {
	b := t.e.Checks.Bench
	c := &Case{Name: b.Name, Kind: shelf.Performance, State: Fail}
	for _, task := range t.e.Tasks {
		if task.Kind == shelf.Performance {
			c.Task, c.Of = task.ID, task.Points
			for _, name := range task.Tests {
				if got, ok := t.cases[name]; ok {
					c.Of -= got.Of
				}
			}
			if len(task.Hints) > 0 {
				c.Hint = task.Hints[0]
			}
		}
	}
	t.order = append(t.order, b.Name)
	t.cases[b.Name] = c
	if !r.done || r.forged || r.bench.right <= 0 || r.bench.answer <= 0 {
		_, s := t.ending(r, limits)
		c.Message = "the benchmark did not come to its end: " + s.message
		return
	}
	ratio := r.bench.answer / r.bench.right
	// Points fall with the logarithm of the ratio, as a factor counts the same
	// everywhere.
	part := (math.Log(b.Zero) - math.Log(ratio)) / (math.Log(b.Zero) - math.Log(b.Full))
	c.Points = int(math.Round(float64(c.Of) * min(1, max(0, part))))
	c.State = Pass
	c.Message = fmt.Sprintf("%.2f times the reference's duration (%.4g ns a call; the reference %.4g ns)", ratio, r.bench.answer, r.bench.right)
	if part <= 0 {
		c.State = Fail
		c.Message += fmt.Sprintf("; want less than %g times", b.Zero)
	}
}

// conclude turns the tally into the verdict.
func (a *attempt) conclude() {
	v, t := &a.verdict, &a.tally
	v.Of = 100
	ran := v.State == ""
	if ran {
		a.findings()
		v.State = t.state()
	}
	for _, name := range t.order {
		c := t.cases[name]
		if c.State == Pass && c.Name != a.benchName() {
			c.Points = c.Of
		}
		if c.Kind == shelf.Concurrency {
			a.concurrency(c)
		}
		if c.State == Pass || c.State == NotRun { // what was not seen to fail has nothing to hint at
			c.Hint = ""
		}
		v.Score += c.Points
		v.Cases = append(v.Cases, *c)
	}
	if a.e.Checks.Race && !a.race && ran {
		v.Of -= shelf.Points()[shelf.Concurrency]
	}
	v.Accepted = v.State == Pass
	v.Lesson = a.lesson()
	v.Reason = a.reason(ran)
}

func (a *attempt) benchName() string {
	if a.e.Checks.Bench == nil {
		return ""
	}
	return a.e.Checks.Bench.Name
}

// concurrency takes the points of a concurrency test that a race, a leak or an
// unchecked race makes void.
func (a *attempt) concurrency(c *Case) {
	switch {
	case c.State != Pass:
	case a.verdict.Race == Found || a.verdict.Leak == Found:
		c.Points = 0
	case a.e.Checks.Race && !a.race:
		c.Points = 0
		c.Message = "races were not checked: " + a.g.tools.raceLacks
	}
}

// findings says what was found of races and leaks.
func (a *attempt) findings() {
	v, t := &a.verdict, &a.tally
	if a.race {
		v.Race = Clean
		if t.races > 0 {
			v.Race = Found
		}
	}
	if a.e.Checks.Leaks {
		switch {
		case t.leaks:
			v.Leak = Found
		case !t.broken():
			v.Leak = Clean
		}
	}
}

// state is the state of the whole: the gravest of its tests'.
func (t *tally) state() State {
	if t.forged {
		return Rejected
	}
	found := map[State]bool{}
	for _, name := range t.order {
		c := t.cases[name]
		if t.e.Checks.Bench == nil || c.Name != t.e.Checks.Bench.Name { // slowness costs points alone
			found[c.State] = true
		}
	}
	for _, s := range []State{Timeout, Memory, Fail, Race, Leak, NotRun} {
		if found[s] {
			if s == NotRun {
				return Fail
			}
			return s
		}
	}
	if t.races > 0 {
		return Race
	}
	return Pass
}

// lesson returns that of the known wrong answer that fails the same tests.
func (a *attempt) lesson() string {
	var failed []string
	for _, c := range a.verdict.Cases {
		if !c.OK() && c.State != NotRun && c.Name != a.benchName() {
			failed = append(failed, c.Name)
		}
	}
	slices.Sort(failed)
	for _, m := range a.e.Mutants {
		if len(failed) > 0 && slices.Equal(slices.Sorted(slices.Values(m.MustFail)), failed) {
			return m.Lesson
		}
	}
	return ""
}

// reason is the verdict in words, beginning with its state.
func (a *attempt) reason(ran bool) string {
	v := &a.verdict
	if !ran {
		return string(v.State) + ": " + v.Reason
	}
	passed, total := 0, 0
	first := ""
	for _, c := range v.Cases {
		if c.Name == a.benchName() {
			continue
		}
		total++
		if c.OK() {
			passed++
		} else if first == "" && c.State != NotRun {
			first = c.Name + ": " + c.Message
			if c.At != "" {
				first = c.Name + " (" + c.At + "): " + c.Message
			}
		}
	}
	race := "races: none found"
	switch {
	case v.Race == Found:
		race = "races: found"
	case a.e.Checks.Race && !a.race:
		race = "races: not checked (" + a.g.tools.raceLacks + ")"
	case v.Race == Unchecked:
		race = "races: not looked for in this exercise"
	}
	text := fmt.Sprintf("%s: %d of %d tests passed, %d shuffled runs from seed %d, %s", v.State, passed, total, v.Runs, v.Seed, race)
	if a.tally.forged {
		return string(Rejected) + ": the program wrote to the judge's report, which only the tests may do"
	}
	if v.State != Pass && first != "" {
		text += "; " + first
	}
	if v.State == Race && first == "" {
		text += "; a race was found outside the tests"
	}
	return text
}
