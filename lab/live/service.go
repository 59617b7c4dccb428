package live

import (
	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/lab/scenario"
	"workbench/lab/system/profile"
)

// profiles is how many items the service's database holds.
const profiles = 10_000

// Known says what scenarios may name: the catalog's patterns and the demo
// service's operations.
func Known() scenario.Known {
	k := scenario.Known{Patterns: map[string]lab.Pattern{}, Systems: map[string][]string{"profile": opNames()}}
	for _, p := range catalog.Patterns() {
		k.Patterns[p.Name] = p
	}
	return k
}

func opNames() []string {
	var out []string
	for _, op := range profile.Ops() {
		out = append(out, op.Name)
	}
	return out
}
