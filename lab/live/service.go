package live

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"

	"workbench/lab"
	"workbench/lab/scenario"
	"workbench/lab/store/sqlite"
	"workbench/lab/system"
	"workbench/lab/system/feed"
	"workbench/lab/system/kind"
	"workbench/lab/system/login"
	"workbench/lab/system/notify"
	"workbench/lab/system/profile"
)

// profiles is how many items the service's database holds.
const profiles = 10_000

// openSystem opens the scenario's demo service. What it opens beyond the lab's
// own database it gives to r.atEnd.
func (r *run) openSystem(ctx context.Context) (system.System, error) {
	switch r.kind.Name {
	case "profile":
		return profile.New(profile.Deps{Store: r.lab.data, Gate: r.gate, Provider: r.provider})
	case "feed":
		t, err := r.openTables(ctx, "feed", feed.Schema, false)
		if err != nil {
			return nil, err
		}
		return feed.New(ctx, feed.Deps{Write: t.Write, Read: t.Read, Explain: sqlite.Explain, Gates: r.doors(), Counters: r.countersOf})
	case "login":
		t, err := r.openTables(ctx, "login", login.Schema, false)
		if err != nil {
			return nil, err
		}
		key := make([]byte, 32)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("make the key that signs tokens: %w", err)
		}
		return login.New(ctx, login.Deps{Write: t.Write, Read: t.Read, Explain: sqlite.Explain, Gates: r.doors(), Clock: r.clock, Key: key, Counters: r.countersOf})
	case "notify":
		t, err := r.openTables(ctx, "notify", notify.Schema, false)
		if err != nil {
			return nil, err
		}
		return notify.New(ctx, notify.Deps{Write: t.Write, Read: t.Read, Explain: sqlite.Explain, Gates: r.doors(), Clock: r.clock, Counters: r.countersOf})
	case "orders":
		return r.openOrders(ctx)
	default:
		return nil, fmt.Errorf("system %q cannot be run live: want one of %s", r.kind.Name, kind.Names())
	}
}

// openTables opens a service's own database, which is closed with the run.
func (r *run) openTables(ctx context.Context, name, schema string, durable bool) (*sqlite.Tables, error) {
	t, err := sqlite.OpenTables(ctx, filepath.Join(r.lab.cfg.Dir, "service", name+".db"), schema, durable)
	if err != nil {
		return nil, err
	}
	r.atEnd(func(context.Context) error { return t.Close() })
	return t, nil
}

// doors are the dependencies as the service calls them.
func (r *run) doors() system.Gates {
	return system.Gates{Gate: r.gate, Provider: r.provider, Second: r.second}
}

// countersOf returns a pattern's counters, which outlive its being off.
func (r *run) countersOf(pattern string) *lab.Counters { return r.counts[pattern] }

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
