package docs_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

const (
	rooms = "lab/pattern" // holds one folder a pattern
	suite = "patterntest" // and the suite that all of them pass
)

// checkShape finds pattern rooms that lack a file, whose documentation lacks a
// section, or which the catalog does not list.
func checkShape(t tree) []fault {
	var out []fault
	for dir, files := range t.packages() {
		name, inside := strings.CutPrefix(dir, rooms+"/")
		if !inside || strings.Contains(name, "/") || name == suite {
			continue
		}
		want := []string{"doc.go", name + ".go", name + "_test.go", "example_test.go"}
		if !clientSide(files) {
			want = append(want, "live.go", "virtual.go", "live_test.go")
		}
		for _, w := range want {
			if !slices.ContainsFunc(files, func(f file) bool { return f.name() == w }) {
				out = append(out, fault{dir, 0, "lacks " + w})
			}
		}
		for _, f := range files {
			if f.name() == "doc.go" {
				out = append(out, checkSections(t, f)...)
			}
		}
		if c, ok := t.lookup("lab/catalog/catalog.go"); ok && !imports(c, module+"/"+dir) && !ofService(t, module+"/"+dir) {
			out = append(out, fault{dir, 0, "is not in " + c.path})
		}
	}
	return out
}

// ofService reports whether a room is a pattern that one demo service alone has:
// its kind lists it.
func ofService(t tree, room string) bool {
	for dir, files := range t.packages() {
		if strings.HasPrefix(dir, "lab/system/") && slices.ContainsFunc(files, func(f file) bool { return f.name() == "kind.go" && imports(f, room) }) {
			return true
		}
	}
	return false
}

// clientSide reports whether a room is a pattern of the simulated clients,
// which is only knobs of the traffic and has no place in a chain.
func clientSide(files []file) bool {
	found := false
	for _, f := range files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			pair, ok := n.(*ast.KeyValueExpr)
			if !ok || f.test() {
				return true
			}
			key, isKey := pair.Key.(*ast.Ident)
			value, isValue := pair.Value.(*ast.SelectorExpr)
			found = found || isKey && isValue && key.Name == "Side" && value.Sel.Name == "Client"
			return true
		})
	}
	return found
}

// checkSections holds a pattern's doc.go to the six headings, in order and none
// of them empty. The page and the reference print them.
func checkSections(t tree, f file) []fault {
	var out []fault
	if len(f.ast.Decls) > 0 {
		out = append(out, t.fault(f, f.ast.Decls[0].Pos(), "doc.go holds only the package's documentation"))
	}
	want := []string{"Idea", "When", "Knobs", "Cost", "How it fails", "Source"}
	var got []string
	for i, part := range strings.Split("\n"+f.ast.Doc.Text(), "\n# ") {
		if i == 0 {
			continue // the first sentence
		}
		head, body, _ := strings.Cut(part, "\n")
		got = append(got, head)
		if strings.TrimSpace(body) == "" {
			out = append(out, fault{f.path, 0, fmt.Sprintf("section %q is empty", head)})
		}
	}
	if !slices.Equal(got, want) {
		out = append(out, fault{f.path, 0, fmt.Sprintf("has the sections %q, want %q", got, want)})
	}
	return out
}

func imports(f file, path string) bool {
	return slices.ContainsFunc(f.ast.Imports, func(s *ast.ImportSpec) bool { return imported(s) == path })
}

// checkPackageDocs finds packages without documentation. That of a package is
// in its code; a package of tests alone has it in a test.
func checkPackageDocs(t tree) []fault {
	var out []fault
	for dir, files := range t.packages() {
		code := slices.DeleteFunc(slices.Clone(files), file.test)
		if len(code) == 0 {
			code = files
		}
		if !slices.ContainsFunc(code, func(f file) bool { return !f.made() && strings.TrimSpace(f.ast.Doc.Text()) != "" }) {
			out = append(out, fault{dir, 0, "the package has no documentation"})
		}
	}
	return out
}

func TestCheckShape(t *testing.T) {
	const sections = "/* Package x does.\n\n# Idea\n\na\n\n# When\n\nb\n\n# Knobs\n\nc\n\n# Cost\n\nd\n\n# How it fails\n\ne\n\n# Source\n\nf\n*/\n"
	server := map[string]string{
		"lab/pattern/gap/doc.go": sections + "package gap", "lab/pattern/gap/gap.go": "package gap", "lab/pattern/gap/live.go": "package gap",
		"lab/pattern/gap/virtual.go": "package gap", "lab/pattern/gap/gap_test.go": "package gap", "lab/pattern/gap/live_test.go": "package gap",
		"lab/pattern/gap/example_test.go": "package gap", "lab/catalog/catalog.go": "package catalog\nimport _ \"workbench/lab/pattern/gap\"",
		"lab/pattern/patterntest/run.go": "package patterntest",
	}
	client := map[string]string{
		"lab/pattern/cut/doc.go": sections + "package cut", "lab/pattern/cut/cut.go": "package cut\nvar p = lab.Pattern{Side: lab.Client}",
		"lab/pattern/cut/cut_test.go": "package cut", "lab/pattern/cut/example_test.go": "package cut",
	}
	for _, c := range []struct {
		name       string
		room       map[string]string
		path, text string // what is changed; an empty text takes the file away
		want       string
	}{
		{"a whole room", server, "go.mod", "module workbench", ""},
		{"a client's room", client, "go.mod", "module workbench", ""},
		{"no stage", server, "lab/pattern/gap/virtual.go", "", "lacks virtual.go"},
		{"no live test", server, "lab/pattern/gap/live_test.go", "", "lacks live_test.go"},
		{"no example", client, "lab/pattern/cut/example_test.go", "", "lacks example_test.go"},
		{"not in the catalog", server, "lab/catalog/catalog.go", "package catalog", "is not in lab/catalog"},
		{"no section Cost", server, "lab/pattern/gap/doc.go", strings.Replace(sections, "# Cost", "Cost", 1) + "package gap", "has the sections"},
		{"sections in another order", server, "lab/pattern/gap/doc.go", strings.NewReplacer("Idea", "When", "When", "Idea").Replace(sections) + "package gap", "has the sections"},
		{"an empty section", server, "lab/pattern/gap/doc.go", strings.Replace(sections, "\nd\n", "", 1) + "package gap", `"Cost" is empty`},
		{"code in doc.go", server, "lab/pattern/gap/doc.go", sections + "package gap\nconst x = 1", "holds only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, checkShape(plant(t, changed(c.room, c.path, c.text))), c.want)
		})
	}
}

func TestCheckPackageDocs(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"documented", map[string]string{"a/a.go": "// Package a does.\npackage a", "a/b.go": "package a"}, ""},
		{"not at all", map[string]string{"a/a.go": "package a"}, "a: the package has no documentation"},
		{"only in a test", map[string]string{"a/a.go": "package a", "a/a_test.go": "// Package a does.\npackage a"}, "no documentation"},
		{"only in generated code", map[string]string{"a/a_templ.go": "// Package a does.\npackage a"}, "no documentation"},
		{"a licence is no documentation", map[string]string{"a/a.go": "// Copyright\n\npackage a"}, "no documentation"},
		{"tests alone", map[string]string{"a/a_test.go": "// Package a tests.\npackage a"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, checkPackageDocs(plant(t, c.files)), c.want) })
	}
}

// changed returns a copy of files with one of them replaced, or without it when
// text is empty.
func changed(files map[string]string, path, text string) map[string]string {
	out := map[string]string{}
	for name, t := range files {
		out[name] = t
	}
	out[path] = text
	if text == "" {
		delete(out, path)
	}
	return out
}
