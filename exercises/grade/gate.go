package grade

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/scanner"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"workbench/exercises/shelf"
)

// Limits of a submission.
const (
	maxFile  = 128 << 10 // bytes of one file
	maxArray = 1 << 20   // elements of an array type or literal
)

// Refusal is one thing that the gate does not let through.
type Refusal struct {
	File string
	Line int // 0: the file as a whole
	Text string
}

func (r Refusal) String() string {
	switch {
	case r.File == "":
		return r.Text
	case r.Line == 0:
		return r.File + ": " + r.Text
	}
	return fmt.Sprintf("%s:%d: %s", r.File, r.Line, r.Text)
}

// gate reads submissions before anything is compiled. It knows syntax alone, so
// it needs no build and costs a few milliseconds. What it refuses is what would
// let an answer reach around its tests, or run code in the compiler's place.
type gate struct {
	e    shelf.Exercise
	fset *token.FileSet
	out  []Refusal
	bad  []Refusal // errors of syntax
}

// inspect returns what the gate refuses in the files of an answer, and what in
// them is not Go.
func inspect(e shelf.Exercise, files map[string]string) (refused, syntax []Refusal) {
	g := &gate{e: e, fset: token.NewFileSet()}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		g.file(name, files[name])
	}
	return g.out, g.bad
}

func (g *gate) refuse(at token.Pos, format string, args ...any) {
	p := g.fset.PositionFor(at, false) // not as a line directive would have it
	g.out = append(g.out, Refusal{p.Filename, p.Line, fmt.Sprintf(format, args...)})
}

func (g *gate) file(name, text string) {
	whole := func(format string, args ...any) {
		g.out = append(g.out, Refusal{name, 0, fmt.Sprintf(format, args...)})
	}
	switch {
	case len(text) > maxFile:
		whole("has %d bytes, at most %d are read", len(text), maxFile)
		return
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		whole("is not text in UTF-8: save it in that encoding")
		return
	}
	f, err := parser.ParseFile(g.fset, name, text, parser.ParseComments|parser.AllErrors)
	if err != nil {
		g.syntax(name, err)
		return
	}
	if f.Name.Name != g.e.Package {
		g.refuse(f.Name.Pos(), "is of package %s: the exercise's package is %s", f.Name.Name, g.e.Package)
	}
	packages := g.imports(f)
	for _, group := range f.Comments {
		for _, c := range group.List {
			g.comment(c)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		g.node(n, packages)
		return true
	})
}

// syntax keeps the first errors of a file that is not Go.
func (g *gate) syntax(name string, err error) {
	list, ok := err.(scanner.ErrorList)
	if !ok {
		g.bad = append(g.bad, Refusal{name, 0, err.Error()})
		return
	}
	for _, e := range list[:min(len(list), 5)] {
		g.bad = append(g.bad, Refusal{name, e.Pos.Line, e.Msg})
	}
}

// imports checks a file's imports and returns the names that they have in it.
func (g *gate) imports(f *ast.File) map[string]bool {
	names := map[string]bool{}
	for _, s := range f.Imports {
		p, err := strconv.Unquote(s.Path.Value)
		if err != nil || !slices.Contains(g.e.AllowImports, p) || slices.Contains(shelf.Forbidden(), p) {
			g.refuse(s.Pos(), "imports %s: this exercise is solved with %s", s.Path.Value, listed(g.e.AllowImports))
			continue
		}
		name := path.Base(p)
		if version.MatchString(name) {
			name = path.Base(path.Dir(p))
		}
		if s.Name != nil {
			name = s.Name.Name
		}
		if name == "." {
			g.refuse(s.Pos(), "imports %s with a dot: call the package by its name, so that it shows what is whose", s.Path.Value)
		}
		names[name] = true
	}
	return names
}

// version is the last part of an import path that does not name the package.
var version = regexp.MustCompile(`^v[0-9]+$`)

func listed(imports []string) string {
	if len(imports) == 0 {
		return "the language alone, without imports"
	}
	return strings.Join(imports, ", ")
}

