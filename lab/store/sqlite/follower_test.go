package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"workbench/lab/store/sqlite"
	"workbench/sim/clock"
)

// until waits for a fact.
func until(t *testing.T, what string, fact func() bool) {
	t.Helper()
	for wall := clock.NewWall(); !fact(); {
		if wall.Now() > time.Minute {
			t.Fatalf("waited in vain until %s", what)
		}
		if err := wall.Wait(t.Context(), wall.Now()+time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFollower(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "profiles.db"))
	if err := s.Log(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateProfile(t.Context(), 5, "before"); err != nil {
		t.Fatal(err)
	}
	f, err := sqlite.Follow(t.Context(), s, "replica 1", filepath.Join(dir, "replica.db"))
	if err != nil {
		t.Fatal(err)
	}
	version := func() int64 {
		p, err := f.Profile(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		return p.Version
	}
	write := func() {
		t.Helper()
		if _, err := s.UpdateProfile(t.Context(), 5, "new"); err != nil {
			t.Fatal(err)
		}
	}
	caught := func() bool {
		want, err := s.Position(t.Context())
		got, bad := f.Applied(t.Context())
		return err == nil && bad == nil && got == want
	}
	if v := version(); v != 2 || !caught() {
		t.Errorf("a new follower has version %d, want 2 as when it was copied", v)
	}
	write()
	until(t, "the update is applied", func() bool { return version() == 3 && caught() })

	if err := f.Pause(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	write()
	wall := clock.NewWall()
	if err := wall.Wait(t.Context(), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if v := version(); v != 3 || caught() {
		t.Errorf("a paused follower has version %d (caught up: %v), want 3", v, caught())
	}
	const by = 200 * time.Millisecond
	if err := f.Delay(t.Context(), by); err != nil {
		t.Fatal(err)
	}
	write()
	begun := wall.Now()
	until(t, "the delayed update is applied", func() bool { return version() == 5 })
	if took := wall.Now() - begun; took < by-5*time.Millisecond {
		t.Errorf("an update was applied after %v, want %v", took, by)
	}
	if at, err := s.Position(t.Context()); err != nil || at != 4 {
		t.Errorf("Position() = %d, %v; want 4 after four updates", at, err)
	}
	if err := s.Prune(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if at, err := s.Position(t.Context()); err != nil || at != 4 || !caught() {
		t.Errorf("Position() = %d, %v after pruning; want it kept", at, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "replica.db*")); err != nil || len(left) > 0 {
		t.Errorf("Close() leaves %v", left)
	}
	if err := s.Log(t.Context(), false); err != nil {
		t.Error(err)
	}
}
