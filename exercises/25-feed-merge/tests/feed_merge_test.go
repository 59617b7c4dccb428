//go:build exercise

package feedmerge_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	feedmerge "workbench/exercises/25-feed-merge/start"
)

// wall is a timeline in memory; its posts are sorted.
type wall []feedmerge.Post

func (w wall) After(_ context.Context, place feedmerge.Key, limit int) ([]feedmerge.Post, error) {
	from := 0
	if place != (feedmerge.Key{}) {
		for from < len(w) && (w[from].Created > place.Created || w[from].Created == place.Created && w[from].ID >= place.ID) {
			from++
		}
	}
	return slices.Clone(w[from:min(from+limit, len(w))]), nil
}

// walls shares n posts out among k timelines; each instant has `same` posts. The ids of the whole feed fall from n to 1.
func walls(n, k, same int) []feedmerge.Timeline {
	all := make([]wall, k)
	for id := n; id > 0; id-- {
		w := (id * 7) % k
		all[w] = append(all[w], feedmerge.Post{ID: int64(id), Author: int64(w), Created: int64(1000 + id/same)})
	}
	var ts []feedmerge.Timeline
	for _, w := range all {
		ts = append(ts, w)
	}
	return ts
}

// walk reads the whole feed page by page.
func walk(t *testing.T, ts []feedmerge.Timeline, limit int) (ids []int64, pages int) {
	t.Helper()
	var at feedmerge.Key
	for pages < 500 {
		p, err := feedmerge.Merge(t.Context(), ts, at, limit)
		if err != nil || len(p.Failed) > 0 {
			t.Fatalf("Merge after %v: failed %v, %v", at, p.Failed, err)
		}
		pages++
		for _, x := range p.Posts {
			ids = append(ids, x.ID)
		}
		if !p.More {
			return ids, pages
		}
		at = p.Next
	}
	t.Fatalf("500 pages and More is still true; %d posts read", len(ids))
	return nil, 0
}

func falling(n int) (ids []int64) {
	for id := n; id > 0; id-- {
		ids = append(ids, int64(id))
	}
	return ids
}

func TestPages(t *testing.T) {
	for _, c := range []struct{ n, k, same, limit, pages int }{
		{0, 1, 1, 10, 1}, {0, 5, 1, 10, 1}, {10, 1, 1, 10, 1}, {10, 3, 1, 10, 1}, {11, 3, 1, 10, 2},
		{100, 7, 1, 9, 12}, {60, 60, 1, 20, 3}, {200, 3, 1, 100, 2}, {30, 4, 1, 1, 30},
	} {
		t.Run(fmt.Sprintf("%d posts in %d timelines by %d", c.n, c.k, c.limit), func(t *testing.T) {
			got, pages := walk(t, walls(c.n, c.k, c.same), c.limit)
			if !slices.Equal(got, falling(c.n)) {
				t.Errorf("read %v, want %d down to 1", got, c.n)
			}
			if pages != c.pages {
				t.Errorf("took %d pages, want %d: More is true exactly if a post follows", pages, c.pages)
			}
		})
	}
	if p, err := feedmerge.Merge(t.Context(), nil, feedmerge.Key{}, 5); err != nil || p.More || len(p.Posts) > 0 {
		t.Errorf("Merge of no timelines = %+v, %v; want an empty page", p, err)
	}
}

func TestTies(t *testing.T) {
	for _, same := range []int{2, 5, 1000} {
		got, _ := walk(t, walls(90, 4, same), 7)
		if !slices.Equal(got, falling(90)) {
			t.Errorf("%d posts in each instant: read %v, want 90 down to 1", same, got)
		}
	}
}

func TestLimit(t *testing.T) {
	ts := walls(300, 5, 1)
	for _, c := range []struct{ limit, want int }{{-1, 20}, {0, 20}, {1, 1}, {100, 100}, {1000, 100}} {
		p, err := feedmerge.Merge(t.Context(), ts, feedmerge.Key{}, c.limit)
		if err != nil || len(p.Posts) != c.want {
			t.Errorf("limit %d gave %d posts, %v; want %d", c.limit, len(p.Posts), err, c.want)
		}
	}
}

// TestDuplicates has each post on two walls, as when a group reposts it.
func TestDuplicates(t *testing.T) {
	ts := walls(40, 3, 2)
	ts = append(ts, ts[0], ts[1], ts[2])
	for _, limit := range []int{1, 3, 8, 10, 40} {
		got, pages := walk(t, ts, limit)
		if !slices.Equal(got, falling(40)) {
			t.Errorf("limit %d: read %v, want each of 40 once", limit, got)
		}
		if want := (40 + limit - 1) / limit; pages != want {
			t.Errorf("limit %d: %d pages, want %d: a second copy of the last post is no more", limit, pages, want)
		}
	}
}
