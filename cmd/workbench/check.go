package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"workbench/exercises/grade"
	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
	"workbench/sim/clock"
)

// errNotAccepted ends a check whose answer was not accepted.
var errNotAccepted = errors.New("the answer is not accepted")

// checkOptions are the flags of a check.
type checkOptions struct {
	json, watch bool
	seed        uint64
	plug        string // the workbench into whose lab an accepted answer goes; empty: none
}

// check is the subcommand that grades an answer.
func check(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("check EXERCISE [DIR]", flag.ContinueOnError)
	var o checkOptions
	fs.BoolVar(&o.json, "json", false, "print the verdict as a JSON object")
	fs.BoolVar(&o.watch, "watch", false, "grade again whenever a file changes, until interrupted")
	fs.Uint64Var(&o.seed, "seed", 0, "shuffle the tests by seed `N`, as a verdict names it (default: by chance)")
	fs.StringVar(&o.plug, "plug", "", "hand an accepted answer to the workbench that serves at `URL`, and plug it into its lab")
	more := exerciseFlag(fs)
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	e, dir, err := p.pick(rest, *more)
	if err != nil {
		return err
	}
	if dir, err = p.answerIn(e, dir); err != nil {
		return err
	}
	g, err := p.grader(ctx)
	if err != nil {
		return err
	}
	if o.watch {
		return p.watch(ctx, g, e, dir, o)
	}
	return p.checkOnce(ctx, g, e, dir, o)
}

// answerIn returns the directory of an answer: the one that was named, else
// this one if the answer's file is in it, else that of the starter.
func (p *program) answerIn(e shelf.Exercise, dir string) (string, error) {
	if dir == "" {
		dir = filepath.Join(solutions, e.Slug)
		if _, err := os.Stat(e.Names[0]); err == nil {
			dir = "."
		}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", usagef("%s is not a directory: write the starter there with %s start %s %s, or name the directory of your answer", dir, p.name, e.Slug, dir)
	}
	return dir, nil
}

// grader returns one with the best sandbox that there is, and warns of a weak
// one.
func (p *program) grader(ctx context.Context) (*grade.Grader, error) {
	box := sandbox.New(ctx, sandboxInit)
	if r := box.Report(); r.Level != sandbox.Full {
		fmt.Fprintf(p.err, "workbench check: warning: the sandbox is %s\n", r)
	}
	return grade.New(ctx, box)
}

func (p *program) checkOnce(ctx context.Context, g *grade.Grader, e shelf.Exercise, dir string, o checkOptions) error {
	show := p.bar(e.Slug)
	v, err := g.Grade(ctx, e, dir, grade.Options{Seed: o.seed, Advice: !o.json, Tell: show.step})
	show.end()
	if err != nil {
		return err
	}
	if o.json {
		err = writeJSON(p.out, v.Sheet().Plain())
	} else {
		p.printVerdict(e, v)
	}
	switch {
	case err != nil:
		return err
	case !v.Accepted:
		return fmt.Errorf("%w: %d of %d points", errNotAccepted, v.Score, v.Of)
	case o.plug != "":
		if err := p.plugIn(ctx, o.plug, e, dir); err != nil {
			return fmt.Errorf("%w: %w", errNotPlugged, err)
		}
	}
	return nil
}

// errNotPlugged ends a check whose answer was accepted and not plugged in.
var errNotPlugged = errors.New("accepted, but not plugged in")

// lookEvery is how often watch looks for changes.
const lookEvery = 200 * time.Millisecond

// watch grades an answer, and again whenever its files change.
func (p *program) watch(ctx context.Context, g *grade.Grader, e shelf.Exercise, dir string, o checkOptions) error {
	w := clock.NewWall()
	last := ""
	for {
		if now := traces(e, dir); now != last {
			last = now
			err := p.checkOnce(ctx, g, e, dir, o)
			switch {
			case err == nil, errors.Is(err, errNotAccepted):
			case ctx.Err() != nil:
				return nil // interrupted, which is how this ends
			case errors.Is(err, errNotPlugged):
				fmt.Fprintf(p.err, "workbench check: %v\n", err)
			default:
				return err
			}
			if !o.json {
				fmt.Fprintf(p.out, "\nwatching %s; press ctrl-c to end\n", dir)
			}
		}
		if w.Wait(ctx, w.Now()+lookEvery) != nil {
			return nil
		}
	}
}