// comment refuses what the tools would take for an order.
func (g *gate) comment(c *ast.Comment) {
	for prefix, what := range map[string]string{
		"//go:build": "a build tag", "// +build": "a build tag", "//+build": "a build tag", "//go:": "an order to the compiler",
		"//line ": "a line directive", "/*line ": "a line directive", "//export ": "an order to cgo", "//extern ": "an order to the compiler",
	} {
		if strings.HasPrefix(c.Text, prefix) && !(prefix == "//go:" && strings.HasPrefix(c.Text, "//go:build")) {
			g.refuse(c.Pos(), "%q is %s, which answers may not have: delete it", strings.Fields(c.Text)[0], what)
		}
	}
}

// node refuses one piece of syntax.
func (g *gate) node(n ast.Node, packages map[string]bool) {
	write := func(e ast.Expr) {
		if name := foreign(e, packages); name != "" {
			g.refuse(e.Pos(), "changes %s, which belongs to another package: keep state of your own", name)
		}
	}
	switch n := n.(type) {
	case *ast.FuncDecl:
		if n.Body == nil {
			g.refuse(n.Pos(), "func %s has no body: write it in Go", n.Name.Name)
		}
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			for _, e := range n.Lhs {
				write(e)
			}
		}
	case *ast.IncDecStmt:
		write(n.X)
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			write(n.Key)
			write(n.Value)
		}
	case *ast.UnaryExpr:
		if _, literal := n.X.(*ast.CompositeLit); n.Op == token.AND && !literal {
			write(n.X)
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && f.Obj == nil && slices.Contains([]string{"clear", "copy", "delete"}, f.Name) && len(n.Args) > 0 {
			write(n.Args[0])
		}
	case *ast.ArrayType:
		if size, ok := number(n.Len); ok && size > maxArray {
			g.refuse(n.Pos(), "an array of %d elements: at most %d are compiled", size, maxArray)
		}
	case *ast.CompositeLit:
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if _, isMap := n.Type.(*ast.MapType); isMap {
					break
				}
				if index, ok := number(kv.Key); ok && index > maxArray {
					g.refuse(kv.Pos(), "an element number %d: at most %d are compiled", index, maxArray)
				}
			}
		}
	}
}

// foreign returns the name of another package's variable that an expression
// leads to; empty: none.
func foreign(e ast.Expr, packages map[string]bool) string {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.SelectorExpr:
			// The parser resolves what the file declares, so a name that it
			// could not resolve is not a variable that hides the package.
			if id, ok := x.X.(*ast.Ident); ok && id.Obj == nil && packages[id.Name] {
				return id.Name + "." + x.Sel.Name
			}
			e = x.X
		default:
			return ""
		}
	}
}

// number returns the value of an integer expression made of literals.
func number(e ast.Expr) (int64, bool) {
	v := evaluate(e)
	if v == nil {
		return 0, false
	}
	if n, exact := constant.Int64Val(constant.ToInt(v)); exact {
		return n, true
	}
	return 1 << 62, true // more than any limit
}

// evaluate returns the value of an expression of literals; nil when it is
// anything else. What hides behind names is left to the limits of the build.
func evaluate(e ast.Expr) constant.Value {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.INT || e.Kind == token.FLOAT || e.Kind == token.CHAR {
			return constant.ToInt(constant.MakeFromLiteral(e.Value, e.Kind, 0))
		}
	case *ast.ParenExpr:
		return evaluate(e.X)
	case *ast.BinaryExpr:
		return combine(e)
	}
	return nil
}

func combine(e *ast.BinaryExpr) constant.Value {
	x, y := evaluate(e.X), evaluate(e.Y)
	if x == nil || y == nil || x.Kind() != constant.Int || y.Kind() != constant.Int {
		return nil
	}
	switch e.Op {
	case token.SHL, token.SHR:
		if n, exact := constant.Uint64Val(y); exact && n < 512 {
			return constant.Shift(x, e.Op, uint(n))
		}
	case token.ADD, token.SUB, token.MUL:
		return constant.BinaryOp(x, e.Op, y)
	}
	return nil
}
