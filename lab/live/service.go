package live

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/lab/scenario"
	"workbench/lab/store/sqlite"
	"workbench/lab/system/profile"
)

// profiles is how many items the service's database holds.
const profiles = 10_000

// openStore opens and fills the service's database in dir. It is demo data:
// what an earlier process left is removed.
func openStore(ctx context.Context, dir string) (*sqlite.Store, error) {
	dir = filepath.Join(dir, "service")
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("empty the service's directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the service's directory: %w", err)
	}
	s, err := sqlite.Open(ctx, filepath.Join(dir, "profiles.db"))
	if err != nil {
		return nil, err
	}
	if err := s.Seed(ctx, profiles); err != nil {
		return nil, fmt.Errorf("fill the service's database: %w", err)
	}
	return s, nil
}

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
