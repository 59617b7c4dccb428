//go:build exercise

package nplusone_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	nplusone "workbench/exercises/14-n-plus-one/start"
)

// hooked makes up rows and lets a test look into each call.
type hooked struct {
	posts, authors int
	hook           func(ctx context.Context, kind string, ids []int64) error
	name           string
	trips          [3]atomic.Int64 // Feed, Authors, Likes
}

// load loads all of it and writes down the round trips.
func (h *hooked) load(t testing.TB, ctx context.Context) ([]nplusone.Entry, error) {
	t.Helper()
	got, err := nplusone.Load(ctx, h, 1, h.posts)
	tell(t, "Load of %d posts by %d authors = %d entries, %v, after Feed %d times, Authors %d, Likes %d", h.posts, h.authors, len(got), err, h.trips[0].Load(), h.trips[1].Load(), h.trips[2].Load())
	return got, err
}

func (h *hooked) call(ctx context.Context, kind string, ids []int64) error {
	h.trips[map[string]int{"feed": 0, "authors": 1, "likes": 2}[kind]].Add(1)
	if kind != "feed" && (len(ids) == 0 || len(ids) > nplusone.MaxIDs) {
		return fmt.Errorf("%s: IN takes 1 to %d ids, not %d", kind, nplusone.MaxIDs, len(ids))
	}
	if h.hook != nil {
		return h.hook(ctx, kind, ids)
	}
	return nil
}

func (h *hooked) Feed(ctx context.Context, _ int64, _ int) ([]nplusone.Post, error) {
	if err := h.call(ctx, "feed", nil); err != nil {
		return nil, err
	}
	var posts []nplusone.Post
	for i := range h.posts {
		posts = append(posts, nplusone.Post{ID: int64(i + 1), Author: int64(i%h.authors + 1)})
	}
	return posts, nil
}

func (h *hooked) Authors(ctx context.Context, ids []int64) ([]nplusone.Author, error) {
	if err := h.call(ctx, "authors", ids); err != nil {
		return nil, err
	}
	var rows []nplusone.Author
	for i := range ids {
		id := ids[len(ids)-1-i]
		rows = append(rows, nplusone.Author{ID: id, Name: fmt.Sprint(h.name, id)})
	}
	return rows, nil
}

func (h *hooked) Likes(ctx context.Context, ids []int64) (map[int64]int, error) {
	if err := h.call(ctx, "likes", ids); err != nil {
		return nil, err
	}
	rows := map[int64]int{}
	for _, id := range ids {
		rows[id] = int(id * 3)
	}
	return rows, nil
}

func (h *hooked) fits(got []nplusone.Entry) error {
	if len(got) != h.posts {
		return fmt.Errorf("%d entries, want %d", len(got), h.posts)
	}
	for i, e := range got {
		author := int64(i%h.authors + 1)
		if e.Post.ID != int64(i+1) || e.Likes != (i+1)*3 || e.Author.ID != author || e.Author.Name != fmt.Sprint(h.name, author) {
			return fmt.Errorf("entry %d is %+v", i, e)
		}
	}
	return nil
}

func TestManyPosts(t *testing.T) {
	for _, n := range []int{99, 100, 101, 200, 1234} {
		h := &hooked{posts: n, authors: n, name: "m"}
		got, err := h.load(t, t.Context())
		if err == nil {
			err = h.fits(got)
		}
		if err != nil {
			t.Errorf("%d posts: %v", n, err)
		}
	}
}

