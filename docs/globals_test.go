package docs_test

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// checkGlobals finds init functions and package-level variables that are, or
// could be, state. What may stand at package level is fixed once made: an
// error, an embedded file, a pattern, a type, a check of an interface, and a
// table of values that nothing in its package writes to.
func checkGlobals(t tree) []fault {
	var out []fault
	for dir, files := range t.packages() {
		files = slices.DeleteFunc(files, func(f file) bool { return f.made() || f.test() })
		written := writes(t, dir, files)
		for _, f := range files {
			for _, d := range f.ast.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil && d.Name.Name == "init" {
						out = append(out, t.fault(f, d.Pos(), "no init functions: whoever needs it calls it by name"))
					}
				case *ast.GenDecl:
					if d.Tok == token.VAR {
						out = append(out, checkVars(t, f, d, written)...)
					}
				}
			}
		}
	}
	return out
}

func checkVars(t tree, f file, d *ast.GenDecl, written map[token.Pos]token.Pos) []fault {
	var out []fault
	for _, s := range d.Specs {
		spec := s.(*ast.ValueSpec)
		for i, name := range spec.Names {
			at, hit := written[name.Pos()]
			switch {
			case name.Name == "_", embedded(d.Doc) || embedded(spec.Doc):
			case hit:
				out = append(out, t.fault(f, name.Pos(), "package-level state: %s is written to at %s", name.Name, t.fset.Position(at)))
			case i >= len(spec.Values) || !fixed(spec.Values[i]):
				out = append(out, t.fault(f, name.Pos(), "package-level state: %s is not a value that stays as it is", name.Name))
			}
		}
	}
	return out
}

func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// fixed reports whether an expression makes a value that is not itself a place
// for state: literals all the way down, or a call known to return such a value.
func fixed(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CompositeLit:
		return e.Type == nil || !stateful(e.Type)
	case *ast.BasicLit, *ast.Ident, *ast.FuncLit, *ast.SelectorExpr, *ast.BinaryExpr:
		return true
	case *ast.CallExpr:
		if _, bytes := e.Fun.(*ast.ArrayType); bytes {
			return len(e.Args) == 1 && fixed(e.Args[0]) // []byte("text")
		}
		return slices.Contains([]string{
			"errors.New", "fmt.Errorf", "regexp.MustCompile", "reflect.TypeFor", "redis.NewScript", "strings.NewReplacer",
		}, callee(e.Fun))
	}
	return false
}

// stateful reports whether a type exists to be changed: a lock, an atomic, a
// channel or a pool.
func stateful(t ast.Expr) bool {
	name := callee(t)
	return strings.HasPrefix(name, "sync.") || strings.HasPrefix(name, "atomic.")
}

// callee returns "package.Name" of a function or type, type arguments aside.
func callee(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IndexExpr:
		return callee(e.X)
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return x.Name + "." + e.Sel.Name
		}
	}
	return ""
}

// writes returns, for the variables of a package that something in it assigns
// to, takes the address of or hands to clear, copy or delete, by the position
// of their name, where it does so first.
func writes(t tree, dir string, files []file) map[token.Pos]token.Pos {
	parsed := make([]*ast.File, len(files))
	for i, f := range files {
		parsed[i] = f.ast
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	// Imports stay unresolved and their errors unheard: all that is asked is
	// which variable of this package a name means.
	conf := types.Config{Importer: nothing{}, Error: func(error) {}}
	pkg, _ := conf.Check(dir, t.fset, parsed, &info)
	out := map[token.Pos]token.Pos{}
	note := func(e ast.Expr) {
		id := root(e)
		if id == nil {
			return
		}
		v, ok := info.Uses[id].(*types.Var)
		if ok && pkg != nil && v.Parent() == pkg.Scope() && out[v.Pos()] == token.NoPos {
			out[v.Pos()] = id.Pos()
		}
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					note(e)
				}
			case *ast.IncDecStmt:
				note(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					note(n.X)
				}
			case *ast.CallExpr:
				if fun, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"clear", "copy", "delete"}, fun.Name) {
					note(n.Args[0])
				}
			}
			return true
		})
	}
	return out
}

// root returns the variable that an assignable expression is part of.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.SliceExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	}
	return nil
}

// nothing imports nothing.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not needed") }

func TestCheckGlobals(t *testing.T) {
	const head = "package x\nimport (\"errors\"; \"sync\"; \"sync/atomic\"; \"regexp\"; \"embed\")\n"
	for _, c := range []struct{ name, code, want string }{
		{"an error", `var ErrX = errors.New("x")`, ""},
		{"a pattern", "var word = regexp.MustCompile(`x`)", ""},
		{"a check", "type T struct{}\nvar _ I = (*T)(nil)", ""},
		{"an embedded file", "//go:embed a.txt\nvar files embed.FS", ""},
		{"a table", `var names = [...]string{"a", "b"}` + "\nfunc f() string { return names[0] }", ""},
		{"a local of the same name", `var names = []string{"a"}` + "\nfunc f() { names := 1; names++ }", ""},
		{"bytes of a text", `var word = []byte("a")`, ""},
		{"written bytes", `var word = []byte("a")` + "\nfunc f() { word[0] = 'b' }", "word is written to"},
		{"an init", "func init() {}", "no init functions"},
		{"a method named init", "type T struct{}\nfunc (T) init() {}", ""},
		{"a bare variable", "var count int", "count is not a value that stays"},
		{"a pointer", "var p = new(int)", "p is not a value"},
		{"a lock", "var mu sync.Mutex", "mu is not a value"},
		{"a lock by literal", "var mu = sync.Mutex{}", "mu is not a value"},
		{"an atomic", "var n = atomic.Pointer[int]{}", "n is not a value"},
		{"a registry", "var all = map[string]int{}\nfunc Add(s string) { all[s] = 1 }", "all is written to"},
		{"a counter", "var n = 0\nfunc f() { n++ }", "n is written to"},
		{"an emptied table", "var all = map[string]int{\"a\": 1}\nfunc f() { clear(all) }", "all is written to"},
		{"an address", "var n = 0\nfunc f() *int { return &n }", "n is written to"},
		{"a field", "var c = struct{ n int }{}\nfunc f() { c.n = 1 }", "c is written to"},
		{"the second of two", "var a, b = 1, make(chan int)", "b is not a value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, checkGlobals(plant(t, map[string]string{"x/x.go": head + c.code})), c.want)
		})
	}
	split := map[string]string{"x/a.go": "package x\nvar n = 0", "x/b.go": "package x\nfunc f() { n = 1 }"}
	expect(t, checkGlobals(plant(t, split)), "n is written to at x/b.go:2")
}
