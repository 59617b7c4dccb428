package keyset_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab/system/login/keyset"
	"workbench/sim/clock"
)

var errDown = errors.New("down")

// issuer is one in a test.
type issuer struct {
	keys    map[string]ed25519.PublicKey
	down    bool
	fetches int
}

func (i *issuer) fetch(context.Context) (map[string]ed25519.PublicKey, error) {
	i.fetches++
	if i.down {
		return nil, errDown
	}
	return i.keys, nil
}

func full() keyset.Settings {
	return keyset.Settings{TTL: 10 * time.Second, Ahead: 3 * time.Second, Stale: 20 * time.Second, Negative: 5 * time.Second, Gap: time.Second, Unknown: 2}
}

func one() map[string]ed25519.PublicKey {
	return map[string]ed25519.PublicKey{"a": ed25519.PublicKey("k")}
}

// inline carries a fetch out before whoever asked for it is answered.
func inline(ctx context.Context) func(func(context.Context)) {
	return func(f func(context.Context)) { f(ctx) }
}

// beside carries a fetch out on a goroutine of its own.
func beside(ctx context.Context) func(func(context.Context)) {
	return func(f func(context.Context)) { go f(ctx) }
}

func TestKeys(t *testing.T) {
	is, at := &issuer{keys: one()}, &clock.Manual{}
	c := keyset.New(full(), at, inline(t.Context()), is.fetch)
	for _, s := range []struct {
		name    string
		at      time.Duration
		kid     string
		down    bool
		want    error
		fetches int // so far
	}{
		{"the first", 0, "a", false, nil, 1},
		{"a copy", 5 * time.Second, "a", false, nil, 1},
		{"one unknown is asked for", 5 * time.Second, "x", false, keyset.ErrUnknown, 2},
		{"and not again", 9 * time.Second, "x", false, keyset.ErrUnknown, 2},
		{"others are once a second", 9 * time.Second, "y", false, keyset.ErrUnknown, 3},
		{"at the most", 9500 * time.Millisecond, "z", false, keyset.ErrUnknown, 3},
		{"one too long is not asked for", 12 * time.Second, strings.Repeat("x", 1000), false, keyset.ErrUnknown, 3},
		{"renewed before its end", 16500 * time.Millisecond, "a", false, nil, 4},
		{"an issuer that is down", 25 * time.Second, "a", true, nil, 5},
		{"is left alone for a second", 25500 * time.Millisecond, "a", true, nil, 5},
		{"also by those whom nobody knows", 25500 * time.Millisecond, "z", true, errDown, 5},
		{"an old copy rather than none", 40 * time.Second, "a", true, nil, 6},
		{"and not for ever", 47 * time.Second, "a", true, errDown, 7},
		{"nor asked at each check", 47500 * time.Millisecond, "a", true, errDown, 7},
		{"back", 48 * time.Second, "a", false, nil, 8},
		{"out of date, and nobody has asked", 70 * time.Second, "a", true, nil, 9},
	} {
		at.At, is.down = s.at, s.down
		got, err := c.Key(t.Context(), s.kid)
		if !errors.Is(err, s.want) || (err == nil) != got.Equal(one()["a"]) || is.fetches != s.fetches {
			t.Errorf("%s: %q, %v after %d fetches; want %v after %d", s.name, got, err, is.fetches, s.want, s.fetches)
		}
	}
}

// A key that is new is found at once, and one that was withdrawn is not believed
// for longer than a set is.
func TestRotation(t *testing.T) {
	is, at := &issuer{keys: one()}, &clock.Manual{}
	c := keyset.New(full(), at, inline(t.Context()), is.fetch)
	key := func(kid string, at1 time.Duration) error {
		at.At = at1
		_, err := c.Key(t.Context(), kid)
		return err
	}
	first := key("a", 0)
	is.keys = map[string]ed25519.PublicKey{"b": ed25519.PublicKey("l")}
	if before, fresh, after := key("a", time.Second), key("b", 2*time.Second), key("a", 2*time.Second); first != nil || before != nil || fresh != nil || !errors.Is(after, keyset.ErrUnknown) {
		t.Errorf("the old key %v and %v, the new one %v, then the old one %v; want the last unknown and the others there", first, before, fresh, after)
	}
	if is.fetches != 2 {
		t.Errorf("%d fetches, want 2", is.fetches)
	}
}

