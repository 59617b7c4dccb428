package shelf

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// Validate reports everything that is wrong with an exercise, joined. It only
// reads; whether right answers pass and mutants fail is for the grader to say.
func (e Exercise) Validate() error {
	v := &validation{e: e}
	suites, err := e.Suites()
	if err != nil {
		return err
	}
	for _, s := range suites {
		v.suite(s)
		v.tests = append(v.tests, s.Tests...)
		v.benchmarks = append(v.benchmarks, s.Benchmarks...)
	}
	v.metadata()
	v.tasks()
	v.contract()
	v.hints()
	v.checks()
	v.sources()
	v.mutants()
	return errors.Join(v.faults...)
}

type validation struct {
	e                 Exercise
	tests, benchmarks []string
	faults            []error
}

func (v *validation) wrong(format string, args ...any) {
	v.faults = append(v.faults, fmt.Errorf("exercise "+v.e.folder+": "+format, args...))
}

// within reports a value that is not one of those wanted.
func within(v *validation, field, got string, want ...string) {
	if !slices.Contains(want, got) {
		v.wrong("%s has %q, want %s", field, got, strings.Join(want, ", "))
	}
}

func (v *validation) metadata() {
	e := v.e
	if e.Title == "" {
		v.wrong("title is empty")
	}
	if e.Difficulty < 1 || e.Difficulty > 5 {
		v.wrong("difficulty is %d, want 1 to 5", e.Difficulty)
	}
	if e.Minutes < 1 {
		v.wrong("minutes is %d, want how long it takes", e.Minutes)
	}
	if e.Chapter < 1 || e.Chapter > 9 {
		v.wrong("chapter is %d, want 1 to 9", e.Chapter)
	}
	if len(e.Tracks) == 0 {
		v.wrong("tracks is empty")
	}
	for _, t := range e.Tracks {
		within(v, "tracks", t, "login", "feed", "orders", "notify")
	}
	if len(e.Levels) == 0 {
		v.wrong("levels is empty")
	}
	for _, l := range e.Levels {
		within(v, "levels", l, "read", "blanks", "bug", "blank")
		if (l == "blanks" || l == "bug") && !e.Has(l) {
			v.wrong("levels has %q, but there is no folder %s", l, l)
		}
	}
	if (e.Plug != nil) != e.Has("plug") {
		v.wrong("plug and the folder plug: want both or neither")
	}
	if e.Plug != nil && e.Plug.Pattern == "" {
		v.wrong("plug.pattern is empty, want the pattern for which an accepted answer can decide")
	}
	for _, name := range []string{"README.md", "hints.md"} {
		if text, err := e.Text(name); err != nil || strings.TrimSpace(text) == "" {
			v.wrong("%s is missing or empty", name)
		}
	}
}

// suite checks test files: they stand aside from the repository's own tests,
// import the answer in the one way that the grader knows, and leave TestMain to
// it.
func (v *validation) suite(s Suite) {
	if len(s.Tests) == 0 {
		v.wrong("%s has no tests", s.Dir)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		text, at := s.Files[name], s.Dir+"/"+name
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			continue // Suites has said so
		}
		if first, _, _ := strings.Cut(text, "\n"); first != TestTag {
			v.wrong("%s begins with %q, want %q", at, first, TestTag)
		}
		if f.Name.Name != v.e.Package+"_test" {
			v.wrong("%s is of package %s, want %s_test", at, f.Name.Name, v.e.Package)
		}
		if want := fmt.Sprintf("%s %q", v.e.Package, v.e.ImportPath()); !strings.Contains(text, want) {
			v.wrong("%s does not import the answer as %s", at, want)
		}
		for _, path := range imports(f) {
			if host, _, _ := strings.Cut(path, "/"); strings.Contains(host, ".") && path != Database && !slices.Contains(v.e.AllowImports, path) {
				v.wrong("%s imports %s, which allow_imports does not list", at, path)
			}
		}
		if strings.Contains(text, "func TestMain(") {
			v.wrong("%s has a TestMain, which is the grader's", at)
		}
	}
}

func (v *validation) tasks() {
	owners := map[string]int{}
	ids := map[string]bool{}
	sums := map[Kind]int{}
	for _, t := range v.e.Tasks {
		if t.ID == "" || t.Title == "" || ids[t.ID] {
			v.wrong("task %q: id and title must be there, and the id no other task's", t.ID)
		}
		ids[t.ID] = true
		if _, ok := Points()[t.Kind]; !ok {
			v.wrong("task %s: kind is %q, want correctness, concurrency, robustness or performance", t.ID, t.Kind)
		}
		sums[t.Kind] += t.Points
		if t.Points < 1 {
			v.wrong("task %s: points is %d, want at least 1", t.ID, t.Points)
		}
		if len(t.Hints) != 3 || slices.Contains(t.Hints, "") {
			v.wrong("task %s: has %d hints, want 3: what to look at, the idea, the shape in words", t.ID, len(t.Hints))
		}
		if len(t.Tests) == 0 && (t.Kind != Performance || v.e.Checks.Bench == nil) {
			v.wrong("task %s: has no tests", t.ID)
		}
		for _, name := range t.Tests {
			owners[name]++
			if !slices.Contains(v.tests, name) && !slices.Contains(v.benchmarks, name) {
				v.wrong("task %s: there is no test %s", t.ID, name)
			}
		}
	}
	for kind, want := range Points() {
		if sums[kind] != want {
			v.wrong("the points of kind %s sum to %d, want %d", kind, sums[kind], want)
		}
	}
	seen := map[string]bool{}
	for _, name := range v.tests {
		if seen[name] {
			v.wrong("two tests are called %s", name)
		}
		seen[name] = true
		if owners[name] != 1 {
			v.wrong("test %s belongs to %d tasks, want 1", name, owners[name])
		}
	}
}

// contract holds exercise.json and the Contract section of the README to each
// other: no promise without a test, no demand that the learner cannot read.
func (v *validation) contract() {
	readme, _ := v.e.Text("README.md") // metadata has reported it
	bullets := section(readme, "Contract")
	var promised []string
	for _, p := range v.e.Contract {
		promised = append(promised, flat(p.Text))
		if len(p.Tests) == 0 {
			v.wrong("contract %q has no test", p.Text)
		}
		for _, name := range p.Tests {
			if !slices.Contains(v.tests, name) {
				v.wrong("contract %q: there is no test %s", p.Text, name)
			}
		}
		if !slices.Contains(bullets, flat(p.Text)) {
			v.wrong("contract %q is no bullet of the README's Contract section", p.Text)
		}
	}
	if len(promised) == 0 {
		v.wrong("contract is empty")
	}
	for _, b := range bullets {
		if !slices.Contains(promised, b) {
			v.wrong("the README's Contract says %q, which exercise.json's contract does not", b)
		}
	}
}

// hints holds hints.md to the tasks' hints.
func (v *validation) hints() {
	text, _ := v.e.Text("hints.md") // metadata has reported it
	for _, t := range v.e.Tasks {
		part, ok := cut(text, t.ID)
		if !ok {
			v.wrong("hints.md has no section %q", "## "+t.ID)
			continue
		}
		for _, h := range t.Hints {
			if !strings.Contains(flat(part), flat(h)) {
				v.wrong("hints.md, section %s, does not repeat the hint %q", t.ID, h)
			}
		}
	}
}
