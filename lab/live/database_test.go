package live_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"workbench/lab/live"
	"workbench/lab/store/postgres/pgtest"
)

// database changes who answers reads, and must succeed.
func (r *rig) database(changes map[string]any) live.State {
	r.t.Helper()
	s, err := r.SetDatabase(r.t.Context(), changes)
	if err != nil {
		r.t.Fatalf("SetDatabase(%v): %v", changes, err)
	}
	return s
}

// own writes and reads as new callers, one after the other, and returns how
// many missed their own write.
func (r *rig) own(from, n int) (missed int) {
	r.t.Helper()
	for i := from; i < from+n; i++ {
		path, user := fmt.Sprintf("/profiles/%d", 200+i%50), fmt.Sprint(1_000_000+i)
		text := fmt.Sprintf("note %d", i)
		if code, _, body := r.ask("a", "PUT", path, `{"bio":"`+text+`"}`, "Workbench-User", user); code != 200 {
			r.t.Fatalf("PUT %s: %d %s", path, code, body)
		}
		code, _, body := r.ask("a", "GET", path, "", "Workbench-User", user)
		if code != 200 {
			r.t.Fatalf("GET %s: %d %s", path, code, body)
		}
		if !strings.Contains(body, text) {
			missed++
		}
	}
	return missed
}

// lagging holds a lab to what the ways to read one's own writes promise.
func lagging(t *testing.T, r *rig) {
	if _, err := r.SetFault(t.Context(), "replica-lag", live.FaultChange{On: true}); !errors.Is(err, live.ErrConflict) || !strings.Contains(err.Error(), "no replica is read") {
		t.Errorf("a lag of what is not read = %v, want ErrConflict that says so", err)
	}
	r.database(map[string]any{"reads": "replicas"})
	before := r.State().Database.Counts
	r.own(0, 5)
	if s := r.State().Database.Counts; s.Replica < before.Replica+5 {
		t.Errorf("after five reads: %+v, want them from replicas", s)
	}
	if _, err := r.SetFault(t.Context(), "replica-lag", live.FaultChange{On: true, By: 400 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		own    string
		misses bool
	}{{"off", true}, {"pin", false}, {"wait", false}} {
		s := r.database(map[string]any{"own": c.own, "pin_for": "5s"})
		before := s.Database.Counts.Own
		missed := r.own(100*(i+1), 20)
		counted := r.State().Database.Counts.Own - before
		t.Logf("own %s: %d of 20 missed their own write, %d counted", c.own, missed, counted)
		if (missed > 0) != c.misses || counted < uint64(missed) {
			t.Errorf("own %s: %d missed their own write and %d were counted, want some: %v", c.own, missed, counted, c.misses)
		}
	}
	r.until("the lag is shown", func(s live.State) bool {
		return len(s.Database.Replicas) > 0 && s.Database.Replicas[0].Lag > 200*time.Millisecond && strings.Contains(node(s, "gate").Note, "ms behind")
	})
	// A new scenario begins without the lag, and replicas are still read.
	s := r.load(calm)
	if faulty(s, "replica-lag").On || !strings.Contains(node(s, "gate").Note, "reads from") {
		t.Errorf("after another scenario: lag %v and %q, want no lag and replicas read", faulty(s, "replica-lag").On, node(s, "gate").Note)
	}
	if _, err := r.SetFault(t.Context(), "replica-lag", live.FaultChange{On: true}); err != nil {
		t.Fatal(err)
	}
	s = r.database(map[string]any{"reads": "primary"})
	if faulty(s, "replica-lag").On || strings.Contains(node(s, "gate").Note, "reads from") {
		t.Errorf("with reads from the primary: lag %v and %q, want neither", faulty(s, "replica-lag").On, node(s, "gate").Note)
	}
	if missed := r.own(900, 5); missed != 0 {
		t.Errorf("%d missed their own write at the primary, want 0", missed)
	}
}

func TestReplicasOfSQLite(t *testing.T) {
	r := open(t)
	if s := r.load(calm); !strings.HasSuffix(node(s, "gate").Note, "+ SQLite") || s.Database.Label != "SQLite" || !s.Database.Up {
		t.Errorf("the database is %q and %+v, want SQLite", node(s, "gate").Note, s.Database)
	}
	lagging(t, r)
}

func TestPostgres(t *testing.T) {
	server := pgtest.Start(t)
	standby := server.Replicate()
	network := pgtest.Between(t, server.Address())
	r := open(t, watched, func(c *live.Config) {
		c.Postgres, c.Replicas = server.Through(network.Address()), []string{standby.URL()}
	})
	s := r.load(calm)
	label, _, _ := strings.Cut(s.Database.Label, " ·")
	r.spanned("database", "wait for a slot", label, "service and round trip")
	if note := node(s, "gate").Note; !strings.Contains(note, "PostgreSQL 1") || !strings.Contains(note, "127.0.0.1:") || s.Database.Degraded != "" {
		t.Errorf("the database is %q (%s), want PostgreSQL with its address", note, s.Database.Degraded)
	}
	lagging(t, r)
	network.Part()
	r.until("the diagram says that it is down", func(s live.State) bool {
		n := node(s, "gate")
		return !n.Up && strings.Contains(n.Degraded, "does not answer")
	})
	if code, h, _ := r.ask("a", "GET", "/profiles/9", ""); code != 503 && code != 502 || h.Get("Workbench-Reason") != "down" {
		t.Errorf("while it is down: %d %s, want that it is down", code, h.Get("Workbench-Reason"))
	}
	network.Heal()
	r.until("it is back by itself", func(s live.State) bool { return node(s, "gate").Up && node(s, "gate").Degraded == "" })
	if missed := r.own(2000, 5); missed != 0 {
		t.Errorf("%d missed their own write afterwards, want 0", missed)
	}
}

func TestAWrongPostgresLeavesTheLabRunning(t *testing.T) {
	r := open(t, func(c *live.Config) { c.Postgres = "postgres://workbench:secret@127.0.0.1:1/x?sslmode=disable" })
	s := r.load(calm)
	if n := node(s, "gate"); !n.Up || !strings.Contains(n.Note, "SQLite") || !strings.Contains(n.Degraded, "in place of PostgreSQL") || strings.Contains(n.Degraded, "secret") {
		t.Errorf("the database is %+v, want SQLite, and why", n)
	}
	if code, _, body := r.ask("a", "GET", "/profiles/9", ""); code != 200 {
		t.Errorf("GET = %d %s, want the profile", code, body)
	}
}

func TestWrongDatabaseSettings(t *testing.T) {
	r := open(t)
	r.load(calm)
	for name, c := range map[string]struct {
		changes map[string]any
		want    string
	}{
		"nothing":          {nil, "reads"},
		"no such knob":     {map[string]any{"colour": 1}, "colour"},
		"no such choice":   {map[string]any{"own": "maybe"}, "own"},
		"out of bounds":    {map[string]any{"wait_for": "1h"}, "wait_for"},
		"none of a server": {map[string]any{"reads": "moon"}, "reads"},
	} {
		if _, err := r.SetDatabase(t.Context(), c.changes); !errors.Is(err, live.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrInvalid that names %s", name, err, c.want)
		}
	}
}
