package live

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"workbench/lab"
	"workbench/lab/scenario"
	"workbench/lab/store/sqlite"
	"workbench/lab/system"
	"workbench/lab/system/kind"
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

// openSystem opens the scenario's demo service. What it opens beyond the lab's
// own database it gives to r.atEnd.
func (r *run) openSystem(ctx context.Context) (system.System, error) {
	switch r.kind.Name {
	case "profile":
		return profile.New(profile.Deps{Store: r.lab.store, Gate: r.gate, Provider: r.provider})
	case "orders":
		return r.openOrders(ctx)
	default:
		return nil, fmt.Errorf("system %q cannot be run live: want one of %s", r.kind.Name, kind.Names())
	}
}

// Known says what scenarios may name: the patterns and the demo services'
// operations.
func Known() scenario.Known {
	k := scenario.Known{Patterns: map[string]lab.Pattern{}, Systems: map[string][]string{}}
	for _, p := range kind.AllPatterns() {
		k.Patterns[p.Name] = p
	}
	for _, s := range kind.All() {
		for _, op := range s.Ops {
			k.Systems[s.Name] = append(k.Systems[s.Name], op.Name)
		}
	}
	return k
}
