package docs_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestHouse holds the whole tree to the rules. Each rule has a test of its own
// on samples that break it, beside it.
func TestHouse(t *testing.T) {
	house, err := readTree()
	if err != nil {
		t.Fatal(err)
	}
	if len(house.golang()) < 100 || len(house.plan.rows) < 20 {
		t.Fatalf("read %d Go files and %d rooms: this is not the tree", len(house.golang()), len(house.plan.rows))
	}
	links := func(t tree) []fault {
		return checkLinks(t, func(name string) bool {
			_, err := os.Stat(filepath.Join("..", name))
			return err == nil
		})
	}
	for _, rule := range []struct {
		name  string
		check func(tree) []fault
	}{
		{"imports run downwards", checkFloors},
		{"each module has its reason", checkModules},
		{"a pattern's room is whole", checkShape},
		{"each package is documented", checkPackageDocs},
		{"time and chance are arguments", checkClocks},
		{"cores only compute", checkCores},
		{"no package-level state", checkGlobals},
		{"files are short", checkSize},
		{"no outside hosts", checkHosts},
		{"nothing is unfinished", checkMarks},
		{"links lead somewhere", links},
	} {
		t.Run(rule.name, func(t *testing.T) {
			for _, line := range sorted(rule.check(house)) {
				t.Error(line)
			}
		})
	}
	if long := sorted(longFunctions(house)); len(long) > 0 {
		t.Logf("warning: %d functions are longer than %d lines:\n%s", len(long), functionLines, strings.Join(long, "\n"))
	}
}

func sorted(faults []fault) []string {
	var out []string
	for _, f := range faults {
		out = append(out, f.String())
	}
	slices.Sort(out)
	return out
}
