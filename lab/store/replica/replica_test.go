package replica_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"workbench/lab/store"
	"workbench/lab/store/replica"
	"workbench/lab/store/sqlite"
	"workbench/lab/store/storetest"
	"workbench/sim/clock"
)

// rig is a router over a file and two that follow it.
type rig struct {
	*testing.T
	*replica.Router
	primary   *sqlite.Store
	followers []*sqlite.Follower
}

func open(t *testing.T, s replica.Settings) *rig {
	t.Helper()
	dir := t.TempDir()
	primary, err := sqlite.Open(t.Context(), filepath.Join(dir, "primary.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = primary.Close() })
	if err := primary.Seed(t.Context(), storetest.Profiles); err != nil {
		t.Fatal(err)
	}
	if err := primary.Log(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	g := &rig{T: t, primary: primary}
	var all []replica.Follower
	for _, name := range []string{"replica 1", "replica 2"} {
		f, err := sqlite.Follow(t.Context(), primary, name, filepath.Join(dir, name+".db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		g.followers = append(g.followers, f)
		all = append(all, f)
	}
	if g.Router, err = replica.New(primary, all, s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Router.Close)
	return g
}

func (g *rig) until(what string, fact func() bool) {
	g.Helper()
	for wall := clock.NewWall(); !fact(); {
		if wall.Now() > time.Minute {
			g.Fatalf("waited in vain until %s", what)
		}
		if err := wall.Wait(g.Context(), wall.Now()+time.Millisecond); err != nil {
			g.Fatal(err)
		}
	}
}

// settled waits until the first survey has been made, before which the primary
// answers.
func (g *rig) settled() {
	g.Helper()
	g.until("replicas are read", func() bool {
		before := g.Stats().Replica
		if _, err := g.Profile(store.WithCaller(g.Context(), 99), 99); err != nil {
			g.Fatal(err)
		}
		return g.Stats().Replica > before
	})
}

// ask writes and reads as one caller, and returns what the reads say of it.
func (g *rig) ask(caller uint64, reads int) {
	g.Helper()
	ctx := store.WithCaller(g.Context(), caller)
	if _, err := g.UpdateProfile(ctx, caller, "mine"); err != nil {
		g.Fatal(err)
	}
	for range reads {
		if _, err := g.Profile(ctx, caller); err != nil {
			g.Fatal(err)
		}
	}
}

func settings(own string) replica.Settings {
	s := replica.Default()
	s.Reads, s.Own, s.PinFor, s.WaitFor = replica.Replicas, own, 50*time.Millisecond, 5*time.Millisecond
	return s
}

func TestPausedReplicasAnswerStale(t *testing.T) {
	for _, c := range []struct {
		own                      string
		stale, pinned, fellBack  uint64
		afterStale, afterPrimary uint64 // once the pin is over
	}{
		{replica.Off, 10, 0, 0, 1, 0},
		{replica.Pin, 0, 10, 0, 1, 0}, // and then it is as if there were none
		{replica.Wait, 0, 0, 10, 0, 1},
	} {
		t.Run(c.own, func(t *testing.T) {
			g := open(t, settings(c.own))
			g.settled()
			if err := g.Lag(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			before := g.Stats()
			g.ask(7, 10)
			s := g.Stats()
			if got := s.Own - before.Own; got != c.stale || s.Stale-before.Stale != c.stale {
				t.Errorf("%d own and %d reads in all were stale, want %d", got, s.Stale-before.Stale, c.stale)
			}
			if got := s.Pinned - before.Pinned; got != c.pinned {
				t.Errorf("%d reads were pinned, want %d", got, c.pinned)
			}
			if got := s.FellBack - before.FellBack; got != c.fellBack {
				t.Errorf("%d reads fell back to the primary, want %d", got, c.fellBack)
			}
			wall := clock.NewWall()
			if err := wall.Wait(t.Context(), settings(c.own).PinFor+10*time.Millisecond); err != nil {
				t.Fatal(err)
			}
			before = g.Stats()
			if _, err := g.Profile(store.WithCaller(t.Context(), 7), 7); err != nil {
				t.Fatal(err)
			}
			if s := g.Stats(); s.Own-before.Own != c.afterStale || s.Primary-before.Primary != c.afterPrimary {
				t.Errorf("later: %d stale and %d from the primary, want %d and %d", s.Own-before.Own, s.Primary-before.Primary, c.afterStale, c.afterPrimary)
			}
			g.until("the lag is seen", func() bool { return g.Followers()[0].Lag > 50*time.Millisecond })
			if err := g.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			g.until("there is no lag", func() bool { f := g.Followers(); return f[0].Lag == 0 && f[1].Lag == 0 })
			before = g.Stats()
			if _, err := g.Profile(store.WithCaller(t.Context(), 7), 7); err != nil {
				t.Fatal(err)
			}
			if s := g.Stats(); s.Own != before.Own || s.Replica != before.Replica+1 {
				t.Errorf("after catching up: %+v, want a replica's answer that is not stale", s)
			}
		})
	}
}

func TestAnotherCallersWriteIsNotWaitedFor(t *testing.T) {
	g := open(t, settings(replica.Wait))
	g.settled()
	if err := g.Lag(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	g.ask(7, 0)
	before := g.Stats()
	if _, err := g.Profile(store.WithCaller(t.Context(), 8), 7); err != nil {
		t.Fatal(err)
	}
	if s := g.Stats(); s.Stale != before.Stale+1 || s.Own != before.Own || s.Replica != before.Replica+1 {
		t.Errorf("another's read = %+v, want it stale, from a replica, and nobody's own", s)
	}
}

func TestAWaitIsShortWithALittleLag(t *testing.T) {
	s := settings(replica.Wait)
	s.WaitFor = time.Second
	g := open(t, s)
	g.settled()
	if err := g.Lag(t.Context(), 30*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	before := g.Stats()
	g.ask(7, 1)
	if s := g.Stats(); s.Waited != before.Waited+1 || s.Own != before.Own || s.FellBack != before.FellBack {
		t.Errorf("a read behind 30 ms of lag = %+v, want one that waited and is not stale", s)
	}
}

func TestSwitchingProtectsEarlierWrites(t *testing.T) {
	for _, own := range []string{replica.Pin, replica.Wait} {
		t.Run(own, func(t *testing.T) {
			g := open(t, replica.Default())
			if err := g.Lag(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			g.ask(7, 1) // while the primary answers everything
			if err := g.Set(settings(own)); err != nil {
				t.Fatal(err)
			}
			if p, err := g.Profile(store.WithCaller(t.Context(), 7), 7); err != nil || p.Version != 2 {
				t.Errorf("Profile(7) just after the switch = version %d, %v; want the caller's own write", p.Version, err)
			}
		})
	}
}

func TestADeadReplicaIsPassedOver(t *testing.T) {
	g := open(t, settings(replica.Off))
	for _, f := range g.followers {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := g.Profile(t.Context(), 3); err != nil || p.ID != 3 {
		t.Errorf("Profile(3) = %+v, %v; want the primary's answer", p, err)
	}
	if s := g.Stats(); s.Failed != 1 || s.Primary != 1 || s.Replica != 0 {
		t.Errorf("Stats() = %+v, want one read that failed over", s)
	}
}

func TestWhatIsAppliedIsForgotten(t *testing.T) {
	g := open(t, settings(replica.Wait))
	g.settled()
	for caller := range uint64(200) {
		g.ask(caller+1, 0)
	}
	g.until("nothing is remembered", func() bool { return g.Remembered() == 0 })
	if at, err := g.primary.Position(t.Context()); err != nil || g.Applied() != at || at != 200 {
		t.Errorf("Applied() = %d of %d, %v; want all 200", g.Applied(), at, err)
	}
}

// asOne is a router whose calls are all one caller's, with the primary's jobs.
type asOne struct{ *rig }

func (a asOne) Profile(ctx context.Context, id uint64) (store.Profile, error) {
	return a.Router.Profile(store.WithCaller(ctx, 1), id)
}

func (a asOne) UpdateProfile(ctx context.Context, id uint64, bio string) (int64, error) {
	return a.Router.UpdateProfile(store.WithCaller(ctx, 1), id, bio)
}

func (a asOne) Report(ctx context.Context, id uint64) ([]byte, error) {
	return a.Router.Report(store.WithCaller(ctx, 1), id)
}

func (a asOne) Job(ctx context.Context, id uint64) (uint64, []byte, error) {
	return a.primary.Job(ctx, id)
}

// TestContract: whoever waits for its own writes cannot tell that there are
// replicas.
func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		g := open(t, settings(replica.Wait))
		g.settled()
		return asOne{g}
	})
}

func TestSettings(t *testing.T) {
	g := open(t, replica.Default())
	err := g.Set(replica.Settings{Reads: "x", Own: "y", PinFor: -1, WaitFor: -1})
	for _, field := range []string{"reads", "own", "pin_for", "wait_for"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("Set of wrong settings = %v, want all faults at once, with %s", err, field)
		}
	}
	if got := g.Settings(); got != replica.Default() {
		t.Errorf("Settings() after a refusal = %+v, want them as before", got)
	}
	alone, err := replica.New(g.primary, nil, replica.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if err := alone.Set(settings(replica.Off)); err == nil {
		t.Error("Set(replicas) without any = nil, want an error")
	}
	if err := alone.Lag(t.Context(), 0); err == nil {
		t.Error("Lag() without replicas = nil, want an error")
	}
}
