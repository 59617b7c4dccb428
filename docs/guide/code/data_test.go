package code_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	_ "modernc.org/sqlite"

	"workbench/docs/guide/code"
)

// open returns an empty database with these tables.
func open(t *testing.T, tables string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec(tables); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestNestedAndJoined(t *testing.T) {
	db := open(t, `CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER);
		INSERT INTO authors VALUES (1, 'Ada'), (2, 'Bob'); INSERT INTO posts VALUES (1, 2), (2, 1), (3, 2)`)
	want := []string{"Bob", "Ada", "Bob"}
	for name, list := range map[string]func(context.Context, *sql.DB, func()) ([]string, error){"nested": code.Nested, "joined": code.Joined} {
		if got, err := list(t.Context(), db, func() {}); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v, nil", name, got, err, want)
		}
	}
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := code.Nested(ctx, db, func() {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nested with one connection: %v, want a deadline: it waits for itself", err)
	}
}

func TestPages(t *testing.T) {
	db := open(t, `CREATE TABLE posts (id INTEGER PRIMARY KEY, created INTEGER, title TEXT); CREATE INDEX by_time ON posts (created, id)`)
	for i := range 25 { // five posts of each instant: ties
		if _, err := db.Exec(`INSERT INTO posts (created, title) VALUES (?, ?)`, i/5, strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	var seen []int64
	last := code.Post{Created: 1 << 60}
	for page := 0; ; page++ {
		posts, err := code.PageAfter(t.Context(), db, 4, last)
		if err != nil {
			t.Fatal(err)
		}
		skipped, err := code.PageByOffset(t.Context(), db, 4, page)
		if err != nil || !slices.Equal(posts, skipped) {
			t.Fatalf("page %d: by keyset %v, by offset %v, %v; want the same", page, posts, skipped, err)
		}
		if len(posts) == 0 {
			break
		}
		for _, p := range posts {
			seen = append(seen, p.ID)
		}
		last = posts[len(posts)-1]
	}
	if slices.Sort(seen); len(slices.Compact(seen)) != 25 {
		t.Errorf("saw %v, want each of 25 posts once", seen)
	}
}

func TestFlight(t *testing.T) {
	t.Run("all share one load, its error too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := &code.Flight{Limit: time.Minute}
			sick := errors.New("sick")
			var loads, failed atomic.Int64
			release := make(chan struct{})
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					_, err := f.Get(t.Context(), "a", func(context.Context) (string, error) {
						loads.Add(1)
						<-release
						return "", sick
					})
					if errors.Is(err, sick) {
						failed.Add(1)
					}
				})
			}
			synctest.Wait()
			close(release)
			all.Wait()
			if loads.Load() != 1 || failed.Load() != 100 {
				t.Errorf("%d loads and %d errors, want 1 and 100", loads.Load(), failed.Load())
			}
		})
	})
	t.Run("the first one's leaving does not end the load", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := &code.Flight{Limit: time.Minute}
			release := make(chan struct{})
			from := func(ctx context.Context) (string, error) { <-release; return "value", ctx.Err() }
			ctx, leave := context.WithCancel(t.Context())
			go func() { _, _ = f.Get(ctx, "a", from) }()
			synctest.Wait()
			got := make(chan string, 1)
			go func() { v, _ := f.Get(t.Context(), "a", from); got <- v }()
			synctest.Wait()
			leave()
			synctest.Wait()
			close(release)
			if v := <-got; v != "value" {
				t.Errorf("the second one got %q, want value", v)
			}
		})
	})
	t.Run("a panic reaches every waiter", func(t *testing.T) {
		f := &code.Flight{Limit: time.Minute}
		if _, err := f.Get(t.Context(), "a", func(context.Context) (string, error) { panic("no") }); err == nil {
			t.Error("Get = nil, want an error")
		}
	})
	if got := code.TTL(time.Minute, 0.1, 0) + code.TTL(time.Minute, 0.1, 1); got != 2*time.Minute {
		t.Errorf("TTL is not even around its mean: %v", got)
	}
}

func TestTidyExcludesThoseWhoHoldOneLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tidy := &code.Tidy{}
		var inside atomic.Int64
		var all sync.WaitGroup
		release := make(chan struct{})
		for range 10 {
			all.Go(func() {
				tidy.Do("key", func() {}, func() {
					if inside.Add(1) != 1 {
						t.Error("two are inside although the lock was not removed")
					}
					<-release
					inside.Add(-1)
				})
			})
		}
		synctest.Wait() // all wait at one lock
		close(release)
		all.Wait()
	})
}

func TestReserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &code.Reserved{}
		var charged atomic.Int64
		release := make(chan struct{})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				got, err := r.Do(t.Context(), "k", "body", func(context.Context) (string, error) {
					charged.Add(1)
					<-release
					return "receipt", nil
				})
				if got != "receipt" || err != nil {
					t.Errorf("Do = %q, %v; want receipt, nil", got, err)
				}
			})
		}
		synctest.Wait()
		if _, err := r.Do(t.Context(), "k", "another", nil); !errors.Is(err, code.ErrOther) {
			t.Errorf("the key with another body: %v, want ErrOther", err)
		}
		close(release)
		all.Wait()
		if charged.Load() != 1 {
			t.Errorf("charged %d times, want once", charged.Load())
		}
	})
	r := &code.Reserved{}
	broken := errors.New("broken")
	if _, err := r.Do(t.Context(), "k", "b", func(context.Context) (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Errorf("Do = %v, want %v", err, broken)
	}
	if got, err := r.Do(t.Context(), "k", "b", func(context.Context) (string, error) { return "second", nil }); got != "second" || err != nil {
		t.Errorf("after a failure: %q, %v; want second, nil", got, err)
	}
}

func TestOutbox(t *testing.T) {
	db := open(t, `CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT); CREATE TABLE outbox (id INTEGER PRIMARY KEY, event TEXT)`)
	for _, item := range []string{"tea", "milk"} {
		if err := code.Place(t.Context(), db, item); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	crash := true
	publish := func(event string) error {
		got = append(got, event)
		if crash && event == "placed milk" {
			return code.ErrCrash // told, and not noted
		}
		return nil
	}
	if err := code.Relay(t.Context(), db, publish); !errors.Is(err, code.ErrCrash) {
		t.Fatalf("Relay = %v, want ErrCrash", err)
	}
	crash = false
	if err := code.Relay(t.Context(), db, publish); err != nil {
		t.Fatal(err)
	}
	if want := []string{"placed tea", "placed milk", "placed milk"}; !slices.Equal(got, want) {
		t.Errorf("published %v, want %v: nothing lost, one twice", got, want)
	}
}

func TestDelivery(t *testing.T) {
	every := func(n int) func() bool {
		i := 0
		return func() bool { i++; return i%n == 0 }
	}
	done := map[int]int{}
	code.Early(code.NewMailbox(100), func(id int) { done[id]++ }, every(10))
	if len(done) != 90 {
		t.Errorf("acknowledged first, %d of 100 were done, want 90", len(done))
	}
	again := 0
	code.Late(code.NewMailbox(100), code.Once(func(id int) { again++ }), every(10))
	if again != 100 {
		t.Errorf("with a note of what was done, %d effects, want 100", again)
	}
}
