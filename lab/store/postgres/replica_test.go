package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"workbench/lab/store"
	"workbench/lab/store/postgres"
	"workbench/lab/store/postgres/pgtest"
	"workbench/lab/store/replica"
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

func TestReplica(t *testing.T) {
	server := pgtest.Start(t)
	standby := server.Replicate()
	s := open(t, server.URL())
	r, err := postgres.OpenReplica(t.Context(), s, standby.URL(), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if got := standby.SQL("SELECT pg_is_wal_replay_paused(), current_setting('recovery_min_apply_delay')"); got != "f|0" {
			t.Errorf("after Close the replica is paused and delayed: %s", got)
		}
	}()
	caught := func() bool {
		want, err := s.Position(t.Context())
		got, bad := r.Applied(t.Context())
		return err == nil && bad == nil && got >= want
	}
	until(t, "the replica has the seed", caught)
	version := func() int64 {
		p, err := r.Profile(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		return p.Version
	}
	if v := version(); v != 1 {
		t.Errorf("the replica has version %d, want 1", v)
	}
	if err := r.Pause(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	until(t, "it is paused", func() bool { return standby.SQL("SELECT pg_get_wal_replay_pause_state()") == "paused" })
	if _, err := s.UpdateProfile(t.Context(), 5, "new"); err != nil {
		t.Fatal(err)
	}
	if v := version(); v != 1 || caught() {
		t.Errorf("a paused replica has version %d (caught up: %v), want 1", v, caught())
	}
	if err := r.Pause(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	until(t, "the replica has the update", func() bool { return version() == 2 && caught() })

	const by = 300 * time.Millisecond
	if err := r.Delay(t.Context(), by); err != nil {
		t.Fatal(err)
	}
	until(t, "the setting holds", func() bool { return standby.SQL("SHOW recovery_min_apply_delay") == "300ms" })
	wall := clock.NewWall()
	if _, err := s.UpdateProfile(t.Context(), 5, "newer"); err != nil {
		t.Fatal(err)
	}
	until(t, "the replica has the delayed update", func() bool { return version() == 3 })
	if took := wall.Now(); took < by*9/10 {
		t.Errorf("an update was applied after %v, want about %v", took, by)
	}
}

func TestAReplicaThatIsNotOurs(t *testing.T) {
	server, other := pgtest.Start(t), pgtest.Start(t)
	s := open(t, server.URL())
	standby, foreign := server.Replicate("cluster_name='production'"), other.Replicate()
	for _, c := range []struct{ name, url, want string }{
		{"the primary", server.URL(), "not in recovery"},
		{"another server's", foreign.URL(), "another server"},
		{"gone", server.Through("127.0.0.1:1"), "start it"},
	} {
		if _, err := postgres.OpenReplica(t.Context(), s, c.url, postgres.Options{}); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("OpenReplica(%s) = %v, want one line with %q", c.name, err, c.want)
		}
	}
	r, err := postgres.OpenReplica(t.Context(), s, standby.URL(), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"Pause": r.Pause(t.Context(), true), "Delay": r.Delay(t.Context(), time.Second)} {
		if !errors.Is(err, postgres.ErrForeign) {
			t.Errorf("%s() of a replica in production = %v, want ErrForeign", name, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestReadYourWrites: whoever waits for its own writes reads them from real
// streaming replicas; whoever does not, misses them.
func TestReadYourWrites(t *testing.T) {
	server := pgtest.Start(t)
	standby := server.Replicate()
	s := open(t, server.URL())
	r, err := postgres.OpenReplica(t.Context(), s, standby.URL(), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct {
		own   string
		stale bool
	}{{replica.Off, true}, {replica.Pin, false}, {replica.Wait, false}} {
		router, err := replica.New(s, []replica.Follower{r}, replica.Settings{Reads: replica.Replicas, Own: c.own, PinFor: time.Minute, WaitFor: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if err := router.Catch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := router.Lag(t.Context(), 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		until(t, "the setting holds", func() bool { return standby.SQL("SHOW recovery_min_apply_delay") == "50ms" })
		for caller := range uint64(20) {
			ctx := store.WithCaller(t.Context(), caller)
			if _, err := router.UpdateProfile(ctx, caller+1, "mine"); err != nil {
				t.Fatal(err)
			}
			if _, err := router.Profile(ctx, caller+1); err != nil {
				t.Fatal(err)
			}
		}
		got := router.Stats()
		t.Logf("%s: %+v", c.own, got)
		if (got.Own > 0) != c.stale {
			t.Errorf("%s: %d callers missed their own write, want some: %v", c.own, got.Own, c.stale)
		}
		if err := router.Resume(t.Context()); err != nil {
			t.Error(err)
		}
		router.Close()
	}
}
