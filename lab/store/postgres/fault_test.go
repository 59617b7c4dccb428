package postgres_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"workbench/lab/store"
	"workbench/lab/store/postgres"
	"workbench/lab/store/postgres/pgtest"
	"workbench/lab/store/storetest"
	"workbench/sim/clock"
)

// load is writers and readers at work on a store, who write down what they were
// told.
type load struct {
	*testing.T
	s    *postgres.Store
	wall *clock.Wall
	stop context.CancelFunc
	all  sync.WaitGroup

	mu    sync.Mutex
	acked map[uint64]int64 // guarded by mu; the highest version that was acknowledged, by profile
	tried map[uint64]int64 // guarded by mu; updates that were begun, by profile
	calls []answer         // guarded by mu
}

type answer struct {
	begun, took time.Duration
	err         error
}

// workers is how many write; each has profiles of its own, so that what it was
// acknowledged can be told from what others wrote.
const workers = 12

func begin(t *testing.T, s *postgres.Store) *load {
	ctx, stop := context.WithCancel(t.Context())
	l := &load{T: t, s: s, wall: clock.NewWall(), stop: stop, acked: map[uint64]int64{}, tried: map[uint64]int64{}}
	for w := range uint64(workers) {
		l.all.Go(func() {
			for i := uint64(0); ctx.Err() == nil; i++ {
				l.ask(1+w+workers*(i%100), i%4 != 0)
				if l.wall.Wait(ctx, l.wall.Now()+2*time.Millisecond) != nil {
					return
				}
			}
		})
	}
	return l
}

// ask makes one call. Its context does not end with the load, so that no
// acknowledgement is missed.
func (l *load) ask(id uint64, write bool) {
	l.mu.Lock()
	if write {
		l.tried[id]++
	}
	l.mu.Unlock()
	begun := l.wall.Now()
	var version int64
	var err error
	if write {
		version, err = l.s.UpdateProfile(context.Background(), id, "at work")
	} else {
		_, err = l.s.Profile(context.Background(), id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, answer{begun, l.wall.Now() - begun, err})
	if write && err == nil {
		l.acked[id] = max(l.acked[id], version)
	}
}

// since returns the calls that began from an instant on and have ended.
func (l *load) since(at time.Duration) (out []answer, ok int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.calls {
		if c.begun >= at {
			out = append(out, c)
			if c.err == nil {
				ok++
			}
		}
	}
	return out, ok
}

// flows waits until calls are answered well, and returns how long that took.
func (l *load) flows() time.Duration {
	l.Helper()
	from := l.wall.Now()
	until(l.T, "calls are answered", func() bool { _, ok := l.since(from); return ok > 500 })
	return l.wall.Now() - from
}

// judge ends the load and compares what was acknowledged with what is there.
func (l *load) judge(cut, healed, drain time.Duration) {
	l.Helper()
	l.stop()
	l.all.Wait()
	lost, ghost, writes := 0, 0, int64(0)
	for id, version := range l.acked {
		p, err := l.s.Profile(context.Background(), id)
		if err != nil {
			l.Fatal(err)
		}
		if p.Version < version {
			lost++
		}
		if p.Version > 1+l.tried[id] {
			ghost++
		}
		writes += version - 1
	}
	var during []time.Duration
	down, other := 0, 0
	for _, c := range l.calls {
		if c.begun+c.took < cut || c.begun > healed {
			continue
		}
		during = append(during, c.took)
		if errors.Is(c.err, store.ErrDown) {
			down++
		} else if c.err != nil {
			other++
			l.Logf("a call ended with %v", c.err)
		}
	}
	slices.Sort(during)
	p99 := during[len(during)*99/100]
	l.Logf("%d writes acknowledged, %d lost, %d applied more often than sent; while cut off for %v: %d answers, %d of them down, p99 %v, most %v; drained %v after healing",
		writes, lost, ghost, healed-cut, len(during), down, p99, during[len(during)-1], drain)
	if lost != 0 || ghost != 0 || other != 0 || down == 0 {
		l.Errorf("%d lost, %d applied too often, %d ended otherwise than down, %d down; want 0, 0, 0 and some", lost, ghost, other, down)
	}
	if p99 >= time.Second {
		l.Errorf("p99 of the answers while cut off is %v, want less than 1s", p99)
	}
	if drain > 5*time.Second {
		l.Errorf("calls were answered %v after healing, want less than 5s", drain)
	}
}

// away keeps the server away for a while.
const away = 3 * time.Second

func TestPartition(t *testing.T) {
	server := pgtest.Start(t)
	network := pgtest.Between(t, server.Address())
	s := open(t, server.Through(network.Address()))
	l := begin(t, s)
	l.flows()
	network.Part()
	cut := l.wall.Now()
	until(t, "it is known to be down", func() bool { return !s.Up() })
	t.Logf("known to be down after %v", l.wall.Now()-cut)
	if err := l.wall.Wait(t.Context(), cut+away); err != nil {
		t.Fatal(err)
	}
	network.Heal()
	healed := l.wall.Now()
	drain := l.flows()
	l.judge(cut, healed, drain)
}

func TestServerKilledAndStarted(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, server.URL())
	l := begin(t, s)
	l.flows()
	server.Kill()
	cut := l.wall.Now()
	if err := l.wall.Wait(t.Context(), cut+away/3); err != nil {
		t.Fatal(err)
	}
	server.Start()
	healed := l.wall.Now()
	drain := l.flows()
	l.judge(cut, healed, drain)
}

func TestAStoppedServerIsClosedWithoutWaiting(t *testing.T) {
	server := pgtest.Start(t)
	network := pgtest.Between(t, server.Address())
	s, err := postgres.Open(t.Context(), server.Through(network.Address()), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Seed(t.Context(), storetest.Profiles); err != nil {
		t.Fatal(err)
	}
	network.Part()
	until(t, "it is known to be down", func() bool { return !s.Up() })
	wall := clock.NewWall()
	if err := s.Close(); err != nil || wall.Now() > time.Second {
		t.Errorf("Close() of what is gone = %v after %v, want nil at once", err, wall.Now())
	}
}
