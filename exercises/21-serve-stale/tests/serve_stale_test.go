//go:build exercise

package servestale_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	servestale "workbench/exercises/21-serve-stale/start"
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

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

// usual is the configuration of most tests: fresh for 10 s, then renewed behind
// the answer for 20 s, then, until a minute after its freshness, a last resort.
var usual = servestale.Config{
	Fresh:      10 * time.Second,
	Revalidate: 20 * time.Second,
	IfError:    time.Minute,
	Pause:      2 * time.Second,
	LoadFor:    time.Second,
}

var errDown = errors.New("the database is down")

// origin is where values come from: v1 from the first load, v2 from the second.
type origin struct {
	t     testing.TB
	loads atomic.Int64
	takes time.Duration
	down  atomic.Bool
}

func (o *origin) load(ctx context.Context, key string) (string, error) {
	n := o.loads.Add(1)
	tell(o.t, "load %d begins", n)
	value, err := o.answer(ctx, n)
	tell(o.t, "load %d = %q, %v", n, value, err)
	return value, err
}

func (o *origin) answer(ctx context.Context, n int64) (string, error) {
	if o.takes > 0 {
		select {
		case <-time.After(o.takes):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if o.down.Load() {
		return "", errDown
	}
	return "v" + strconv.FormatInt(n, 10), nil
}

func cache(t testing.TB, cfg servestale.Config, load servestale.Load) *servestale.Cache {
	t.Helper()
	c, err := servestale.New(cfg, load)
	if err != nil || c == nil {
		t.Fatalf("New = %v, %v; want a cache", c, err)
	}
	return c
}

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
		t.Error("a caller waits for a lock that is held while a value is loaded")
	}
}

// pass lets virtual time go by, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

// ask asks for key "k" and writes down what it was answered.
func ask(t testing.TB, ctx context.Context, c *servestale.Cache) (string, time.Duration, error) {
	t.Helper()
	began := time.Now()
	tell(t, "GetOrLoad is asked")
	v, age, err := c.GetOrLoad(ctx, "k")
	tell(t, "GetOrLoad = %q, age %v, %v, after %v", v, age, err, time.Since(began))
	return v, age, err
}

// want asks for key "k" and compares the answer and how long it took.
func want(t *testing.T, c *servestale.Cache, value string, age, took time.Duration) {
	t.Helper()
	began := time.Now()
	v, a, err := ask(t, context.Background(), c)
	if v != value || a != age || err != nil || time.Since(began) != took {
		t.Errorf("GetOrLoad = %q, age %v, %v after %v; want %q, age %v, no error after %v", v, a, err, time.Since(began), value, age, took)
	}
}

func TestFresh(t *testing.T) {
	virtual(t, func(t *testing.T) {
		o := &origin{t: t, takes: 50 * time.Millisecond}
		c := cache(t, usual, o.load)
		want(t, c, "v1", 0, 50*time.Millisecond)
		want(t, c, "v1", 0, 0)
		pass(9 * time.Second)
		want(t, c, "v1", 9*time.Second, 0)
		pass(time.Second / 2)
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads of a value that is fresh, want 1", n)
		}
	})
}

func TestStaleAtOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		o := &origin{t: t, takes: 50 * time.Millisecond}
		c := cache(t, usual, o.load)
		want(t, c, "v1", 0, 50*time.Millisecond)
		pass(11 * time.Second)
		want(t, c, "v1", 11*time.Second, 0)
		pass(60 * time.Millisecond)
		want(t, c, "v2", 10*time.Millisecond, 0)
		if n := o.loads.Load(); n != 2 {
			t.Errorf("%d loads, want the first and one refresh: 2", n)
		}
	})
}

func TestStaleIfError(t *testing.T) {
	virtual(t, func(t *testing.T) {
		o := &origin{t: t, takes: 50 * time.Millisecond}
		c := cache(t, usual, o.load)
		want(t, c, "v1", 0, 50*time.Millisecond)
		o.down.Store(true)
		tell(t, "the origin goes down")
		pass(40 * time.Second)
		want(t, c, "v1", 40*time.Second+50*time.Millisecond, 50*time.Millisecond)
	})
}

func TestNothingToGive(t *testing.T) {
	virtual(t, func(t *testing.T) {
		o := &origin{t: t}
		o.down.Store(true)
		tell(t, "the origin goes down")
		c := cache(t, usual, o.load)
		if v, _, err := ask(t, context.Background(), c); v != "" || !errors.Is(err, errDown) {
			t.Errorf("GetOrLoad = %q, %v; want the load's error", v, err)
		}
		o.down.Store(false)
		tell(t, "the origin is up again")
		want(t, c, "v2", 0, 0)
	})
}
