package docs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// checkFloors finds imports that run upwards, third-party imports in rooms that
// may not have them, and rows of the table that nothing needs any more.
func checkFloors(t tree) []fault {
	var out []fault
	used := map[string]bool{} // rows, and modules by row and column
	for _, f := range t.files {
		if f.ast == nil {
			continue
		}
		from := t.plan.find(f.dir())
		if from < 0 {
			out = append(out, fault{f.path, 0, fmt.Sprintf("package %s has no row in the floor table of docs/ARCHITECTURE.md", f.dir())})
			continue
		}
		used[t.plan.rows[from].name] = true
		for _, spec := range f.ast.Imports {
			if why := t.plan.objection(f, from, imported(spec), used); why != "" {
				out = append(out, t.fault(f, spec.Pos(), "%s", why))
			}
		}
	}
	return append(out, t.plan.unused(used)...)
}

// objection says why a file of room from may not import a path; empty when it
// may. It notes in used what permits a third-party import.
func (p plan) objection(f file, from int, path string, used map[string]bool) string {
	first, _, _ := strings.Cut(path, "/")
	dir, own := strings.CutPrefix(path, module+"/")
	switch {
	case own:
		return p.upward(f.dir(), from, dir, f.test() && strings.HasSuffix(f.ast.Name.Name, "_test"))
	case !strings.Contains(first, "."):
		return "" // the standard library
	}
	r := p.rows[from]
	within := func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") }
	if i := slices.IndexFunc(r.modules, within); i >= 0 && !f.test() {
		used[r.name+" "+r.modules[i]] = true
		return ""
	}
	if f.test() && slices.ContainsFunc(r.modules, within) {
		return ""
	}
	if i := slices.IndexFunc(r.oracles, within); i >= 0 && f.test() {
		used[r.name+" test "+r.oracles[i]] = true
		return ""
	}
	return fmt.Sprintf("%s may not import %s: the floor table does not list it for this room", r.name, path)
}

// upward says why dir, in row from, may not import the room at to. An external
// test stands beside its package, so within the floor it may import any room:
// what helps to test a room may be built on it.
func (p plan) upward(dir string, from int, to string, external bool) string {
	i := p.find(to)
	switch {
	case i < 0:
		return fmt.Sprintf("imports %s, which has no row in the floor table", to)
	case p.siblings(dir, to, i):
		return fmt.Sprintf("%s may not import %s: rooms of one kind never import one another", dir, to)
	case dir == to || i == from || i < from:
		return ""
	case external && p.rows[i].floor == p.rows[from].floor:
		return ""
	case p.rows[i].floor > p.rows[from].floor:
		return fmt.Sprintf("%s (floor %d) imports %s (floor %d): imports run downwards only", dir, p.rows[from].floor, to, p.rows[i].floor)
	}
	return fmt.Sprintf("%s imports %s, which stands below it in the table of floor %d: within a floor a room imports what stands above it", dir, to, p.rows[from].floor)
}

// siblings reports whether two folders are rooms of one kind ("lab/pattern/*"),
// and the one at to, in row i, is not a suite for them listed before.
func (p plan) siblings(dir, to string, i int) bool {
	for n, r := range p.rows {
		if strings.HasSuffix(r.name, "/*") && dir != to && match(r.name, dir) && match(r.name, to) && i >= n {
			return true
		}
	}
	return false
}

// unused returns the rows and modules of the table that no import bears out.
func (p plan) unused(used map[string]bool) []fault {
	const page = "docs/ARCHITECTURE.md"
	var out []fault
	for _, r := range p.rows {
		if !used[r.name] {
			out = append(out, fault{page, 0, fmt.Sprintf("the floor table lists %s, which holds no Go", r.name)})
			continue
		}
		for _, m := range r.modules {
			if !used[r.name+" "+m] {
				out = append(out, fault{page, 0, fmt.Sprintf("the floor table lets %s import %s, which it does not", r.name, m)})
			}
		}
		for _, m := range r.oracles {
			if !used[r.name+" test "+m] {
				out = append(out, fault{page, 0, fmt.Sprintf("the floor table lets the tests of %s import %s, which they do not", r.name, m)})
			}
		}
	}
	return out
}

// checkModules holds go.mod to the decision on dependencies: each module that
// the floor table names and each tool must be named there with its reason.
func checkModules(t tree) []fault {
	const decision = "docs/adr/0008-dependencies.md"
	page, ok := t.lookup(decision)
	if !ok {
		return []fault{{decision, 0, "is missing"}}
	}
	var need []string
	for _, r := range t.plan.rows {
		need = append(need, slices.Concat(r.modules, r.oracles)...)
	}
	if mod, ok := t.lookup("go.mod"); ok {
		_, tools, _ := strings.Cut(mod.text, "\ntool (")
		tools, _, _ = strings.Cut(tools, ")")
		need = append(need, strings.Fields(tools)...)
	}
	slices.Sort(need)
	var out []fault
	for _, m := range slices.Compact(need) {
		if !strings.Contains(page.text, "`"+m+"`") {
			out = append(out, fault{decision, 0, fmt.Sprintf("does not give the reason for `%s`", m)})
		}
	}
	return out
}

