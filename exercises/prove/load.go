package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"workbench/exercises/shelf"
)

// exercise is one exercise of the shelf and the folder in which it stands on
// disk.
type exercise struct {
	shelf.Exercise
	dir string
}

// load reads the exercises of dir, or those of them that slugs name, with or
// without their number.
func load(dir string, slugs []string) ([]exercise, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("read the exercises: %w (run it at the top of a checkout)", err)
	}
	all, err := shelf.Open(os.DirFS(dir))
	var out []exercise
	unknown := slices.Clone(slugs)
	for _, e := range all.All() {
		asked := func(s string) bool { return s == e.Folder() || s == e.Slug }
		if len(slugs) > 0 && !slices.ContainsFunc(slugs, asked) {
			continue
		}
		unknown = slices.DeleteFunc(unknown, asked)
		out = append(out, exercise{e, filepath.Join(dir, e.Folder())})
	}
	switch {
	case len(unknown) > 0:
		err = errors.Join(err, fmt.Errorf("no exercise is called %s", strings.Join(unknown, ", ")))
	case len(out) == 0:
		err = errors.Join(err, errors.New("there are no exercises in "+dir))
	}
	return out, err
}

// variants returns the folders that hold an answer: starters, right and wrong
// ones, as they are on disk.
func (e exercise) variants() (starters, right, wrong []string) {
	for _, name := range []string{"start", "blanks", "bug"} {
		if _, err := os.Stat(filepath.Join(e.dir, name)); err == nil {
			starters = append(starters, name)
		}
	}
	list := func(kind string) (out []string) {
		entries, _ := os.ReadDir(filepath.Join(e.dir, kind)) // none: found by check, which wants some
		for _, d := range entries {
			if d.IsDir() {
				out = append(out, kind+"/"+d.Name())
			}
		}
		return out
	}
	return starters, list("right"), list("wrong")
}

// tests returns the names of all tests, visible and hidden, in order of files.
// What cannot be parsed has none, and is told of by Validate.
func (e exercise) tests() (out []string) {
	suites, _ := e.Suites()
	for _, s := range suites {
		out = append(out, s.Tests...)
	}
	return out
}

func (e exercise) benchmarks() (out []string) {
	suites, _ := e.Suites()
	for _, s := range suites {
		out = append(out, s.Benchmarks...)
	}
	return out
}
