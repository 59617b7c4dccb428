package shelf

import (
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// The least number of answers of each kind.
const (
	minRight   = 3
	minMutants = 5
)

func (v *validation) checks() {
	b := v.e.Checks.Bench
	if b == nil {
		return
	}
	if !slices.Contains(v.benchmarks, b.Name) {
		v.wrong("checks.bench: there is no benchmark %q", b.Name)
	}
	paid := func(t Task) bool {
		return t.Kind == Performance && (len(t.Tests) == 0 || slices.Contains(t.Tests, b.Name))
	}
	if !slices.ContainsFunc(v.e.Tasks, paid) {
		v.wrong("checks.bench: %s has no points: name it among the tests of the performance task", b.Name)
	}
	if b.Full < 1 || b.Zero <= b.Full {
		v.wrong("checks.bench: full is %g and zero %g, want 1 ≤ full < zero", b.Full, b.Zero)
	}
}

// sources checks every folder that holds an answer or the start of one.
func (v *validation) sources() {
	v.source("start")
	for _, dir := range []string{"blanks", "bug"} {
		if v.e.Has(dir) {
			v.source(dir)
		}
	}
	if len(v.e.Right) < minRight {
		v.wrong("right has %d answers, want at least %d of different shapes", len(v.e.Right), minRight)
	}
	for _, dir := range v.e.Right {
		v.source(dir)
	}
}

// source checks one folder: the files that a learner would write, in the right
// package.
func (v *validation) source(dir string) map[string]string {
	files, err := v.e.Files(dir)
	if err != nil {
		v.wrong("%s: %v", dir, err)
		return nil
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(n string) bool { return !strings.HasSuffix(n, ".go") })
	if want := slices.Sorted(slices.Values(v.e.Names)); !slices.Equal(names, want) {
		v.wrong("%s holds the files %q, want %q", dir, names, want)
	}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, files[name], parser.SkipObjectResolution)
		if err != nil {
			v.wrong("%s/%v", dir, err)
			continue
		}
		if f.Name.Name != v.e.Package {
			v.wrong("%s/%s is of package %s, want %s", dir, name, f.Name.Name, v.e.Package)
		}
		for _, path := range imports(f) {
			if !slices.Contains(v.e.AllowImports, path) {
				v.wrong("%s/%s imports %s, which allow_imports does not list", dir, name, path)
			}
		}
	}
	return files
}

func (v *validation) mutants() {
	if len(v.e.Mutants) < minMutants {
		v.wrong("mutants has %d wrong answers, want at least %d", len(v.e.Mutants), minMutants)
	}
	for _, m := range v.e.Mutants {
		files := v.source(m.Dir)
		if len(m.MustFail) == 0 || m.Lesson == "" {
			v.wrong("mutant %s: must_fail and lesson must be there", m.Dir)
		}
		told := false
		for _, text := range files {
			told = told || strings.HasPrefix(text, "// kills: ")
		}
		if !told {
			v.wrong("mutant %s: no file begins with \"// kills: TestX — lesson\"", m.Dir)
		}
		for _, name := range m.MustFail {
			if !slices.Contains(v.tests, name) {
				v.wrong("mutant %s: there is no test %s", m.Dir, name)
			}
		}
	}
}

// section returns the bullets of a Markdown section, each in one line.
func section(text, title string) []string {
	part, _ := cut(text, title)
	var out []string
	open := false // the last bullet goes on
	for line := range strings.SplitSeq(part, "\n") {
		body, bullet := strings.CutPrefix(line, "- ")
		if !bullet {
			body, bullet = strings.CutPrefix(line, "* ")
		}
		switch {
		case bullet:
			out = append(out, flat(body))
			open = true
		case strings.TrimSpace(line) == "":
			open = false
		case open:
			out[len(out)-1] = flat(out[len(out)-1] + " " + line)
		}
	}
	return out
}

// cut returns what stands below a heading, up to the next of the same rank.
func cut(text, title string) (string, bool) {
	_, rest, ok := strings.Cut("\n"+text, "\n## "+title+"\n")
	if !ok {
		return "", false
	}
	part, _, _ := strings.Cut("\n"+rest, "\n## ")
	return part, true
}

// flat returns text with single spaces.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
