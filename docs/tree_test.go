package docs_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the name in go.mod, with which the imports of our own rooms begin.
const module = "workbench"

// bundles is where the bundler writes the browser's files.
const bundles = "web/assets/dist/"

// exercise is a folder of one exercise.
var exercise = regexp.MustCompile(`^exercises/\d\d-[^/]*$`)

// fault is a place that breaks a rule of the house.
type fault struct {
	path string
	line int // 0: the file or folder as a whole
	text string
}

func (f fault) String() string {
	if f.line == 0 {
		return f.path + ": " + f.text
	}
	return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.text)
}

// file is one text file of the tree, with a slash-separated path from its top.
type file struct {
	path string
	text string
	ast  *ast.File // nil unless Go
}

func (f file) dir() string  { return path.Dir(f.path) }
func (f file) name() string { return path.Base(f.path) }
func (f file) test() bool   { return strings.HasSuffix(f.path, "_test.go") }
func (f file) lines() int   { return strings.Count(f.text, "\n") }

// made reports whether a tool wrote the file: templ, or the bundler.
func (f file) made() bool {
	return strings.HasSuffix(f.path, "_templ.go") || strings.HasPrefix(f.path, bundles)
}

// browser reports whether the file drives a browser and so waits in real time.
func (f file) browser() bool {
	return strings.Contains("/"+f.path, "/e2e/") || strings.HasSuffix(f.path, "e2e_test.go")
}

// tree is a checkout, or a sample of one, and what ARCHITECTURE.md says of it.
type tree struct {
	fset  *token.FileSet
	files []file // by path
	plan  plan
}

// golang returns the Go files that people write.
func (t tree) golang() []file {
	return slices.DeleteFunc(slices.Clone(t.files), func(f file) bool { return f.ast == nil || f.made() })
}

// packages returns the Go files by folder, generated ones included.
func (t tree) packages() map[string][]file {
	out := map[string][]file{}
	for _, f := range t.files {
		if f.ast != nil {
			out[f.dir()] = append(out[f.dir()], f)
		}
	}
	return out
}

func (t tree) fault(f file, at token.Pos, format string, args ...any) fault {
	return fault{f.path, t.fset.Position(at).Line, fmt.Sprintf(format, args...)}
}

// lookup returns the file at a path.
func (t tree) lookup(name string) (file, bool) {
	i, ok := slices.BinarySearchFunc(t.files, name, func(f file, name string) int { return cmp.Compare(f.path, name) })
	if !ok {
		return file{}, false
	}
	return t.files[i], true
}

// grow builds a tree from the text of its files.
func grow(texts map[string]string) (tree, error) {
	t := tree{fset: token.NewFileSet()}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		f := file{path: name, text: texts[name]}
		if strings.HasSuffix(name, ".go") {
			var err error
			if f.ast, err = parser.ParseFile(t.fset, name, f.text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
				return tree{}, err
			}
		}
		t.files = append(t.files, f)
	}
	var err error
	if page, ok := t.lookup("docs/ARCHITECTURE.md"); ok {
		t.plan, err = readPlan(page.text)
	}
	return t, err
}

// plant builds a sample tree for the test of a rule.
func plant(t *testing.T, texts map[string]string) tree {
	t.Helper()
	out, err := grow(texts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// textual reports whether a file is one the rules read.
func textual(name string) bool {
	switch path.Ext(name) {
	case ".go", ".md", ".templ", ".js", ".css", ".yaml", ".yml", ".json", ".sh", ".html", ".mod":
		return path.Base(name) != "package-lock.json"
	}
	return path.Base(name) == "Makefile" || name == ".ci/run"
}

// readTree reads the checkout that this package is part of.
func readTree() (tree, error) {
	texts := map[string]string{}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			// Exercises are the learner's material, wrong on purpose in part; exercises/shelf has their rules.
			if exercise.MatchString(rel) || slices.Contains([]string{".git", "bin", "tmp", "web/engine/dist"}, rel) || slices.Contains([]string{"node_modules", "testdata"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !textual(rel) {
			return nil
		}
		text, err := os.ReadFile(name)
		texts[rel] = string(text)
		return err
	})
	if err != nil {
		return tree{}, err
	}
	return grow(texts)
}

// imported returns the path that an import names.
func imported(s *ast.ImportSpec) string {
	p, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		return s.Path.Value // the parser has accepted it, so this is no path at all
	}
	return p
}
