package shelf_test

import (
	"testing"

	"workbench/exercises/shelf"
)

func TestMerge(t *testing.T) {
	suite := func(dir, text string) shelf.Suite {
		return shelf.Suite{Dir: dir, Files: map[string]string{"a_test.go": "package a_test\n" + text}, Tests: []string{"Test" + dir}}
	}
	for _, c := range []struct {
		name, visible, hidden string
		packages              int
	}{
		{"apart", "func open() {}", "func shut() { open() }", 1},
		{"blank names", "var _ = 1\nfunc init() {}", "var _ = 2\nfunc init() {}", 1},
		{"methods of one name", "type a int\nfunc (a) f() {}", "type b int\nfunc (b) f() {}", 1},
		{"a helper of one name", "func open() {}", "func open() {}", 2},
		{"a type and a variable of one name", "type clock int", "var x, clock = 1, 2", 2},
		{"no Go", "func", "", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := shelf.Merged([]shelf.Suite{suite("tests", c.visible), suite("hidden", c.hidden)})
			tests, files := 0, 0
			for _, s := range got {
				tests, files = tests+len(s.Tests), files+len(s.Files)
			}
			if len(got) != c.packages || tests != 2 || files != 2 {
				t.Errorf("%d packages with %d files and %d tests, want %d, 2 and 2", len(got), files, tests, c.packages)
			}
		})
	}
}
