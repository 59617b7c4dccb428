package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"workbench/lab/store"
	"workbench/lab/store/sqlite"
	"workbench/lab/store/storetest"
)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	if err := s.Seed(t.Context(), storetest.Profiles); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, filepath.Join(t.TempDir(), "profiles.db")) })
}

func TestResetTakesBackWhatRequestsWrote(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "profiles.db"))
	before, err := s.Profile(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateProfile(t.Context(), 3, "changed"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		if first, err := s.FinishJob(t.Context(), 9, 3, []byte("{}")); err != nil || first != want {
			t.Fatalf("FinishJob(9) = %v, %v; want %v, nil", first, err, want)
		}
	}
	if err := s.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, err := s.Profile(t.Context(), 3); err != nil || after != before {
		t.Errorf("Profile(3) after Reset = %+v, %v; want %+v as it was seeded", after, err, before)
	}
	if first, err := s.FinishJob(t.Context(), 9, 3, []byte("{}")); err != nil || !first {
		t.Errorf("FinishJob(9) after Reset = %v, %v; want it to be the first time again", first, err)
	}
}

func TestOpenAgainKeepsWhatWasWritten(t *testing.T) {
	// A name that would be read as a query or an escape if it were not quoted.
	path := filepath.Join(t.TempDir(), "a?b#c %41.db")
	first, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Seed(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if _, err := first.UpdateProfile(t.Context(), 10, "kept"); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is not where it was asked for: %v", err)
	}
	s := open(t, path) // seeds the rest
	if p, err := s.Profile(t.Context(), 10); err != nil || p.Bio != "kept" {
		t.Errorf("Profile(10) = %+v, %v; want the text that was written before", p, err)
	}
	if p, err := s.Profile(t.Context(), 11); err != nil || p.Version != 1 {
		t.Errorf("Profile(11) = %+v, %v; want a seeded profile", p, err)
	}
}

func TestFaultsAreExplainedAndReadingGoesOn(t *testing.T) {
	for _, c := range []struct {
		name, pragma string
		want         error
		sentence     string
	}{
		{"disk full", "PRAGMA max_page_count = 1", store.ErrSpace, "free some space"},
		{"read only", "PRAGMA query_only = 1", store.ErrReadOnly, "permissions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "profiles.db"))
			if err := s.Exec(t.Context(), c.pragma); err != nil {
				t.Fatal(err)
			}
			_, err := s.UpdateProfile(t.Context(), 1, strings.Repeat("long ", 10_000))
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.sentence) {
				t.Errorf("UpdateProfile() = %v, want %v with %q", err, c.want, c.sentence)
			}
			if p, err := s.Profile(t.Context(), 1); err != nil || p.Version != 1 {
				t.Errorf("Profile(1) = %+v, %v; want it as it was", p, err)
			}
		})
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "profiles.db"))
	if err := s.ReadExec(t.Context(), "DELETE FROM profiles"); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("a delete on a reading connection = %v, want ErrReadOnly", err)
	}
}

func TestADeadlineEndsARunningQuery(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "profiles.db"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	// A trillion rows would take days: that the call returns is the test.
	if err := s.Slow(ctx, 1_000_000_000_000); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a query past its deadline = %v, want DeadlineExceeded", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"path is empty": "", "nowhere": filepath.Join(dir, "nowhere", "x.db"), "notes.txt": garbage} {
		if _, err := sqlite.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Open(%q) = %v, want an error that says %q", path, err, name)
		}
	}
	s := open(t, filepath.Join(dir, "profiles.db"))
	if err := s.Seed(t.Context(), -1); err == nil {
		t.Error("Seed(-1) = nil, want an error")
	}
}

func BenchmarkStore(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "profiles.db"))
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"profile", func() error { _, err := s.Profile(b.Context(), 42); return err }},
		{"update", func() error { _, err := s.UpdateProfile(b.Context(), 42, "new"); return err }},
		{"report", func() error { _, err := s.Report(b.Context(), 1000); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
