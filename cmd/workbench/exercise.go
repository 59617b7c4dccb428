package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
)

// sandboxInit is the hidden subcommand with which this program becomes the
// first process of a sandbox.
const sandboxInit = "sandbox-init"

func becomeSandboxed(_ context.Context, _ *program, args []string) error { return sandbox.Init(args) }

// exerciseFlag adds the flag that names a directory of further exercises.
func exerciseFlag(fs *flag.FlagSet) *string {
	return fs.String("exercises", "", "take exercises from `DIR` as well; one there stands in for the built-in one of the same name")
}

// shelf returns the exercises: the built-in ones, over them the learner's own,
// over those the ones in a directory. Folders that cannot be read are told of
// and left out.
func (p *program) shelf(dir string) *shelf.Shelf {
	layers := []fs.FS{p.parts.exercises}
	data := p.dataDir()
	if set := p.env("WORKBENCH_DATA"); set != "" {
		data = set
	}
	if data != "" {
		layers = append(layers, os.DirFS(filepath.Join(data, "exercises")))
	}
	if dir != "" {
		layers = append(layers, os.DirFS(dir))
	}
	s, err := shelf.Open(layers...)
	if err != nil {
		p.complain("exercises", err)
	}
	return s
}

// pick returns the exercise that a call names, and the directory, if it names
// one too.
func (p *program) pick(rest []string, dir string) (shelf.Exercise, string, error) {
	if len(rest) < 1 || len(rest) > 2 {
		return shelf.Exercise{}, "", usagef("got %d arguments, want EXERCISE [DIR] (%s list exercises)", len(rest), p.name)
	}
	e, err := p.shelf(dir).Find(rest[0])
	if err != nil {
		return shelf.Exercise{}, "", usagef("%w", err)
	}
	if len(rest) == 2 {
		return e, rest[1], nil
	}
	return e, "", nil
}

// solutions is where the starters go by default.
const solutions = "solutions"

// start is the subcommand that writes what a learner begins with.
func start(_ context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("start EXERCISE [DIR]", flag.ContinueOnError)
	level := fs.String("level", "blank", "begin with `LEVEL`: blank, blanks (fill them in) or bug (find it)")
	more := exerciseFlag(fs)
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	e, dir, err := p.pick(rest, *more)
	if err != nil {
		return err
	}
	if dir == "" {
		dir = filepath.Join(solutions, e.Slug)
	}
	files, err := e.Starter(*level)
	if err != nil {
		return usagef("%w", err)
	}
	if err := writeNew(dir, files); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s is in %s: read README.md, write %s, then\n\n  go test ./...            in that directory, in your own editor\n  %s check %s %s\n", e.Title, dir, e.Names[0], p.name, e.Slug, dir)
	return nil
}

// writeNew writes files to a directory, and none of them when one is there
// already: it may be the learner's work.
func writeNew(dir string, files map[string]string) error {
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%s is there already and stays as it is: choose another directory, or move it away", filepath.Join(dir, name))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("write the starter: %w", err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the starter: %w", err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o644); err != nil {
			return fmt.Errorf("write the starter: %w", err)
		}
	}
	return nil
}

// listedExercise is an exercise in the list's JSON.
type listedExercise struct {
	Name       string   `json:"name"`
	Title      string   `json:"title"`
	Order      int      `json:"order"`
	Difficulty int      `json:"difficulty"`
	Minutes    int      `json:"minutes"`
	Tracks     []string `json:"tracks"`
	Chapter    int      `json:"chapter"`
	Pattern    string   `json:"pattern"`
	Levels     []string `json:"levels"`
}

func (p *program) exercises() (any, [][]string, error) {
	out := []listedExercise{}
	rows := [][]string{{"EXERCISE", "DIFFICULTY", "MINUTES", "TITLE"}}
	for _, e := range p.shelf("").All() {
		out = append(out, listedExercise{e.Slug, e.Title, e.Order, e.Difficulty, e.Minutes, e.Tracks, e.Chapter, e.Pattern, e.Levels})
		rows = append(rows, []string{e.Slug, fmt.Sprint(e.Difficulty), fmt.Sprint(e.Minutes), e.Title})
	}
	return out, rows, nil
}