// samplePlan is a small house for the tests of the rules.
const samplePlan = floorHead + `
|---|---|---|---|---|
` + "| 0 | `sim/clock` | time | | |" + `
` + "| 0 | `sim/load/...` | traffic | | |" + `
` + "| 1 | `lab` | words | | |" + `
` + "| 2 | `lab/pattern/suite` | tests | | |" + `
` + "| 2 | `lab/pattern/*` | patterns | `good.org/lib` | `good.org/oracle` |" + `
` + "| 2 | `lab/pattern/far` | a pattern | `good.org/net` | |" + `
` + "| 4 | `lab/live` | engine | | |" + `

` + clockHead + `
|---|---|
` + "| `time.Now` `time.Since` | `sim/clock` |" + `
` + "| `time.NewTimer` | `lab/pattern/*/live.go` |" + `
` + "| `time.Sleep` `math/rand` | |" + `
`

// sample plants a house in which every row of samplePlan is borne out, with
// extra files on top.
func sample(t *testing.T, extra map[string]string) tree {
	t.Helper()
	texts := map[string]string{
		"docs/ARCHITECTURE.md":       samplePlan,
		"sim/clock/clock.go":         "package clock",
		"sim/load/load.go":           "package load\nimport _ \"workbench/sim/clock\"",
		"sim/load/null/null.go":      "package null\nimport _ \"workbench/sim/load\"",
		"lab/lab.go":                 "package lab",
		"lab/pattern/suite/suite.go": "package suite",
		"lab/pattern/near/near.go":   "package near\nimport _ \"good.org/lib/deep\"\nimport _ \"workbench/lab\"",
		"lab/pattern/near/n_test.go": "package near_test\nimport _ \"good.org/oracle\"\nimport _ \"good.org/lib\"\nimport _ \"workbench/lab/pattern/suite\"",
		"lab/pattern/far/far.go":     "package far\nimport _ \"good.org/net\"",
		"lab/live/live.go":           "package live\nimport _ \"workbench/lab/pattern/near\"\nimport _ \"fmt\"",
	}
	for name, text := range extra {
		if text == "" {
			delete(texts, name)
			continue
		}
		texts[name] = text
	}
	return plant(t, texts)
}

func TestCheckFloors(t *testing.T) {
	importing := func(p string) string { return "package x\nimport _ \"" + p + "\"" }
	for _, c := range []struct {
		name, path, text string
		want             string // part of the only fault; empty: none
	}{
		{"a sound house", "lab/live/more.go", importing("workbench/lab"), ""},
		{"upwards", "lab/up.go", importing("workbench/lab/live"), "lab (floor 1) imports lab/live (floor 4)"},
		{"upwards in a test", "sim/clock/up_test.go", importing("workbench/lab"), "sim/clock (floor 0) imports lab (floor 1)"},
		{"down the table of a floor", "sim/clock/x.go", importing("workbench/sim/load"), "stands below it"},
		{"down the table in an internal test", "sim/clock/x_test.go", importing("workbench/sim/load"), "stands below it"},
		{"down the table in an external test", "sim/clock/x_test.go", strings.Replace(importing("workbench/sim/load"), "package x", "package x_test", 1), ""},
		{"a pattern imports a pattern", "lab/pattern/near/x.go", importing("workbench/lab/pattern/far"), "never import one another"},
		{"a listed pattern imports one by kind", "lab/pattern/far/x.go", importing("workbench/lab/pattern/near"), "never import one another"},
		{"the suite imports a pattern", "lab/pattern/suite/x.go", importing("workbench/lab/pattern/near"), "never import one another"},
		{"a room within a room", "sim/load/null/x.go", importing("workbench/sim/load"), ""},
		{"foreign module", "lab/x.go", importing("bad.org/lib"), "lab may not import bad.org/lib"},
		{"another room's module", "lab/pattern/near/x.go", importing("good.org/net"), "may not import good.org/net"},
		{"an oracle in code", "lab/pattern/near/x.go", importing("good.org/oracle"), "may not import good.org/oracle"},
		{"a longer name is another module", "lab/pattern/near/x.go", importing("good.org/library"), "may not import good.org/library"},
		{"a room without a row", "lab/attic/x.go", importing("fmt"), "package lab/attic has no row"},
		{"an import without a row", "lab/live/x.go", importing("workbench/lab/attic"), "which has no row"},
		{"a row without a room", "lab/live/live.go", "", "lists lab/live, which holds no Go"},
		{"a module without a use", "lab/pattern/far/far.go", "package far", "lets lab/pattern/far import good.org/net, which it does not"},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, checkFloors(sample(t, map[string]string{c.path: c.text})), c.want)
		})
	}
}

func TestCheckModules(t *testing.T) {
	const decision = "docs/adr/0008-dependencies.md"
	all := "`good.org/lib` `good.org/net` `good.org/oracle` `good.org/cmd/tool`"
	mod := "module workbench\n\ntool (\n\tgood.org/cmd/tool\n)\n"
	expect(t, checkModules(sample(t, map[string]string{decision: all, "go.mod": mod})), "")
	expect(t, checkModules(sample(t, map[string]string{decision: strings.Replace(all, "`good.org/net`", "", 1), "go.mod": mod})), "`good.org/net`")
	expect(t, checkModules(sample(t, map[string]string{decision: strings.Replace(all, "`good.org/cmd/tool`", "", 1), "go.mod": mod})), "`good.org/cmd/tool`")
	expect(t, checkModules(sample(t, nil)), "is missing")
}

// expect holds faults to exactly one that contains want, or none for "".
func expect(t *testing.T, got []fault, want string) {
	t.Helper()
	switch {
	case want == "" && len(got) > 0:
		t.Errorf("faults %q, want none", got)
	case want != "" && (len(got) != 1 || !strings.Contains(got[0].String(), want)):
		t.Errorf("faults %q, want one with %q", got, want)
	}
}
