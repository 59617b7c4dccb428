package docs_test

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// checkClocks finds calls that depend on the machine's clock or on unseeded
// chance outside the places that the clock table gives them. Tests may set a
// timer to guard against a hang, but only those of a browser may sleep.
func checkClocks(t tree) []fault {
	var out []fault
	used := map[string]bool{} // places of the table
	for _, f := range t.golang() {
		if f.browser() {
			continue
		}
		for call, at := range t.plan.calls(f) {
			if f.test() && call != "time.Sleep" {
				continue
			}
			if !t.plan.permitted(call, f, used) {
				out = append(out, t.fault(f, at.Pos(), "%s may not stand here: see the clock table in docs/ARCHITECTURE.md", call))
			}
		}
	}
	for _, c := range t.plan.clocks {
		for _, place := range c.places {
			if !used[c.calls[0]+" "+place] {
				out = append(out, fault{"docs/ARCHITECTURE.md", 0, fmt.Sprintf("the clock table lets %s call %s, which it does not", place, strings.Join(c.calls, " "))})
			}
		}
	}
	return out
}

// calls returns where a file first mentions each call that the clock table
// names; for a whole package, its import.
func (p plan) calls(f file) map[string]ast.Node {
	watched := map[string]bool{}
	for _, c := range p.clocks {
		for _, name := range c.calls {
			watched[name] = true
		}
	}
	out := map[string]ast.Node{}
	names := map[string]string{} // what an imported package is called here
	for _, s := range f.ast.Imports {
		full := imported(s)
		local := path.Base(full)
		if s.Name != nil {
			local = s.Name.Name
		}
		names[local] = full
		if watched[strings.TrimSuffix(full, "/v2")] {
			out[strings.TrimSuffix(full, "/v2")] = s
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok {
			name := names[x.Name] + "." + sel.Sel.Name
			if watched[name] && out[name] == nil {
				out[name] = sel
			}
		}
		return true
	})
	return out
}

// permitted reports whether a file may make a call, and notes in used by which
// place of the table.
func (p plan) permitted(call string, f file, used map[string]bool) bool {
	for _, c := range p.clocks {
		for _, place := range c.places {
			if slices.Contains(c.calls, call) && (covers(place, f.path) || covers(place, f.dir())) {
				used[c.calls[0]+" "+place] = true
				return true
			}
		}
	}
	return false
}

// covers reports whether a place of the clock table means a path. A "*" in it
// stands for one name.
func covers(place, name string) bool {
	ok, err := path.Match(place, name)
	return ok && err == nil
}

// checkCores holds the core of each pattern, and its wrapper for virtual time,
// to code that only computes: no lock, goroutine, channel, context, input,
// output or log.
func checkCores(t tree) []fault {
	banned := []string{"context", "log", "log/slog", "net", "net/http", "os", "sync", "sync/atomic"}
	var out []fault
	for _, f := range t.golang() {
		room, inside := strings.CutPrefix(f.dir(), rooms+"/")
		if !inside || f.name() != room+".go" && f.name() != "virtual.go" {
			continue
		}
		for _, s := range f.ast.Imports {
			if p := imported(s); slices.Contains(banned, p) {
				out = append(out, t.fault(f, s.Pos(), "a core may not import %s", p))
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
				out = append(out, t.fault(f, n.Pos(), "a core has no goroutines and no channels (%s)", strings.TrimPrefix(fmt.Sprintf("%T", n), "*ast.")))
				return false
			}
			return true
		})
	}
	return out
}

func TestCheckClocks(t *testing.T) {
	using := func(imp, call string) string { return "package x\nimport " + imp + "\nvar _ = " + call }
	for _, c := range []struct {
		name, path, text string
		want             string
	}{
		{"the clock", "sim/clock/x.go", using(`"time"`, "time.Now"), ""},
		{"a core", "lab/pattern/near/near.go", using(`"time"`, "time.Now"), "time.Now may not stand here"},
		{"under another name", "lab/x.go", using(`t "time"`, "t.Since"), "time.Since may not stand here"},
		{"a namesake", "lab/x.go", using(`time "workbench/lab/time"`, "time.Now"), ""},
		{"a timer in live.go", "lab/pattern/near/live.go", using(`"time"`, "time.NewTimer"), ""},
		{"a timer in a core", "lab/pattern/near/near.go", using(`"time"`, "time.NewTimer"), "time.NewTimer may not"},
		{"a timer elsewhere", "lab/live/live.go", using(`"time"`, "time.NewTimer"), "time.NewTimer may not"},
		{"a place without a call", "lab/pattern/near/live.go", "package near", "lets lab/pattern/*/live.go call time.NewTimer, which it does not"},
		{"dice", "sim/load/x.go", using(`"math/rand/v2"`, "rand.Float64"), "math/rand may not"},
		{"a test that sets a timer", "lab/x_test.go", using(`"time"`, "time.NewTimer"), ""},
		{"a test that sleeps", "lab/x_test.go", using(`"time"`, "time.Sleep"), "time.Sleep may not"},
		{"a browser's test", "web/e2e/x_test.go", using(`"time"`, "time.Sleep"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, checkClocks(plant(t, changed(map[string]string{
				"docs/ARCHITECTURE.md":     samplePlan,
				"sim/clock/clock.go":       using(`"time"`, "time.Now"),
				"lab/pattern/near/live.go": using(`"time"`, "time.NewTimer"),
			}, c.path, c.text))), c.want)
		})
	}
}

func TestCheckCores(t *testing.T) {
	for _, c := range []struct {
		name, path, text string
		want             string
	}{
		{"pure", "lab/pattern/near/near.go", "package near\nimport \"time\"\nvar _ time.Duration", ""},
		{"a lock", "lab/pattern/near/near.go", "package near\nimport \"sync\"\nvar _ sync.Mutex", "may not import sync"},
		{"a lock in live.go", "lab/pattern/near/live.go", "package near\nimport \"sync\"\nvar _ sync.Mutex", ""},
		{"a context in virtual time", "lab/pattern/near/virtual.go", "package near\nimport \"context\"\nvar _ context.Context", "may not import context"},
		{"a goroutine", "lab/pattern/near/near.go", "package near\nfunc f() { go f() }", "GoStmt"},
		{"a channel", "lab/pattern/near/near.go", "package near\ntype t struct{ c chan int }", "ChanType"},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, checkCores(plant(t, map[string]string{c.path: c.text})), c.want) })
	}
}
