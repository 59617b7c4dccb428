//go:build exercise

package bulkhead_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	bulkhead "workbench/exercises/09-bulkhead/start"
)

type compartments = map[string]bulkhead.Compartment

const ms = time.Millisecond

// virtual runs f in a bubble where time jumps as soon as everybody waits, and
// says so when it cannot jump.
func virtual(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("somebody waits for what never comes: %v", p)
			}
		}()
		synctest.Test(t, f)
	}()
	select {
	case <-done:
	case <-time.After(8 * time.Second):
		t.Error("a caller waits for a lock that another holds while it waits for a place: it cannot give up in time")
	}
}

func build(t testing.TB, c compartments) *bulkhead.Bulkhead {
	t.Helper()
	b, err := bulkhead.New(c)
	if err != nil || b == nil {
		t.Fatalf("New = %v, %v; want a bulkhead", b, err)
	}
	return b
}

// enter wants a place at once.
func enter(t testing.TB, b *bulkhead.Bulkhead, name string) (release func()) {
	t.Helper()
	began := time.Now()
	release, err := b.Acquire(context.Background(), name)
	if took := time.Since(began); err != nil || release == nil || took != 0 {
		t.Fatalf("Acquire(%s) = %v after %v, want a place at once", name, err, took)
	}
	return release
}

// refused wants an error after so long, and no place.
func refused(t testing.TB, ctx context.Context, b *bulkhead.Bulkhead, name string, want error, after time.Duration) {
	t.Helper()
	began := time.Now()
	release, err := b.Acquire(ctx, name)
	if took := time.Since(began); !errors.Is(err, want) || release != nil || took != after {
		t.Errorf("Acquire(%s) = %v after %v, with a release %v; want %v after %v and none", name, err, took, release != nil, want, after)
	}
}

// count compares what is inside and what waits.
func count(t testing.TB, b *bulkhead.Bulkhead, name string, inside, waiting int) {
	t.Helper()
	if i, w := b.Count(name); i != inside || w != waiting {
		t.Errorf("Count(%s) = %d inside, %d waiting; want %d and %d", name, i, w, inside, waiting)
	}
}

func TestPlaces(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 2}})
		first, second := enter(t, b, "adverts"), enter(t, b, "adverts")
		count(t, b, "adverts", 2, 0)
		refused(t, t.Context(), b, "adverts", bulkhead.ErrFull, 0)
		first()
		count(t, b, "adverts", 1, 0)
		third := enter(t, b, "adverts")
		second()
		third()
		count(t, b, "adverts", 0, 0)
	})
}

// The adverts hang. Whoever wants to pay must not notice.
func TestApart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{
			"adverts":  {Places: 5, Queue: 5, Wait: 50 * ms},
			"checkout": {Places: 5, Queue: 5, Wait: 50 * ms},
		})
		for range 5 {
			enter(t, b, "adverts")
		}
		for range 20 {
			go func() { _, _ = b.Acquire(t.Context(), "adverts") }()
		}
		synctest.Wait()
		for range 5 {
			enter(t, b, "checkout")
		}
		count(t, b, "adverts", 5, 5)
		count(t, b, "checkout", 5, 0)
		time.Sleep(time.Second)
		count(t, b, "adverts", 5, 0)
	})
}

func TestWait(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 1, Queue: 3, Wait: 50 * ms}})
		leave := enter(t, b, "adverts")
		refused(t, t.Context(), b, "adverts", bulkhead.ErrFull, 50*ms)
		time.AfterFunc(30*ms, leave)
		began := time.Now()
		release, err := b.Acquire(t.Context(), "adverts")
		if took := time.Since(began); err != nil || took != 30*ms {
			t.Fatalf("the place came free after 30 ms: Acquire = %v after %v, want it then", err, took)
		}
		release()
		count(t, b, "adverts", 0, 0)
	})
}

func TestUnknown(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := build(t, compartments{"adverts": {Places: 1}})
		refused(t, t.Context(), b, "advrets", bulkhead.ErrUnknown, 0)
		if err := b.Do(t.Context(), "advrets", func(context.Context) error { return nil }); !errors.Is(err, bulkhead.ErrUnknown) {
			t.Errorf("Do in a compartment that there is not = %v, want ErrUnknown", err)
		}
		count(t, b, "advrets", 0, 0)
	})
}
