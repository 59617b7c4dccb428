package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"workbench/exercises/shelf"
)

// check compares what the files of an exercise say of one another, and returns
// every disagreement.
func check(e exercise) []string {
	var out []string
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if _, err := e.Suites(); err != nil {
		bad("%v", err)
	}
	if e.Package != strings.ReplaceAll(e.Slug, "-", "") {
		bad("package is %q, want the slug without dashes", e.Package)
	}
	starters, right, wrong := e.variants()
	if len(starters) == 0 || len(right) < 3 || len(wrong) < 5 {
		bad("has %d starters, %d right answers and %d mutants; want at least 1, 3 and 5", len(starters), len(right), len(wrong))
	}
	if !same(right, e.Right) {
		bad("exercise.json lists the right answers %v, on disk are %v", e.Right, right)
	}
	if b := e.Checks.Bench; b != nil && !slices.Contains(e.benchmarks(), b.Name) {
		bad("checks.bench names %s, which is no benchmark", b.Name)
	}
	if n := e.Limits.RunS; n < 1 || n > int(burnTime.Seconds()) {
		bad("limits.run_s is %d, want 1 to %.0f", n, burnTime.Seconds())
	}
	out = append(out, checkTasks(e)...)
	out = append(out, checkReadme(e)...)
	return append(out, checkMutants(e, wrong)...)
}

// checkTasks wants each test in exactly one task, tests that exist, three
// hints, and points that add up.
func checkTasks(e exercise) []string {
	var out []string
	tests := e.tests()
	owners := map[string]int{}
	sum := map[shelf.Kind]int{}
	hints, err := os.ReadFile(filepath.Join(e.dir, "hints.md"))
	if err != nil {
		out = append(out, err.Error())
	}
	for _, t := range e.Tasks {
		sum[t.Kind] += t.Points
		if len(t.Hints) != 3 || len(t.Tests) == 0 {
			out = append(out, fmt.Sprintf("task %s has %d tests and %d hints, want some and 3", t.ID, len(t.Tests), len(t.Hints)))
		}
		for _, text := range append([]string{"## " + t.ID}, t.Hints...) {
			if !strings.Contains(string(hints), text) {
				out = append(out, fmt.Sprintf("hints.md lacks %q of task %s", text, t.ID))
			}
		}
		for _, name := range t.Tests {
			owners[name]++
			if !slices.Contains(tests, name) && !slices.Contains(e.benchmarks(), name) {
				out = append(out, fmt.Sprintf("task %s names %s, which is no test", t.ID, name))
			}
		}
	}
	for _, name := range tests {
		if n := count(tests, name); n > 1 {
			out = append(out, fmt.Sprintf("%d tests are called %s", n, name))
		}
		if owners[name] != 1 {
			out = append(out, fmt.Sprintf("%s belongs to %d tasks, want 1", name, owners[name]))
		}
	}
	for kind, want := range shelf.Points() {
		if sum[kind] != want {
			out = append(out, fmt.Sprintf("the %s tasks give %d points, want %d", kind, sum[kind], want))
		}
	}
	slices.Sort(out)
	return out
}

// checkReadme wants the bullets under "## Contract" to be the contract.
func checkReadme(e exercise) []string {
	var out []string
	src, err := os.ReadFile(filepath.Join(e.dir, "README.md"))
	if err != nil {
		return []string{err.Error()}
	}
	var want []string
	tests := e.tests()
	for _, p := range e.Contract {
		want = append(want, p.Text)
		if len(p.Tests) == 0 {
			out = append(out, fmt.Sprintf("no test checks the promise %q", p.Text))
		}
		for _, name := range p.Tests {
			if !slices.Contains(tests, name) {
				out = append(out, fmt.Sprintf("the promise %q names %s, which is no test", p.Text, name))
			}
		}
	}
	if got := bullets(string(src)); !slices.Equal(got, want) {
		out = append(out, fmt.Sprintf("README.md's contract is not exercise.json's:\n  README %q\n  json   %q", got, want))
	}
	return out
}

// bullets returns the list under the heading "Contract"; a bullet may go on in
// indented lines.
func bullets(page string) []string {
	var out []string
	inside := false
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
			inside = strings.TrimSpace(strings.TrimLeft(line, "#")) == "Contract"
		case !inside:
		case strings.HasPrefix(line, "- "):
			out = append(out, line[2:])
		case strings.HasPrefix(line, "  ") && len(out) > 0:
			out[len(out)-1] += " " + strings.TrimSpace(line)
		}
	}
	return out
}

// checkMutants wants each mutant on disk to be listed and to begin with the
// line that says which tests end it and why.
func checkMutants(e exercise, wrong []string) []string {
	var out, listed []string
	tests := e.tests()
	for _, m := range e.Mutants {
		listed = append(listed, m.Dir)
		line := "// kills: " + strings.Join(m.MustFail, ", ") + " — " + m.Lesson
		for _, file := range e.Names {
			src, err := os.ReadFile(filepath.Join(e.dir, m.Dir, file))
			if err != nil {
				out = append(out, err.Error())
			} else if first, _, _ := strings.Cut(string(src), "\n"); first != line {
				out = append(out, fmt.Sprintf("%s/%s begins with %q, want %q", m.Dir, file, first, line))
			}
		}
		if len(m.MustFail) == 0 || m.Lesson == "" {
			out = append(out, m.Dir+" names no test or no lesson")
		}
		for _, name := range m.MustFail {
			if !slices.Contains(tests, name) {
				out = append(out, fmt.Sprintf("%s names %s, which is no test", m.Dir, name))
			}
		}
	}
	if !same(listed, wrong) {
		out = append(out, fmt.Sprintf("exercise.json lists the mutants %v, on disk are %v", listed, wrong))
	}
	return out
}

func count(list []string, name string) (n int) {
	for _, x := range list {
		if x == name {
			n++
		}
	}
	return n
}

func same(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
