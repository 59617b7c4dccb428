package docs_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readDrills reads the exercises' own tests, those that the learner gets and
// those that only the grader runs. TestHouse leaves the exercises' folders out,
// because they hold answers that are wrong on purpose; the tests are not.
func readDrills() (tree, error) {
	texts := map[string]string{}
	for _, dir := range []string{"tests", "hidden"} {
		names, err := filepath.Glob("../exercises/[0-9][0-9]-*/" + dir + "/*.go")
		if err != nil {
			return tree{}, err
		}
		for _, name := range names {
			rel, err := filepath.Rel("..", name)
			if err != nil {
				return tree{}, err
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return tree{}, err
			}
			texts[filepath.ToSlash(rel)] = string(text)
		}
	}
	return grow(texts)
}

// passing is the helper by which a test lets time go by in a bubble, where it
// costs none.
const passing = "pass"

// checkNaps finds tests of exercises that sleep: time.Sleep under whatever name,
// and a wait for a timer alone, which is a sleep by another name. There is no
// list of exceptions. Only a helper called pass, in a package that has bubbles,
// waits for a timer; one that guards against a hang waits beside an event.
func checkNaps(t tree) []fault {
	var out []fault
	bubbles := map[string]bool{} // exercises with virtual time: hidden tests may use the visible ones' helpers
	for _, f := range t.golang() {
		if (plan{clocks: []permit{{calls: []string{"testing/synctest"}}}}).calls(f)["testing/synctest"] != nil {
			bubbles[filepath.Dir(f.dir())] = true
		}
	}
	sleeps := plan{clocks: []permit{{calls: []string{"time.Sleep"}}}}
	for _, f := range t.golang() {
		for call, at := range sleeps.calls(f) {
			out = append(out, t.fault(f, at.Pos(), "%s may not stand in a test: wait for what it waits for, or let virtual time %s", call, passing))
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == passing && bubbles[filepath.Dir(f.dir())] {
				continue
			}
			for _, at := range lonely(d) {
				out = append(out, t.fault(f, at, "a wait for a timer alone is a sleep: wait for an event beside it, or in a bubble let virtual time %s", passing))
			}
		}
	}
	return out
}

// lonely returns where a declaration receives from a timer that it makes there,
// other than in a select with something else to wait for.
func lonely(d ast.Decl) []token.Pos {
	var out []token.Pos
	guards := map[ast.Node]bool{} // cases of a select with several
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectStmt:
			if len(n.Body.List) < 2 {
				break
			}
			for _, c := range n.Body.List {
				ast.Inspect(c.(*ast.CommClause).Comm, func(n ast.Node) bool {
					guards[n] = true
					return n != nil
				})
			}
		case *ast.UnaryExpr:
			if n.Op == token.ARROW && !guards[n] && timer(n.X) {
				out = append(out, n.Pos())
			}
		}
		return true
	})
	return out
}

// timer reports whether an expression is a channel of the package time's own:
// time.After(d), time.Tick(d), time.NewTimer(d).C or time.NewTicker(d).C.
func timer(x ast.Expr) bool {
	if field, ok := x.(*ast.SelectorExpr); ok && field.Sel.Name == "C" {
		x = field.X
	}
	call, ok := x.(*ast.CallExpr)
	if !ok {
		return false
	}
	made, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := made.X.(*ast.Ident)
	return ok && pkg.Name == "time" && slices.Contains([]string{"After", "Tick", "NewTimer", "NewTicker"}, made.Sel.Name)
}

// checkCopies finds copies of the two helpers for waiting that differ from the
// others. Exercises share no package, for a learner gets one of them alone.
func checkCopies(t tree) []fault {
	var out []fault
	first := map[string]string{}
	for _, f := range t.golang() {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !slices.Contains([]string{passing, "rest"}, fn.Name.Name) {
				continue
			}
			if !waits(fn) {
				continue // another helper of that name
			}
			from := fn.Pos()
			if fn.Doc != nil {
				from = fn.Doc.Pos()
			}
			text := f.text[t.fset.Position(from).Offset:t.fset.Position(fn.End()).Offset]
			if was, ok := first[fn.Name.Name]; ok && was != text {
				out = append(out, t.fault(f, fn.Pos(), "%s differs from that of other exercises: change all or none", fn.Name.Name))
			} else {
				first[fn.Name.Name] = text
			}
		}
	}
	return out
}