// traces returns something that changes with the answer's files.
func traces(e shelf.Exercise, dir string) string {
	var b strings.Builder
	for _, name := range e.Names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			fmt.Fprintf(&b, "%v;", err)
			continue
		}
		fmt.Fprintf(&b, "%d %d;", info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}

// printVerdict writes a verdict for a person.
func (p *program) printVerdict(e shelf.Exercise, v grade.Verdict) {
	fmt.Fprintf(p.out, "%s: %s\n\n", e.Slug, e.Title)
	idle := 0
	for _, c := range v.Cases {
		if c.State == grade.NotRun {
			idle++
		}
	}
	if idle == len(v.Cases) { // nothing is to be said but why
		fmt.Fprintf(p.out, "%s\n\n", v.Reason)
	}
	why := ""
	for _, c := range v.Cases {
		if c.State != grade.NotRun {
			p.printCase(c)
		} else if why == "" {
			why = c.Message
		}
	}
	if idle > 0 {
		fmt.Fprintf(p.out, "  – %s\n", strings.TrimSuffix(plural(idle, "test")+" not run: "+why, ": "))
	}
	for _, a := range v.Advice {
		fmt.Fprintf(p.out, "  vet: %s\n", a)
	}
	if v.Lesson != "" {
		fmt.Fprintf(p.out, "\nThis looks like a known mistake: %s\n", v.Lesson)
	}
	if v.Output != "" && !v.Accepted {
		fmt.Fprintf(p.out, "\nYour output:\n%s\n", indent(v.Output))
	}
	word := "not accepted"
	if v.Accepted {
		word = "accepted"
	}
	fmt.Fprintf(p.out, "\n%s: %d of %d points, %.2f s\n", word, v.Score, v.Of, v.Duration.Seconds())
	if idle < len(v.Cases) {
		fmt.Fprintln(p.out, v.Reason)
	}
}

// plural returns a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func (p *program) printCase(c grade.Case) {
	mark := "✗"
	if c.OK() {
		mark = "✓"
	}
	fmt.Fprintf(p.out, "  %s %-32s %2d/%d", mark, c.Name, c.Points, c.Of)
	if c.State != grade.Pass && c.State != grade.Fail {
		fmt.Fprintf(p.out, "  %s", c.State)
	}
	fmt.Fprintln(p.out)
	if c.Message != "" {
		at := ""
		if c.At != "" {
			at = c.At + ": "
		}
		fmt.Fprintln(p.out, indent(at+c.Message))
	}
	if c.Expected != "" {
		fmt.Fprintf(p.out, "      expected %s\n      got      %s\n", c.Expected, c.Got)
	}
	p.printTrace(c)
	if c.Hint != "" {
		fmt.Fprintf(p.out, "      hint: %s\n", c.Hint)
	}
}

// printTrace writes what a test did before it complained, one instant below the
// other.
func (p *program) printTrace(c grade.Case) {
	if len(c.Trace) == 0 {
		return
	}
	wide := 0
	for _, m := range c.Trace {
		wide = max(wide, utf8.RuneCountInString(m.At))
	}
	title, gap := "what happened, in the test's own time:", "  "
	if wide == 0 {
		title, gap = "what happened:", ""
	}
	fmt.Fprintln(p.out, "      "+title)
	if c.Earlier > 0 {
		fmt.Fprintf(p.out, "        … %s before, left out\n", plural(c.Earlier, "event"))
	}
	for _, m := range c.Trace {
		fmt.Fprintf(p.out, "        %*s%s%s\n", wide, m.At, gap, m.Text)
	}
}

func indent(text string) string {
	return "      " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n      ")
}
