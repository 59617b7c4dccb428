// Command bench measures how long a learner waits for a verdict after saving a
// file, beside bare `go test -race` and bare `go test` of the same files. All
// three take turns in one run, so that what else the machine does falls on all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"workbench/exercises/grade"
	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
	"workbench/sim/clock"
)

// The goals: a verdict's duration as a multiple of bare `go test`.
const (
	goalRace  = 0.5
	goalPlain = 1.5
)

const self = "sandbox-init"

func main() {
	if len(os.Args) > 1 && os.Args[1] == self {
		fmt.Fprintln(os.Stderr, sandbox.Init(os.Args[2:]))
		os.Exit(1)
	}
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir := flag.String("shelf", "exercises/grade/testdata/shelf", "take the exercise from `DIR`")
	name := flag.String("exercise", "token-bucket", "measure exercise `NAME`")
	rounds := flag.Int("rounds", 9, "save `N` times")
	flag.Parse()
	s, err := shelf.Open(os.DirFS(*dir))
	if err != nil {
		return err
	}
	e, err := s.Find(*name)
	if err != nil {
		return err
	}
	box := sandbox.New(ctx, self)
	g, err := grade.New(ctx, box)
	if err != nil {
		return err
	}
	if lacks := g.RaceLacks(); lacks != "" {
		return errors.New(lacks)
	}
	b, err := prepare(e, g)
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	fmt.Printf("%s, sandbox %s, %d shuffled runs a verdict, %d saves after one to warm up\n\n", e.Slug, box.Report(), e.Checks.Runs, *rounds)
	return b.measure(ctx, *rounds)
}

// bench is an answer in a module of its own, where `go test` finds every test
// that the grader runs.
type bench struct {
	e     shelf.Exercise
	g     *grade.Grader
	dir   string
	text  string // of the answer's first file
	clock clock.Clock
}

// prepare lays out the first right answer with all tests.
func prepare(e shelf.Exercise, g *grade.Grader) (*bench, error) {
	files, err := e.Starter("blank")
	if err != nil {
		return nil, err
	}
	answer, err := e.Files(e.Right[0])
	if err != nil {
		return nil, err
	}
	hidden, err := e.Files("hidden")
	if err != nil {
		return nil, err
	}
	for name, text := range hidden {
		text = strings.TrimPrefix(text, shelf.TestTag+"\n\n")
		files["hidden_"+name] = strings.ReplaceAll(text, `"`+e.ImportPath()+`"`, `"exercise/`+e.Package+`"`)
	}
	for name, text := range answer {
		files[name] = text
	}
	dir, err := os.MkdirTemp("", "workbench-bench-")
	if err != nil {
		return nil, err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	e.Checks.Bench = nil // speed is measured after the verdict
	return &bench{e: e, g: g, dir: dir, text: answer[e.Names[0]], clock: clock.NewWall()}, nil
}

// save changes the answer so that its program changes too, or bare go test would
// show a result of before: the linker drops what nothing uses.
func (b *bench) save(n int64) error {
	text := b.text + fmt.Sprintf("\nvar edit int\n\nfunc init() { edit = %d }\n", n)
	return os.WriteFile(filepath.Join(b.dir, b.e.Names[0]), []byte(text), 0o644)
}

// way is one way to a verdict.
type way struct {
	name string
	run  func(context.Context) error
	took []time.Duration
}

func (b *bench) measure(ctx context.Context, rounds int) error {
	ways := []*way{
		{name: "verdict (race-checked, sandboxed)", run: func(ctx context.Context) error {
			v, err := b.g.Grade(ctx, b.e, b.dir, grade.Options{})
			if err == nil && !v.Accepted {
				err = errors.New(v.Reason)
			}
			return err
		}},
		{name: "go test -race", run: func(ctx context.Context) error { return b.bare(ctx, "-race") }},
		{name: "go test", run: func(ctx context.Context) error { return b.bare(ctx) }},
	}
	for n := range rounds + 1 {
		for i := range ways {
			w := ways[(i+n)%len(ways)] // nobody is always first
			if err := b.save(int64(n*len(ways) + i + os.Getpid()<<20)); err != nil {
				return err
			}
			began := b.clock.Now()
			if err := w.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			if n > 0 {
				w.took = append(w.took, b.clock.Now()-began)
			}
		}
	}
	report(ways)
	return nil
}

// bare runs the learner's own tests.
func (b *bench) bare(ctx context.Context, flags ...string) error {
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"test"}, flags...), ".")...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}

func report(ways []*way) {
	median := func(w *way) time.Duration {
		slices.Sort(w.took)
		return w.took[len(w.took)/2]
	}
	for _, w := range ways {
		m := median(w)
		fmt.Printf("%-36s median %4d ms   (least %d, most %d)\n", w.name, m.Milliseconds(), w.took[0].Milliseconds(), w.took[len(w.took)-1].Milliseconds())
	}
	fmt.Println()
	for i, goal := range []float64{goalRace, goalPlain} {
		other := ways[i+1]
		ratio := float64(median(ways[0])) / float64(median(other))
		word := "met"
		if ratio > goal {
			word = "MISSED"
		}
		least := float64(ways[0].took[0]) / float64(other.took[0])
		fmt.Printf("verdict / %-13s %.2f   goal ≤ %.1f   %s   (of the least: %.2f)\n", other.name, ratio, goal, word, least)
	}
}
