package shelf

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TestTag is the build tag of test files, which keeps them out of the
// repository's own tests.
const TestTag = "//go:build exercise"

// Suite is the test files of one folder.
type Suite struct {
	Dir        string            // "tests" or "hidden"
	Files      map[string]string // by name
	Tests      []string          // in the order of the files
	Benchmarks []string
}

// Suites returns the visible and the hidden tests; either may be absent.
func (e Exercise) Suites() ([]Suite, error) {
	var out []Suite
	for _, dir := range []string{"tests", "hidden"} {
		files, err := e.Files(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s := Suite{Dir: dir, Files: map[string]string{}}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if !strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, files[name], parser.SkipObjectResolution)
			if err != nil {
				return nil, fmt.Errorf("exercise %s: %s/%w", e.folder, dir, err)
			}
			s.Files[name] = files[name]
			s.Tests = append(s.Tests, functions(f, "Test", "T")...)
			s.Benchmarks = append(s.Benchmarks, functions(f, "Benchmark", "B")...)
		}
		out = append(out, s)
	}
	return out, nil
}

// functions returns the names of a file's functions that `go test` would run:
// those with a prefix and one parameter of type *testing.T or *testing.B.
func functions(f *ast.File, prefix, kind string) []string {
	var out []string
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || fn.Type.TypeParams != nil || len(fn.Type.Params.List) != 1 || fn.Type.Results != nil {
			continue
		}
		rest, ok := strings.CutPrefix(fn.Name.Name, prefix)
		if first, _ := utf8.DecodeRuneInString(rest); !ok || rest != "" && unicode.IsLower(first) {
			continue
		}
		star, ok := fn.Type.Params.List[0].Type.(*ast.StarExpr)
		if !ok {
			continue
		}
		if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.Sel.Name == kind {
			out = append(out, fn.Name.Name)
		}
	}
	return out
}

// imports returns the paths that a file imports.
func imports(f *ast.File) []string {
	var out []string
	for _, s := range f.Imports {
		if path, err := strconv.Unquote(s.Path.Value); err == nil {
			out = append(out, path)
		}
	}
	return out
}
