package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"workbench/exercises/shelf"
)

// exercise is one folder and what its exercise.json says.
type exercise struct {
	dir string // the folder

	Slug       string     `json:"slug"`
	Title      string     `json:"title"`
	Order      int        `json:"order"`
	Difficulty int        `json:"difficulty"`
	Minutes    int        `json:"minutes"`
	Tracks     []string   `json:"tracks"`
	Chapter    int        `json:"chapter"`
	Pattern    string     `json:"pattern"`
	Package    string     `json:"package"`
	Files      []string   `json:"files"`
	Imports    []string   `json:"allow_imports"`
	Levels     []string   `json:"levels"`
	Contract   []promise  `json:"contract"`
	Tasks      []task     `json:"tasks"`
	Checks     checks     `json:"checks"`
	Limits     limits     `json:"limits"`
	Plug       *plugPoint `json:"plug"`
	Mutants    []mutant   `json:"mutants"`
	Right      []string   `json:"right"`
}

// promise is one sentence of the contract and the tests that check it.
type promise struct {
	Text  string   `json:"text"`
	Tests []string `json:"tests"`
}

// task is a part of the exercise that is graded and hinted at.
type task struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	Tests  []string `json:"tests"`
	Points int      `json:"points"`
	Kind   string   `json:"kind"`
	Hints  []string `json:"hints"`
}

type checks struct {
	Race  bool   `json:"race"`
	Leaks bool   `json:"leaks"`
	Runs  int    `json:"runs"`
	Bench *bench `json:"bench"`
}

type bench struct {
	Name string  `json:"name"`
	Full float64 `json:"full"`
	Zero float64 `json:"zero"`
}

type limits struct {
	Build int `json:"build_s"`
	Run   int `json:"run_s"`
	Mem   int `json:"mem_mb"`
}

type plugPoint struct {
	Pattern string `json:"pattern"`
}

// mutant is a wrong answer and the tests that must not let it pass.
type mutant struct {
	Dir      string   `json:"dir"`
	MustFail []string `json:"must_fail"`
	Lesson   string   `json:"lesson"`
}

var folder = regexp.MustCompile(`^\d\d-[a-z0-9-]+$`)

// load reads the exercises of dir, or those of them that slugs name, with or
// without their number.
func load(dir string, slugs []string) ([]exercise, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the exercises: %w (run it at the top of a checkout)", err)
	}
	var out []exercise
	unknown := slices.Clone(slugs)
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() || !folder.MatchString(name) {
			continue
		}
		asked := func(s string) bool { return s == name || s == name[3:] }
		if len(slugs) > 0 && !slices.ContainsFunc(slugs, asked) {
			continue
		}
		unknown = slices.DeleteFunc(unknown, asked)
		e, err := read(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	switch {
	case len(unknown) > 0:
		return nil, fmt.Errorf("no exercise is called %s", strings.Join(unknown, ", "))
	case len(out) == 0:
		return nil, errors.New("there are no exercises in " + dir)
	}
	return out, nil
}

// read reads one exercise.json; a key it does not know is an error.
func read(dir string) (exercise, error) {
	e := exercise{dir: dir}
	path := filepath.Join(dir, "exercise.json")
	src, err := os.ReadFile(path)
	if err != nil {
		return e, err
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return e, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
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

// suites reads both. What cannot be read is left out, and then its tests are
// missing.
func (e exercise) suites() []shelf.Suite {
	decl := regexp.MustCompile(`(?m)^func ((Test|Benchmark)[A-Z][A-Za-z0-9_]*)\(`)
	var out []shelf.Suite
	for _, name := range []string{"tests", "hidden"} {
		s := shelf.Suite{Dir: name, Files: map[string]string{}}
		paths, _ := filepath.Glob(filepath.Join(e.dir, name, "*_test.go")) // the pattern is well formed
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				continue
			}
			s.Files[filepath.Base(path)] = string(src)
			for _, m := range decl.FindAllStringSubmatch(string(src), -1) {
				if m[2] == "Test" {
					s.Tests = append(s.Tests, m[1])
				} else {
					s.Benchmarks = append(s.Benchmarks, m[1])
				}
			}
		}
		out = append(out, s)
	}
	return out
}

// tests returns the names of all tests, visible and hidden, in order of files.
func (e exercise) tests() (out []string) {
	for _, s := range e.suites() {
		out = append(out, s.Tests...)
	}
	return out
}

func (e exercise) benchmarks() (out []string) {
	for _, s := range e.suites() {
		out = append(out, s.Benchmarks...)
	}
	return out
}
