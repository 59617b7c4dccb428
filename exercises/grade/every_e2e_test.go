//go:build e2e

package grade

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"workbench/exercises"
	"workbench/exercises/shelf"
)

// TestEveryExercise holds every exercise of the repository to its promise: what
// learners begin with fails, each right answer is accepted, and each wrong one
// is refused by the tests that its lesson names.
func TestEveryExercise(t *testing.T) {
	g := grader(t)
	s, err := shelf.Open(exercises.Files)
	if err != nil {
		t.Error(err)
	}
	for _, e := range s.All() {
		t.Run(e.Slug, func(t *testing.T) {
			if err := e.Validate(); err != nil {
				t.Error(err)
			}
			e.Checks.Bench = nil // speed costs points alone
			for _, level := range e.Startable() {
				files, err := e.Starter(level)
				if err != nil {
					t.Fatal(err)
				}
				if v := judge(t, g, e, put(t, files), Options{}); v.Accepted || v.State == CompileError || v.State == Rejected {
					t.Errorf("the beginning %q is %s, want that it compiles and fails", level, v.Reason)
				}
			}
			for _, dir := range e.Right {
				if v := judge(t, g, e, folder(t, e, dir), Options{}); !v.Accepted {
					t.Errorf("%s was refused: %s", dir, v.Reason)
				}
			}
			for _, m := range e.Mutants {
				v := judge(t, g, e, folder(t, e, m.Dir), Options{})
				for _, name := range m.MustFail {
					if c := v.find(name); v.Accepted || c.OK() || c.State == NotRun {
						t.Errorf("%s: %s is %q, and must fail: %s", m.Dir, name, c.State, v.Reason)
					}
				}
			}
		})
	}
}

func folder(t *testing.T, e shelf.Exercise, dir string) string {
	t.Helper()
	files, err := e.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	return put(t, files)
}

// put writes the Go files of an answer to a directory.
func put(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if strings.HasSuffix(name, ".go") {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}