// waits reports whether a function is one of the helpers for waiting, by what it
// takes: how long, or the test and nothing else.
func waits(fn *ast.FuncDecl) bool {
	if len(fn.Type.Params.List) != 1 || fn.Type.Results != nil {
		return false
	}
	sel, ok := fn.Type.Params.List[0].Type.(*ast.SelectorExpr)
	return ok && (sel.Sel.Name == "Duration" || sel.Sel.Name == "TB")
}

// TestDrills holds the exercises' tests to the rule that no test sleeps.
func TestDrills(t *testing.T) {
	drills, err := readDrills()
	if err != nil {
		t.Fatal(err)
	}
	dirs := map[string]bool{}
	for _, f := range drills.golang() {
		dirs[f.dir()] = true
	}
	folders, err := filepath.Glob("../exercises/[0-9][0-9]-*/exercise.json")
	if err != nil || len(folders) < 20 || len(dirs) != 2*len(folders) {
		t.Fatalf("read %d folders of tests of %d exercises (%v), want two of each: this is not the tree", len(dirs), len(folders), err)
	}
	for _, line := range sorted(slices.Concat(checkNaps(drills), checkCopies(drills))) {
		t.Error(line)
	}
}

func TestCheckNaps(t *testing.T) {
	const bubble = "package x_test\nimport (\n\"testing/synctest\"\n\"time\"\n)\nvar _ = synctest.Wait\n"
	const plain = "package x_test\nimport \"time\"\n"
	for _, c := range []struct {
		name, text string
		want       string
	}{
		{"nothing", plain + "var _ time.Duration", ""},
		{"a sleep", plain + "func f() { time.Sleep(1) }", "time.Sleep may not"},
		{"a sleep in a bubble", bubble + "func f() { time.Sleep(1) }", "time.Sleep may not"},
		{"a sleep under another name", "package x_test\nimport t \"time\"\nvar nap = t.Sleep", "time.Sleep may not"},
		{"a sleep behind a build tag", "//go:build exercise\n\n" + plain + "func f() { time.Sleep(1) }", "time.Sleep may not"},
		{"a timer alone", plain + "func f() { <-time.After(1) }", "is a sleep"},
		{"a timer alone in a bubble", bubble + "func f() { <-time.NewTimer(1).C }", "is a sleep"},
		{"a timer alone in a select", plain + "func f() { select { case <-time.After(1): } }", "is a sleep"},
		{"a timer beside an event", plain + "func f(c chan int) { select { case <-c: case <-time.After(1): } }", ""},
		{"a timer alone after an event", plain + "func f(c chan int) { select { case <-c: <-time.Tick(1); default: } }", "is a sleep"},
		{"pass in a bubble", bubble + "func pass(d time.Duration) { <-time.After(d) }", ""},
		{"pass without bubbles", plain + "func pass(d time.Duration) { <-time.After(d) }", "is a sleep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, dir := range []string{"tests", "hidden"} {
				name := fmt.Sprintf("exercises/01-x/%s/x_test.go", dir)
				expect(t, checkNaps(plant(t, map[string]string{name: c.text})), c.want)
			}
		})
	}
}

func TestCheckCopies(t *testing.T) {
	const one = "package x_test\n// pass passes.\nfunc pass(d time.Duration) { <-time.After(d) }\n"
	for _, c := range []struct {
		name, other string
		want        string
	}{
		{"alike", one, ""},
		{"another text", strings.Replace(one, "After(d)", "After(2 * d)", 1), "pass differs"},
		{"another comment", strings.Replace(one, "passes", "waits", 1), "pass differs"},
		{"no comment", strings.Replace(one, "// pass passes.\n", "", 1), "pass differs"},
		{"another helper of that name", "package x_test\n// pass runs a pass.\nfunc pass(t *testing.T, n int) {}\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, checkCopies(plant(t, map[string]string{"exercises/01-x/tests/x_test.go": one, "exercises/02-y/tests/y_test.go": c.other})), c.want)
		})
	}
}
