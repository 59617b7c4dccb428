package docs_test

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"
)

// Limits of a file and of a function. Past them it is two.
const (
	codeLines     = 400
	testLines     = 600
	functionLines = 60
)

// checkSize finds files that people write and that are too long.
func checkSize(t tree) []fault {
	var out []fault
	for _, f := range t.files {
		limit := codeLines
		switch ext := path.Ext(f.path); {
		case f.made() || ext != ".go" && ext != ".templ" && ext != ".js":
			continue
		case f.test() || strings.HasSuffix(f.path, ".test.js"):
			limit = testLines
		}
		if n := f.lines(); n > limit {
			out = append(out, fault{f.path, 0, fmt.Sprintf("has %d lines, at most %d: it holds two things", n, limit)})
		}
	}
	return out
}

// longFunctions returns the functions past the limit. They are a warning: a
// table or a switch may be long and plain.
func longFunctions(t tree) []fault {
	var out []fault
	for _, f := range t.golang() {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || f.test() {
				continue
			}
			if n := t.fset.Position(fn.End()).Line - t.fset.Position(fn.Pos()).Line + 1; n > functionLines {
				out = append(out, t.fault(f, fn.Pos(), "%s has %d lines, at most %d", fn.Name.Name, n, functionLines))
			}
		}
	}
	return out
}

// checkHosts finds the names of package hosts and of hosts that deliver other
// people's files. The workbench is used offline, and what it needs it carries.
// The names are written in two halves so that this file passes.
func checkHosts(t tree) []fault {
	hosts := regexp.MustCompile(`(?i)\b(` + strings.Join([]string{
		"cd" + `n\.`, "unp" + "kg", "jsdel" + "ivr", "google" + "apis", "cd" + "njs", "esm" + `\.sh`, "sky" + "pack",
		"registry" + `\.npmjs`, "proxy" + `\.golang`, "sum" + `\.golang`, "vuln" + `\.go\.dev`, "pypi" + `\.org`, "deb" + `\.debian`,
	}, "|") + ")")
	return grep(t, hosts, func(string) bool { return true }, "names an outside host (%s)")
}

// checkMarks finds marks of unfinished work.
func checkMarks(t tree) []fault {
	marks := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	return grep(t, marks, func(name string) bool { return !strings.HasPrefix(name, bundles) }, "is marked as unfinished (%s)")
}

func grep(t tree, re *regexp.Regexp, in func(path string) bool, format string) []fault {
	var out []fault
	for _, f := range t.files {
		if !in(f.path) || !re.MatchString(f.text) {
			continue
		}
		for i, line := range strings.Split(f.text, "\n") {
			if hit := re.FindString(line); hit != "" {
				out = append(out, fault{f.path, i + 1, fmt.Sprintf(format, hit)})
			}
		}
	}
	return out
}

// checkLinks finds links of a page to files that are not there, and commands
// in it that the Makefile does not know.
func checkLinks(t tree, exists func(path string) bool) []fault {
	link := regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)
	command := regexp.MustCompile("(?:`|^\\s*|&& )make ([a-z][a-z0-9-]*)")
	makefile, _ := t.lookup("Makefile")
	var out []fault
	for _, f := range t.files {
		if path.Ext(f.path) != ".md" {
			continue
		}
		for i, line := range strings.Split(f.text, "\n") {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if !exists(path.Join(f.dir(), m[1])) {
					out = append(out, fault{f.path, i + 1, "links to " + m[1] + ", which is not there"})
				}
			}
			for _, m := range command.FindAllStringSubmatch(line, -1) {
				if !strings.Contains("\n"+makefile.text, "\n"+m[1]+":") {
					out = append(out, fault{f.path, i + 1, "names make " + m[1] + ", which the Makefile does not know"})
				}
			}
		}
	}
	return out
}

func TestCheckSize(t *testing.T) {
	long := func(n int) string { return "package x\n" + strings.Repeat("//\n", n-1) }
	for _, c := range []struct{ path, text, want string }{
		{"x/a.go", long(400), ""},
		{"x/a.go", long(401), "x/a.go: has 401 lines, at most 400"},
		{"x/a_test.go", long(600), ""},
		{"x/a_test.go", long(601), "has 601 lines, at most 600"},
		{"x/a_templ.go", long(900), ""},
		{"x/a.templ", long(401), "has 401 lines"},
		{"web/assets/dist/a.js", long(900), ""},
		{"sim/dist/a.go", long(401), "has 401 lines"},
		{"web/assets/src/a.js", long(401), "has 401 lines"},
		{"web/assets/src/a.test.js", long(401), ""},
		{"docs/a.md", long(900), ""},
	} {
		expect(t, checkSize(plant(t, map[string]string{c.path: c.text})), c.want)
	}
}

func TestLongFunctions(t *testing.T) {
	body := func(n int) string { return "package x\nfunc f() {\n" + strings.Repeat("\n", n-2) + "}" }
	expect(t, longFunctions(plant(t, map[string]string{"x/a.go": body(60)})), "")
	expect(t, longFunctions(plant(t, map[string]string{"x/a.go": body(61)})), "x/a.go:2: f has 61 lines")
	expect(t, longFunctions(plant(t, map[string]string{"x/a_test.go": body(61)})), "")
}

func TestCheckText(t *testing.T) {
	for _, c := range []struct {
		check      func(tree) []fault
		text, want string
	}{
		{checkHosts, "see the guide", ""},
		{checkHosts, "a\nsrc=https://cd" + "n.example/x.js", "a.md:2: names an outside host"},
		{checkHosts, "https://UNP" + "KG.com", "outside host"},
		{checkHosts, "fonts.google" + "apis.com", "outside host"},
		{checkMarks, "to do it well", ""},
		{checkMarks, "TO" + "DO: later", "a.md:1: is marked as unfinished"},
		{checkMarks, "FIX" + "ME", "unfinished"},
	} {
		expect(t, c.check(plant(t, map[string]string{"a.md": c.text})), c.want)
	}
}

func TestCheckLinks(t *testing.T) {
	exists := func(p string) bool { return p == "docs/a.md" }
	for _, c := range []struct{ text, want string }{
		{"[a](a.md) and [b](a.md#part) and [web](https://example.org/x)", ""},
		{"one\n[a](b.md)", "docs/page.md:2: links to b.md"},
		{"![picture](../a.png)", "links to ../a.png"},
		{"run `make test`", ""},
		{"run `make rest`", "names make rest"},
		{"run `make e2e`", "names make e2e"},
		{"    make rest", "names make rest"},
		{"we make rest", ""},
	} {
		sample := plant(t, map[string]string{"docs/page.md": c.text, "Makefile": "test: ## all\n"})
		expect(t, checkLinks(sample, exists), c.want)
	}
}
