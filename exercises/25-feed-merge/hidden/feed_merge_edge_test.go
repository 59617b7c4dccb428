//go:build exercise

package feedmerge_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	feedmerge "workbench/exercises/25-feed-merge/start"
)

// lane is a timeline that a test can watch and break.
type lane struct {
	mu    sync.Mutex
	posts []feedmerge.Post
	hook  func(ctx context.Context, call int) error
	calls int
	read  int
}

func (l *lane) add(p feedmerge.Post) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.posts = append(l.posts, p)
	slices.SortFunc(l.posts, func(a, b feedmerge.Post) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
	})
}

func (l *lane) After(ctx context.Context, place feedmerge.Key, limit int) ([]feedmerge.Post, error) {
	l.mu.Lock()
	l.calls++
	call := l.calls
	l.mu.Unlock()
	if l.hook != nil {
		if err := l.hook(ctx, call); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var got []feedmerge.Post
	for _, p := range l.posts {
		if len(got) < limit && (place == feedmerge.Key{} || p.Created < place.Created || p.Created == place.Created && p.ID < place.ID) {
			got = append(got, p)
		}
	}
	l.read += len(got)
	return got, nil
}

// lanes makes k timelines of n posts each, the newest of all on the first.
func lanes(k, n int) ([]*lane, []feedmerge.Timeline) {
	var all []*lane
	var ts []feedmerge.Timeline
	for i := range k {
		l := &lane{}
		for j := range n {
			l.posts = append(l.posts, feedmerge.Post{ID: int64((n-j)*k - i), Author: int64(i), Created: int64(5000 + (n-j)*k - i)})
		}
		all, ts = append(all, l), append(ts, l)
	}
	return all, ts
}

// TestInserts plays random feeds with new posts between the pages.
func TestInserts(t *testing.T) {
	for seed := range uint64(25) {
		rnd := rand.New(rand.NewPCG(seed, 25))
		k := 1 + rnd.IntN(6)
		all, ts := lanes(k, 0)
		id := int64(0)
		post := func() int64 {
			id++
			all[rnd.IntN(k)].add(feedmerge.Post{ID: id, Created: 100 + rnd.Int64N(30)})
			return id
		}
		start := 30 + rnd.IntN(60)
		for range start {
			post()
		}
		seen := map[int64]int{}
		var last feedmerge.Post
		var at feedmerge.Key
		for pages := 0; pages < 300; pages++ {
			p, err := feedmerge.Merge(t.Context(), ts, at, 1+rnd.IntN(9))
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range p.Posts {
				if seen[x.ID]++; seen[x.ID] > 1 {
					t.Fatalf("seed %d: post %d is shown twice", seed, x.ID)
				}
				if last.ID != 0 && (x.Created > last.Created || x.Created == last.Created && x.ID > last.ID) {
					t.Fatalf("seed %d: post %v follows %v", seed, x, last)
				}
				last = x
			}
			if at = p.Next; !p.More {
				break
			}
			for range rnd.IntN(3) {
				post()
			}
		}
		for i := range int64(start) {
			if seen[i+1] == 0 {
				t.Fatalf("seed %d: post %d was there from the start and is skipped", seed, i+1)
			}
		}
	}
}

func TestNextStays(t *testing.T) {
	_, ts := lanes(2, 3)
	end := feedmerge.Key{Created: 1, ID: 1}
	if p, err := feedmerge.Merge(t.Context(), ts, end, 5); err != nil || p.Next != end || p.More || len(p.Posts) > 0 {
		t.Errorf("Merge after the last post = %+v, %v; want nothing, and Next where it was: the reader may ask again from there", p, err)
	}
}

func TestOneFails(t *testing.T) {
	for _, call := range []int{1, 2} {
		all, ts := lanes(3, 30)
		all[1].hook = func(_ context.Context, n int) error {
			if n >= call {
				return errors.New("shard down")
			}
			return nil
		}
		p, err := feedmerge.Merge(t.Context(), ts, feedmerge.Key{}, 60)
		if err != nil || !slices.Equal(p.Failed, []int{1}) {
			t.Fatalf("timeline 1 of 3 fails at its read %d: failed %v, %v; want [1] and a page from the others", call, p.Failed, err)
		}
		others := 0
		for _, x := range p.Posts {
			if x.Author != 1 {
				others++
			}
		}
		if call == 1 && others != 60 {
			t.Errorf("timeline 1 of 3 is down: %d posts of the others, want 60", others)
		}
		if call == 2 && others < 30 {
			t.Errorf("timeline 1 of 3 fails half-way: %d posts of the others, want at least 30", others)
		}
	}
}

func TestAllFail(t *testing.T) {
	all, ts := lanes(3, 5)
	for _, l := range all {
		l.hook = func(context.Context, int) error { return errors.New("shard down") }
	}
	if p, err := feedmerge.Merge(t.Context(), ts, feedmerge.Key{}, 5); err == nil {
		t.Errorf("all timelines fail: Merge = %+v, want an error: an empty feed would be a lie", p)
	}
}

// stuck ignores the place and gives the same posts for ever.
type stuck struct{ lane }

func (s *stuck) After(ctx context.Context, _ feedmerge.Key, limit int) ([]feedmerge.Post, error) {
	return s.lane.After(ctx, feedmerge.Key{}, limit)
}

func TestStuckTimeline(t *testing.T) {
	all, ts := lanes(2, 60)
	s := &stuck{}
	s.posts = all[0].posts
	ts[0] = s
	done := make(chan feedmerge.Page, 1)
	go func() {
		p, err := feedmerge.Merge(context.Background(), ts, feedmerge.Key{}, 100)
		if err != nil {
			t.Errorf("Merge = %v", err)
		}
		done <- p
	}()
	select {
	case p := <-done:
		if !slices.Equal(p.Failed, []int{0}) {
			t.Errorf("a timeline that gives the same posts again: failed %v, want [0]", p.Failed)
		}
		seen := map[int64]bool{}
		for _, x := range p.Posts {
			if seen[x.ID] {
				t.Fatalf("post %d is shown twice", x.ID)
			}
			seen[x.ID] = true
		}
	case <-time.After(5 * time.Second):
		t.Error("Merge goes round in circles with a timeline that ignores the place")
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var open, deaf atomic.Int64
	all, ts := lanes(20, 5)
	for _, l := range all {
		l.hook = func(ctx context.Context, _ int) error {
			open.Add(1)
			defer open.Add(-1)
			cancel()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(2 * time.Second):
				deaf.Add(1)
				return errors.New("the read did not hear of the cancel")
			}
		}
	}
	if _, err := feedmerge.Merge(ctx, ts, feedmerge.Key{}, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("Merge = %v, want context.Canceled", err)
	}
	if n := open.Load(); n != 0 {
		t.Errorf("Merge returned while %d of its reads were open", n)
	}
	if n := deaf.Load(); n != 0 {
		t.Errorf("%d reads did not hear of the cancel: they need the context of the caller", n)
	}
}

// TestInFlight keeps reads open for a moment, unless too many have met.
func TestInFlight(t *testing.T) {
	var open, most atomic.Int64
	var once sync.Once
	met := make(chan bool)
	all, ts := lanes(40, 3)
	for _, l := range all {
		l.hook = func(context.Context, int) error {
			n := open.Add(1)
			defer open.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			if n > feedmerge.MaxInFlight {
				once.Do(func() { close(met) })
			}
			select {
			case <-met:
			case <-time.After(5 * time.Millisecond):
			}
			return nil
		}
	}
	if _, err := feedmerge.Merge(t.Context(), ts, feedmerge.Key{}, 10); err != nil {
		t.Fatal(err)
	}
	if n := most.Load(); n > feedmerge.MaxInFlight {
		t.Errorf("%d reads were open at once, want at most %d", n, feedmerge.MaxInFlight)
	}
}

func TestSideBySide(t *testing.T) {
	all, ts := lanes(4, 3)
	var in atomic.Int64
	two := make(chan bool)
	for _, l := range all {
		l.hook = func(context.Context, int) error {
			if in.Add(1) == 2 {
				close(two)
			}
			select {
			case <-two:
				return nil
			case <-time.After(5 * time.Second):
				return errors.New("no other read came beside this one")
			}
		}
	}
	if p, err := feedmerge.Merge(t.Context(), ts, feedmerge.Key{}, 5); err != nil || len(p.Failed) > 0 {
		t.Errorf("failed %v, %v: the first reads of timelines must run side by side, else a feed of 200 takes 200 round trips", p.Failed, err)
	}
}

func TestManyMerges(t *testing.T) {
	_, ts := lanes(5, 40)
	want, err := feedmerge.Merge(t.Context(), ts, feedmerge.Key{}, 50)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			got, err := feedmerge.Merge(context.Background(), ts, feedmerge.Key{}, 50)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("a merge beside others = %d posts, %v; want the same page as alone", len(got.Posts), err)
			}
		})
	}
	wg.Wait()
}

func TestFewReads(t *testing.T) {
	for _, c := range []struct{ k, n, limit int }{{200, 30, 50}, {1, 1000, 100}, {50, 200, 100}, {20, 2, 20}} {
		all, ts := lanes(c.k, c.n)
		if c.k > 1 { // one busy author has all the newest posts
			for i := range int64(120) {
				all[0].add(feedmerge.Post{ID: 1_000_000 + i, Created: 1_000_000 + i})
			}
		}
		if _, err := feedmerge.Merge(t.Context(), ts, feedmerge.Key{}, c.limit); err != nil {
			t.Fatal(err)
		}
		read := 0
		for i, l := range all {
			read += l.read
			if l.calls > 8 {
				t.Errorf("%d timelines, limit %d: timeline %d is read %d times, want at most 8", c.k, c.limit, i, l.calls)
			}
		}
		if most := 3*c.limit + 8*c.k; read > most {
			t.Errorf("%d timelines, limit %d: %d posts are read, want at most %d", c.k, c.limit, read, most)
		}
	}
}
