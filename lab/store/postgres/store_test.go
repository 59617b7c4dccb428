package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"workbench/lab/store"
	"workbench/lab/store/postgres"
	"workbench/lab/store/postgres/pgtest"
	"workbench/lab/store/storetest"
)

func open(t testing.TB, url string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, postgres.Options{})
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
	server := pgtest.Start(t)
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, server.URL()) })
}

func TestALearnersDatabaseIsLeftAlone(t *testing.T) {
	server := pgtest.Start(t)
	server.SQL("CREATE TABLE profiles (mine text); INSERT INTO profiles VALUES ('kept'); CREATE SCHEMA other; CREATE TABLE other.jobs (mine text)")
	s := open(t, server.URL())
	if _, err := postgres.Open(t.Context(), server.URL(), postgres.Options{}); err == nil || !strings.Contains(err.Error(), "another workbench") {
		t.Errorf("a second workbench on the database = %v, want a refusal that says so", err)
	}
	if _, err := s.UpdateProfile(t.Context(), 1, "x"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := server.SQL("SELECT mine FROM public.profiles"); got != "kept" {
		t.Errorf("the learner's table holds %q, want kept", got)
	}
	if got := server.SQL("SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_|^information'"); got != "other,public" {
		t.Errorf("after Close there are the schemas %s, want other and public", got)
	}
	server.SQL("CREATE SCHEMA workbench; CREATE TABLE workbench.mine (x int)")
	if _, err := postgres.Open(t.Context(), server.URL(), postgres.Options{}); err == nil || !strings.Contains(err.Error(), "left alone") {
		t.Errorf("Open() beside a learner's schema workbench = %v, want a refusal", err)
	}
	if got := server.SQL("SELECT count(*) FROM workbench.mine"); got != "0" {
		t.Errorf("the learner's schema workbench is not as it was: %s", got)
	}
}

func TestOpenSaysWhatIsWrongInOneLine(t *testing.T) {
	server := pgtest.Start(t)
	replica := server.Replicate()
	server.SQL("CREATE ROLE poor LOGIN PASSWORD 'poor'")
	for _, c := range []struct{ name, url, want string }{
		{"no URL", "localhost", "want postgres://user:password@host:port/database"},
		{"a URL that cannot be read", "postgres://u:secret@127.0.0.1:port/x", "cannot be read"},
		{"wrong password", strings.Replace(server.URL(), pgtest.Password, "secret", 1), "correct user and password"},
		{"no such database", strings.Replace(server.URL(), "/postgres?", "/nowhere?", 1), `make the database "nowhere"`},
		{"no server", server.Through("127.0.0.1:1"), "start it"},
		{"a replica", replica.URL(), "takes no writes"},
		{"no right to make a schema", strings.Replace(server.URL(), "workbench:learning", "poor:poor", 1), "grant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := postgres.Open(t.Context(), c.url, postgres.Options{})
			if err == nil {
				t.Fatalf("Open() = nil, want an error (close: %v)", s.Close())
			}
			if text := err.Error(); !strings.Contains(text, c.want) || strings.Contains(text, "secret") || strings.Contains(text, "\n") {
				t.Errorf("Open() = %q, want one line with %q and no password", text, c.want)
			}
		})
	}
}

func TestFaultsAreExplained(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, server.URL())
	server.SQL("ALTER ROLE workbench SET default_transaction_read_only = on")
	s.Pool().Reset()
	if _, err := s.UpdateProfile(t.Context(), 1, "x"); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("UpdateProfile() on a read-only server = %v, want ErrReadOnly", err)
	}
	if p, err := s.Profile(t.Context(), 1); err != nil || p.Version != 1 {
		t.Errorf("Profile(1) = %+v, %v; want it as it was", p, err)
	}
	server.SQL(`SET TRANSACTION READ WRITE; ALTER ROLE workbench RESET default_transaction_read_only;
		CREATE FUNCTION workbench.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$;
		CREATE TRIGGER full_disk BEFORE UPDATE ON workbench.profiles FOR EACH ROW EXECUTE FUNCTION workbench.full()`)
	s.Pool().Reset()
	if _, err := s.UpdateProfile(t.Context(), 1, "x"); !errors.Is(err, store.ErrSpace) {
		t.Errorf("UpdateProfile() on a full disk = %v, want ErrSpace", err)
	}
	server.SQL("DROP TRIGGER full_disk ON workbench.profiles")
	if v, err := s.UpdateProfile(t.Context(), 1, "x"); err != nil || v != 2 {
		t.Errorf("UpdateProfile() once there is room = %d, %v; want 2", v, err)
	}
}

func TestSeedTellsHowFarItIs(t *testing.T) {
	s := open(t, pgtest.Start(t).URL())
	var told [][2]int
	if err := s.SeedTold(t.Context(), storetest.Profiles+40_000, func(done, total int) { told = append(told, [2]int{done, total}) }); err != nil {
		t.Fatal(err)
	}
	if n := len(told); n != 4 || told[0] != [2]int{0, 40_000} || told[n-1] != [2]int{40_000, 40_000} {
		t.Errorf("told %v, want four steps from 0 to 40000 of 40000", told)
	}
	if p, err := s.Profile(t.Context(), storetest.Profiles+40_000); err != nil || p.Version != 1 {
		t.Errorf("the last profile is %+v, %v; want it seeded", p, err)
	}
	if err := s.Seed(t.Context(), -1); err == nil {
		t.Error("Seed(-1) = nil, want an error")
	}
	if _, err := s.UpdateProfile(t.Context(), 3, "changed"); err != nil {
		t.Fatal(err)
	}
	if err := s.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Profile(t.Context(), 3); err != nil || p.Version != 1 || p.Bio == "changed" {
		t.Errorf("Profile(3) after Reset = %+v, %v; want it as it was seeded", p, err)
	}
}
