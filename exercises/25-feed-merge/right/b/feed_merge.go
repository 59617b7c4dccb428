// Package feedmerge makes one feed of the timelines of all whom a reader follows.
// This answer works in rounds: it reads all empty sources with a few workers, sorts
// what is safe to show, and reads again until the page is full.
package feedmerge

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
)

// MaxInFlight is how many reads one Merge may have open at once.
const MaxInFlight = 8

// Key is a place in a feed. The zero Key stands before the newest post.
type Key struct{ Created, ID int64 }

// Post is one post; its id is unique, and Created above 0.
type Post struct {
	ID, Author, Created int64
}

// Timeline holds posts, newest first: by Created and then by ID, both falling.
type Timeline interface {
	// After returns up to limit posts that come after place. Fewer mean that there are no more.
	After(ctx context.Context, place Key, limit int) ([]Post, error)
}

// Page is a stretch of the merged feed.
type Page struct {
	Posts  []Post
	Next   Key   // where the next page begins
	More   bool  // at least one post follows
	Failed []int // timelines that could not be read, or broke their order; rising
}

// Merge works in rounds.
func Merge(ctx context.Context, timelines []Timeline, place Key, limit int) (Page, error) {
	switch {
	case limit < 1:
		limit = 20
	case limit > 100:
		limit = 100
	}
	sources := make([]*source, len(timelines))
	for i, t := range timelines {
		sources[i] = &source{i: i, t: t, at: place}
	}
	var all []Post
	for len(all) <= limit { // one more than the page tells whether more follow
		read(ctx, sources)
		if err := ctx.Err(); err != nil {
			return Page{}, fmt.Errorf("feedmerge: %w", err)
		}
		more := round(sources)
		if len(more) == 0 {
			break
		}
		all = slices.CompactFunc(append(all, more...), func(a, b Post) bool { return a.ID == b.ID })
	}
	page := Page{Next: place, Posts: all, More: len(all) > limit}
	if page.More {
		page.Posts = all[:limit:limit]
	}
	if n := len(page.Posts); n > 0 {
		page.Next = Key{page.Posts[n-1].Created, page.Posts[n-1].ID}
	}
	for i, s := range sources {
		if s.failed {
			page.Failed = append(page.Failed, i)
		}
	}
	if len(page.Posts) == 0 && len(sources) > 0 && len(page.Failed) == len(sources) {
		return Page{}, fmt.Errorf("feedmerge: none of %d timelines can be read", len(sources))
	}
	return page, nil
}

// read fills every source that is empty.
func read(ctx context.Context, sources []*source) {
	var empty []*source
	for _, s := range sources {
		if len(s.posts) == 0 && !s.ended {
			empty = append(empty, s)
		}
	}
	jobs := make(chan *source)
	var workers sync.WaitGroup
	for range min(MaxInFlight, len(empty)) {
		workers.Go(func() {
			for s := range jobs {
				s.fill(ctx)
			}
		})
	}
	for _, s := range empty {
		jobs <- s
	}
	close(jobs)
	workers.Wait()
}

// round takes, sorted, all posts down to the place where some source may have unread ones.
func round(sources []*source) []Post {
	var safe Key // no source has unread posts before it; zero: nowhere
	found := false
	for _, s := range sources {
		if len(s.posts) > 0 && !s.ended && (!found || after(safe, s.at)) {
			safe, found = s.at, true
		}
	}
	var taken []Post
	for _, s := range sources {
		n := len(s.posts)
		if found {
			n = 0
			for n < len(s.posts) && !after(Key{s.posts[n].Created, s.posts[n].ID}, safe) {
				n++
			}
		}
		taken = append(taken, s.posts[:n]...)
		s.posts = s.posts[n:]
	}
	slices.SortFunc(taken, func(a, b Post) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
	})
	return taken
}

// source reads one timeline piece by piece.
type source struct {
	i      int
	t      Timeline
	posts  []Post // read and not used yet
	at     Key    // the last post read
	size   int    // of the next piece
	ended  bool
	failed bool
}

// fill reads the next piece if nothing is left. Pieces double, so that a busy
// timeline takes few reads and a quiet one gives few posts for nothing.
func (s *source) fill(ctx context.Context) {
	if len(s.posts) > 0 || s.ended {
		return
	}
	s.size = max(4, 2*s.size)
	got, err := s.t.After(ctx, s.at, s.size)
	s.ended = err != nil || len(got) < s.size
	s.failed = s.failed || err != nil
	if err != nil {
		return
	}
	for _, p := range got {
		if !after(Key{p.Created, p.ID}, s.at) {
			s.ended, s.failed = true, true // it would lead us in a circle
			return
		}
		s.at = Key{p.Created, p.ID}
		s.posts = append(s.posts, p)
	}
}

// after says whether a comes after b in a feed; everything does after the zero Key.
func after(a, b Key) bool {
	return b == Key{} || a.Created < b.Created || a.Created == b.Created && a.ID < b.ID
}
