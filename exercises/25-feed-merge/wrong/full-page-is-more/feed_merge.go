// kills: TestPages — A full page does not prove that more follow.

package feedmerge

import (
	"container/heap"
	"context"
	"errors"
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

// Merge pulls post by post from the heap of sources.
func Merge(ctx context.Context, timelines []Timeline, place Key, limit int) (Page, error) {
	if limit < 1 {
		limit = 20
	}
	limit = min(limit, 100)
	sources := make([]*source, len(timelines))
	places := make(chan struct{}, MaxInFlight)
	var reads sync.WaitGroup
	for i, t := range timelines {
		sources[i] = &source{i: i, t: t, at: place}
		places <- struct{}{}
		reads.Go(func() {
			defer func() { <-places }()
			sources[i].fill(ctx)
		})
	}
	reads.Wait()
	var h heads
	for _, s := range sources {
		if len(s.posts) > 0 {
			h = append(h, s)
		}
	}
	heap.Init(&h)
	page := Page{Next: place}
	for len(h) > 0 && ctx.Err() == nil {
		p := h[0].posts[0]
		if key := (Key{p.Created, p.ID}); key != page.Next { // a post in two timelines comes once
			if len(page.Posts) == limit {
				page.More = true
				break
			}
			page.Posts = append(page.Posts, p)
			page.More = len(page.Posts) == limit
			page.Next = key
		}
		h.step(ctx)
	}
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	for _, s := range sources {
		if s.failed {
			page.Failed = append(page.Failed, s.i)
		}
	}
	if n := len(timelines); n > 0 && len(page.Failed) == n && len(page.Posts) == 0 {
		return Page{}, errors.New("feedmerge: no timeline can be read: try again later")
	}
	return page, nil
}

// heads is a heap of sources that have posts, the newest first.
type heads []*source

func (h heads) Len() int      { return len(h) }
func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h heads) Less(i, j int) bool {
	a, b := h[i].posts[0], h[j].posts[0]
	return after(Key{b.Created, b.ID}, Key{a.Created, a.ID})
}
func (h *heads) Push(x any) { *h = append(*h, x.(*source)) }
func (h *heads) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// step uses up the first post of the first source.
func (h *heads) step(ctx context.Context) {
	s := (*h)[0]
	s.posts = s.posts[1:]
	s.fill(ctx)
	if len(s.posts) == 0 {
		heap.Pop(h)
		return
	}
	heap.Fix(h, 0)
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
