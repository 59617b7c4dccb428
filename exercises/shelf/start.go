package shelf

import (
	"fmt"
	"maps"
	"strings"
)

// Starter returns the files of a module in which a learner solves the exercise
// with an editor and plain `go test`: the beginning of one level ("blank",
// "blanks" or "bug"), the visible tests, the README and a go.mod.
func (e Exercise) Starter(level string) (map[string]string, error) {
	dir := map[string]string{"blank": "start", "blanks": "blanks", "bug": "bug"}[level]
	if dir == "" || !e.Has(dir) {
		return nil, fmt.Errorf("exercise %s: has no level %q, want one of %s", e.Slug, level, strings.Join(e.Startable(), ", "))
	}
	files, err := e.Files(dir)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for name, text := range files {
		if strings.HasSuffix(name, ".go") {
			out[name] = text
		}
	}
	tests, err := e.Files("tests")
	if err != nil {
		return nil, err
	}
	module := "exercise/" + e.Package
	for name, text := range tests {
		text = strings.TrimPrefix(text, TestTag+"\n\n")
		out[name] = strings.ReplaceAll(text, `"`+e.ImportPath()+`"`, `"`+module+`"`)
	}
	if out["README.md"], err = e.Text("README.md"); err != nil {
		return nil, err
	}
	mod, err := e.Module(module)
	maps.Copy(out, mod)
	return out, err
}

// Startable returns the levels that have files to begin with.
func (e Exercise) Startable() []string {
	var out []string
	for _, l := range []struct{ level, dir string }{{"blank", "start"}, {"blanks", "blanks"}, {"bug", "bug"}} {
		if e.Has(l.dir) {
			out = append(out, l.level)
		}
	}
	return out
}
