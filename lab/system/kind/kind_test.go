package kind_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"workbench/lab"
	"workbench/lab/system"
	"workbench/lab/system/kind"
)

func TestEveryServiceIsDescribed(t *testing.T) {
	names := map[string]bool{}
	for _, k := range kind.All() {
		if k.Name == "" || names[k.Name] || k.Title == "" || k.Gate == "" || k.Provider == "" || k.Line == "" || utf8.RuneCountInString(k.Line) > 80 || len(k.Ops) == 0 {
			t.Errorf("service %+v: want a name of its own, a title, a line of at most 80 characters, names for its dependencies, and operations", k)
		}
		names[k.Name] = true
		if found, ok := kind.Find(k.Name); !ok || found.Title != k.Title {
			t.Errorf("Find(%q) = %q, %v; want the service", k.Name, found.Title, ok)
		}
		for i, op := range k.Ops {
			path := k.Path(&lab.Request{Op: uint8(i), Key: 7, User: 3}, nil)
			for _, v := range path {
				if v.Times < 1 || v.Door > system.Second {
					t.Errorf("%s: operation %s makes the visit %+v, want at least one of a dependency there is", k.Name, op.Name, v)
				}
			}
		}
	}
	if _, ok := kind.Find("teleport"); ok || !strings.Contains(kind.Names(), "profile") {
		t.Errorf("Find(teleport) = %v, Names() = %q", ok, kind.Names())
	}
}

// A service's own choices come after everybody's patterns and before the
// clients', and are of that service alone.
func TestPatterns(t *testing.T) {
	names := map[string]bool{}
	for _, p := range kind.AllPatterns() {
		if names[p.Name] {
			t.Errorf("two patterns are named %q", p.Name)
		}
		names[p.Name] = true
	}
	for _, k := range kind.All() {
		places := map[string]int{}
		clients := false
		for i, p := range kind.Patterns(k.Name) {
			places[p.Name] = i
			if clients = clients || p.Side == lab.Client; clients && p.Side != lab.Client {
				t.Errorf("%s: %s comes after a pattern of the clients", k.Name, p.Name)
			}
			if p.System != "" && p.System != k.Name {
				t.Errorf("%s has %s, which is %s's", k.Name, p.Name, p.System)
			}
		}
		for _, p := range k.Choices {
			if p.System != k.Name || p.Title == "" || p.Line == "" || len(p.Events) == 0 {
				t.Errorf("%s: choice %+v, want System %q, a title, a line and what it counts", k.Name, p, k.Name)
			}
			text, err := kind.Doc(p.Name)
			for _, part := range []string{"# Idea", "# When", "# Cost", "# How it fails"} {
				if !strings.Contains(text, part) {
					t.Errorf("%s: the documentation of %s has no part %q: %v", k.Name, p.Name, part, err)
				}
			}
			if _, err := p.Settings(nil); err != nil {
				t.Errorf("%s: the defaults of %s: %v", k.Name, p.Name, err)
			}
			if places[p.Name] < places["bulkhead"] {
				t.Errorf("%s: %s comes before the bulkhead", k.Name, p.Name)
			}
		}
	}
}

func TestOpNames(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range kind.OpNames() {
		if seen[name] {
			t.Errorf("OpNames() holds %q twice", name)
		}
		seen[name] = true
	}
	if !seen["read-profile"] {
		t.Error("OpNames() lacks read-profile")
	}
}
