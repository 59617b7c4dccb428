//go:build exercise

package bulkhead_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bulkhead "workbench/exercises/09-bulkhead/start"
)

// telling knows which tests are over: who is still under way then has nobody to tell.
var telling = struct {
	sync.Mutex
	over map[testing.TB]bool
}{over: map[testing.TB]bool{}}

// tell writes down what happened, for the verdict to list, with the instant in
// a bubble, which begins with the year 2000. Outside of one there is none to tell.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	telling.Lock()
	defer telling.Unlock()
	over, known := telling.over[t]
	if over {
		return
	}
	if !known {
		telling.over[t] = false
		t.Cleanup(func() {
			telling.Lock()
			defer telling.Unlock()
			telling.over[t] = true
		})
	}
	at := "-"
	if d := time.Since(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)); d < 10_000*time.Hour {
		at = d.String()
	}
	t.Logf("@%s %s", at, fmt.Sprintf(format, args...))
}

type limits = map[string]bulkhead.Limit

func compartments(t testing.TB, l limits) *bulkhead.Bulkhead {
	t.Helper()
	b, err := bulkhead.New(l)
	if err != nil {
		t.Fatalf("New(%v) = %v, want a bulkhead", l, err)
	}
	return b
}

// acquire asks for a slot and writes down what it was answered. Giving the slot
// back is written down too.
func acquire(t testing.TB, ctx context.Context, b *bulkhead.Bulkhead, name string) (func(), error) {
	t.Helper()
	release, err := b.Acquire(ctx, name)
	tell(t, "Acquire(%s) = %v", name, err)
	if release == nil {
		return nil, err
	}
	return func() {
		tell(t, "release(%s)", name)
		release()
	}, err
}

// enter takes slots that must be free.
func enter(t testing.TB, b *bulkhead.Bulkhead, name string, n int) (releases []func()) {
	t.Helper()
	for i := range n {
		release, err := acquire(t, t.Context(), b, name)
		if err != nil {
			t.Fatalf("Acquire(%s) number %d = %v, want a free slot", name, i+1, err)
		}
		if release == nil {
			t.Fatalf("Acquire(%s) gave no release", name)
		}
		releases = append(releases, release)
	}
	return releases
}

func full(t testing.TB, b *bulkhead.Bulkhead, name, when string) {
	t.Helper()
	if release, err := acquire(t, t.Context(), b, name); !errors.Is(err, bulkhead.ErrFull) || release != nil {
		t.Errorf("%s: Acquire(%s) = %v, want ErrFull and no release", when, name, err)
	}
}

func load(t testing.TB, b *bulkhead.Bulkhead, name string, running, waiting int) {
	t.Helper()
	r, w := b.Load(name)
	tell(t, "Load(%s) = %d running, %d waiting", name, r, w)
	if r != running || w != waiting {
		t.Errorf("Load(%s) = %d running, %d waiting; want %d, %d", name, r, w, running, waiting)
	}
}

// pass lets virtual time go by, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

// The recommendations hang. The checkout does not care.
func TestApart(t *testing.T) {
	b := compartments(t, limits{"recommend": {Slots: 2}, "checkout": {Slots: 3}})
	enter(t, b, "recommend", 2)
	full(t, b, "recommend", "2 of 2 slots are taken")
	releases := enter(t, b, "checkout", 3)
	full(t, b, "checkout", "3 of 3 slots are taken")
	load(t, b, "recommend", 2, 0)
	load(t, b, "checkout", 3, 0)
	releases[1]()
	load(t, b, "checkout", 2, 0)
	full(t, b, "recommend", "a slot of another compartment came free")
	enter(t, b, "checkout", 1)
}

func TestUnknown(t *testing.T) {
	b := compartments(t, limits{"a": {Slots: 1}})
	for range 3 {
		if release, err := acquire(t, t.Context(), b, "b"); !errors.Is(err, bulkhead.ErrUnknown) || release != nil {
			t.Errorf("Acquire of a name that was not given = %v, want ErrUnknown", err)
		}
	}
	load(t, b, "b", 0, 0)
}

func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := compartments(t, limits{"db": {Slots: 1, Waiters: 5, Wait: 50 * time.Millisecond}})
		release := enter(t, b, "db", 1)[0]
		time.AfterFunc(20*time.Millisecond, release)
		began := time.Now()
		second, err := acquire(t, t.Context(), b, "db")
		if took := time.Since(began); err != nil || took != 20*time.Millisecond {
			t.Fatalf("with a slot free after 20 ms, Acquire = %v after %v; want nil after 20ms", err, took)
		}
		time.AfterFunc(time.Second, second)
		began = time.Now()
		_, err = acquire(t, t.Context(), b, "db")
		if took := time.Since(began); !errors.Is(err, bulkhead.ErrFull) || took != 50*time.Millisecond {
			t.Errorf("with a slot free after a second, Acquire = %v after %v; want ErrFull after 50ms", err, took)
		}
		load(t, b, "db", 1, 0)
		pass(2 * time.Second)
		load(t, b, "db", 0, 0)
	})
}

func TestDo(t *testing.T) {
	b := compartments(t, limits{"db": {Slots: 1}})
	sick := errors.New("the database is sick")
	for range 3 {
		err := b.Do(t.Context(), "db", func(context.Context) error {
			tell(t, "Do calls the function")
			load(t, b, "db", 1, 0)
			full(t, b, "db", "inside Do")
			return sick
		})
		tell(t, "Do = %v", err)
		if !errors.Is(err, sick) {
			t.Fatalf("Do = %v, want what the function returned", err)
		}
	}
	load(t, b, "db", 0, 0)
}
