package shelf

import (
	_ "embed" // for the two texts below
	"slices"
	"strings"
)

// The modules that tests of exercises with a database need, as `go mod tidy`
// writes them; a test holds their versions to the workbench's own.
var (
	//go:embed modules/sqlite.mod.txt
	sqliteMod string
	//go:embed modules/sqlite.sum.txt
	sqliteSum string
)

// Database is the one package outside the standard library that tests may
// import.
const Database = "modernc.org/sqlite"

// Module returns the go.mod and, if there is need of one, the go.sum of a module
// in which the exercise can be built.
func (e Exercise) Module(name string) (map[string]string, error) {
	out := map[string]string{"go.mod": "module " + name + "\n\ngo 1.26\n"}
	needs, err := e.NeedsDatabase()
	if err != nil {
		return nil, err
	}
	if needs {
		out["go.mod"] += "\n" + sqliteMod
		out["go.sum"] = sqliteSum
	}
	return out, nil
}

// NeedsDatabase reports whether the exercise's tests use one.
func (e Exercise) NeedsDatabase() (bool, error) {
	if slices.Contains(e.AllowImports, Database) {
		return true, nil
	}
	suites, err := e.Suites()
	if err != nil {
		return false, err
	}
	for _, s := range suites {
		for _, text := range s.Files {
			if strings.Contains(text, `"`+Database+`"`) {
				return true, nil
			}
		}
	}
	return false, nil
}