// What is remembered of unknown ids is bounded, and so are fetches for them.
func TestFlood(t *testing.T) {
	for _, s := range []struct {
		name     string
		gap      time.Duration
		negative time.Duration
		fetches  int
		kept     int
	}{
		{"a gap", time.Second, 5 * time.Second, 1 + 5, 2},
		{"no gap", 0, 5 * time.Second, 1 + 100, 2},
		{"no memory", time.Second, 0, 1 + 5, 0},
	} {
		is, at := &issuer{keys: one()}, &clock.Manual{}
		set := full()
		set.Gap, set.Negative = s.gap, s.negative
		c := keyset.New(set, at, inline(t.Context()), is.fetch)
		if _, err := c.Key(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		for n := range 100 { // in 5 s
			at.At = time.Duration(n) * 50 * time.Millisecond
			if _, err := c.Key(t.Context(), fmt.Sprint(n)); !errors.Is(err, keyset.ErrUnknown) {
				t.Errorf("%s: unknown id %d: %v", s.name, n, err)
			}
		}
		if got := c.Remembered(); is.fetches != s.fetches || got != s.kept {
			t.Errorf("%s: %d fetches, %d ids remembered; want %d and %d", s.name, is.fetches, got, s.fetches, s.kept)
		}
	}
}

// Many who find nothing make one fetch, and one who hangs up does not end it.
func TestOneFetchForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wall, is := clock.NewWall(), &issuer{keys: one()}
		c := keyset.New(keyset.Settings{TTL: time.Minute}, wall, beside(t.Context()), func(ctx context.Context) (map[string]ed25519.PublicKey, error) {
			if err := wall.Wait(ctx, wall.Now()+50*time.Millisecond); err != nil {
				return nil, err
			}
			return is.fetch(ctx)
		})
		impatient, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer stop()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.Key(impatient, "a"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("one who waits 10 ms: %v, want its deadline", err)
			}
		})
		synctest.Wait() // the impatient one has begun the fetch
		for range 100 {
			all.Go(func() {
				if _, err := c.Key(t.Context(), "a"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if is.fetches != 1 || wall.Now() != 50*time.Millisecond {
			t.Errorf("%d fetches in %v, want 1 in 50ms", is.fetches, wall.Now())
		}
	})
}

// Nobody waits for a renewal, nor for an issuer that hangs, while a set serves.
func TestNobodyWaitsWhileASetServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wall, is := clock.NewWall(), &issuer{keys: one()}
		set := full()
		set.Patience = 2 * time.Second
		hangs, life := false, t.Context()
		c := keyset.New(set, wall, beside(life), func(ctx context.Context) (map[string]ed25519.PublicKey, error) {
			if hangs {
				is.fetches++
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return is.fetch(ctx)
		})
		check := func(want error) {
			t.Helper()
			begun := wall.Now()
			if _, err := c.Key(t.Context(), "a"); !errors.Is(err, want) || wall.Now() != begun {
				t.Errorf("at %v: %v after %v, want %v at once", begun, err, wall.Now()-begun, want)
			}
			synctest.Wait() // for a renewal that has begun
		}
		check(nil)
		hangs = true
		for at := time.Second; at < 30*time.Second; at += 500 * time.Millisecond {
			if err := wall.Wait(t.Context(), at); err != nil {
				t.Fatal(err)
			}
			check(nil)
		}
		// From 7 s on: 2 s of hanging and 1 s of rest, over and over.
		if want := 1 + 8; is.fetches != want {
			t.Errorf("%d fetches, want %d", is.fetches, want)
		}
		if err := wall.Wait(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Key(t.Context(), "a"); !errors.Is(err, context.DeadlineExceeded) || wall.Now() != 62*time.Second {
			t.Errorf("with no set left: %v at %v, want the fetch's deadline at 1m2s", err, wall.Now())
		}
	})
}

// A fetch that panics fails, and the next one is tried.
func TestPanic(t *testing.T) {
	calls := 0
	c := keyset.New(full(), &clock.Manual{}, func(f func(context.Context)) {
		defer func() {
			if recover() != nil {
				calls++
			}
		}()
		f(t.Context())
	}, func(context.Context) (map[string]ed25519.PublicKey, error) { panic("no") })
	if _, err := c.Key(t.Context(), "a"); err == nil || calls != 1 {
		t.Errorf("after a panic: %v, %d caught; want an error, 1", err, calls)
	}
	if _, err := c.Key(t.Context(), "a"); err == nil || calls != 1 {
		t.Errorf("within the gap: %v, %d caught; want an error, 1", err, calls)
	}
}
