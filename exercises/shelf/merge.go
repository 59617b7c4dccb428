package shelf

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
)

// Merged puts the visible and the hidden tests into one package, which is
// quicker to build and lets the hidden ones use the visible ones' helpers. When
// both declare the same name they stay two packages.
func Merged(suites []Suite) []Suite {
	all := Suite{Dir: "tests", Files: map[string]string{}}
	taken := map[string]bool{}
	for _, s := range suites {
		names, ok := declared(s)
		if !ok {
			return suites
		}
		for name := range names {
			if taken[name] {
				return suites
			}
		}
		maps.Copy(taken, names)
		for name, text := range s.Files {
			if _, have := all.Files[name]; have {
				name = s.Dir + "_" + name
			}
			all.Files[name] = text
		}
		all.Tests = append(all.Tests, s.Tests...)
		all.Benchmarks = append(all.Benchmarks, s.Benchmarks...)
	}
	return []Suite{all}
}

// declared returns what the files of a suite declare for their whole package;
// false: one of them is not Go.
func declared(s Suite) (map[string]bool, bool) {
	out := map[string]bool{}
	note := func(id *ast.Ident) {
		if id.Name != "_" && id.Name != "init" {
			out[id.Name] = true
		}
	}
	for name, text := range s.Files {
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, false
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					note(d.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						note(spec.Name)
					case *ast.ValueSpec:
						for _, id := range spec.Names {
							note(id)
						}
					}
				}
			}
		}
	}
	return out, true
}