func TestFewestTrips(t *testing.T) {
	for _, c := range []struct{ posts, authors, trips int }{{100, 5, 3}, {250, 250, 7}, {1000, 101, 13}} {
		var trips atomic.Int64
		h := &hooked{posts: c.posts, authors: c.authors, hook: func(context.Context, string, []int64) error { trips.Add(1); return nil }}
		if _, err := h.load(t, t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := int(trips.Load()); got > c.trips {
			t.Errorf("%d posts by %d authors took %d round trips, want at most %d", c.posts, c.authors, got, c.trips)
		}
	}
}

func TestNoIDTwice(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	h := &hooked{posts: 300, authors: 7, hook: func(_ context.Context, kind string, ids []int64) error {
		mu.Lock()
		defer mu.Unlock()
		for _, id := range ids {
			asked[fmt.Sprint(kind, " ", id)]++
		}
		return nil
	}}
	if _, err := h.load(t, t.Context()); err != nil {
		t.Fatal(err)
	}
	tell(t, "%d different ids were asked for", len(asked))
	for what, n := range asked {
		if n > 1 {
			t.Fatalf("%s is asked for %d times, want once", what, n)
		}
	}
}

func TestStoreError(t *testing.T) {
	down := errors.New("the database is down")
	for _, kind := range []string{"feed", "authors", "likes"} {
		for _, nth := range []int64{1, 2} {
			if kind == "feed" && nth == 2 {
				continue
			}
			var n atomic.Int64
			h := &hooked{posts: 150, authors: 150, hook: func(_ context.Context, k string, _ []int64) error {
				if k == kind && n.Add(1) == nth {
					return down
				}
				return nil
			}}
			got, err := h.load(t, t.Context())
			if !errors.Is(err, down) || len(got) > 0 {
				t.Errorf("%s call %d fails: Load = %d entries, %v; want none and the store's error", kind, nth, len(got), err)
			}
		}
	}
}

// TestCancel lets every call but Feed wait for its context.
func TestCancel(t *testing.T) {
	var open atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h := &hooked{posts: 500, authors: 500, hook: func(ctx context.Context, kind string, _ []int64) error {
		if kind == "feed" {
			return nil
		}
		open.Add(1)
		defer open.Add(-1)
		cancel() // the reader goes as soon as the call is under way
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
			return errors.New("the call did not hear of the cancel")
		}
	}}
	_, err := h.load(t, ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Load = %v, want context.Canceled", err)
	}
	tell(t, "the reader went as soon as a call was under way; %d calls are still open", open.Load())
	if n := open.Load(); n != 0 {
		t.Errorf("Load returned while %d of its calls were still open", n)
	}
}

// rest waits until every other goroutine waits for something: a channel, a
// lock, a timer. Whoever was on the way has arrived then. Unlike synctest.Wait
// it also knows those who wait for a lock that somebody holds while he waits.
func rest(t testing.TB) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	quiet := 0 // looks in a row at which nobody ran but this goroutine
	for end := time.Now().Add(5 * time.Second); quiet < 3; runtime.Gosched() {
		all, busy := stacks[:runtime.Stack(stacks, true)], 0
		for _, state := range []string{" [running", " [runnable", " [preempted", " [GC assist"} {
			busy += bytes.Count(all, []byte(state))
		}
		if quiet++; busy > 1 {
			quiet = 0
		}
		if time.Now().After(end) {
			t.Error("after 5 s somebody still runs: who waits should sleep until woken, and not look again and again")
			return
		}
	}
}

// TestInFlight keeps calls open until nothing more happens, again and again.
func TestInFlight(t *testing.T) {
	var calls, open, most atomic.Int64
	var mu sync.Mutex
	next := make(chan struct{})
	over := false
	h := &hooked{posts: 600, authors: 600, name: "f", hook: func(context.Context, string, []int64) error {
		if calls.Add(1) > 40 {
			return nil // enough is seen
		}
		n := open.Add(1)
		defer open.Add(-1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		mu.Lock()
		mine := next
		mu.Unlock()
		<-mine
		return nil
	}}
	var watch sync.WaitGroup
	watch.Go(func() {
		for last := false; !last; {
			rest(t)
			mu.Lock()
			close(next)
			next, last = make(chan struct{}), over
			mu.Unlock()
		}
	})
	got, err := h.load(t, t.Context())
	mu.Lock()
	over = true
	mu.Unlock()
	watch.Wait()
	if err == nil {
		err = h.fits(got)
	}
	if err != nil {
		t.Error(err)
	}
	tell(t, "%d calls were open at once", most.Load())
	if most.Load() > nplusone.MaxInFlight {
		t.Errorf("%d calls were open at once, want at most %d", most.Load(), nplusone.MaxInFlight)
	}
}

// TestConcurrentLoads uses stores that know the same authors by other names.
func TestConcurrentLoads(t *testing.T) {
	tell(t, "16 Loads at once, of 120 posts each, from stores with names of their own")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			h := &hooked{posts: 120, authors: 30, name: fmt.Sprint("tenant ", i, " ")}
			got, err := nplusone.Load(t.Context(), h, int64(i), 120)
			if err == nil {
				err = h.fits(got)
			}
			if err != nil {
				t.Errorf("load %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}
