// Package feedmerge makes one feed of the timelines of all whom a reader follows.
// This answer is a tree of pairwise merges over iterators; nothing is read that the
// root does not ask for, but for the first piece of each timeline.
package feedmerge

import (
	"context"
	"errors"
	"iter"
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

// Merge reads from the root of the tree.
func Merge(ctx context.Context, timelines []Timeline, place Key, limit int) (Page, error) {
	if limit < 1 {
		limit = 20
	}
	if limit > 100 {
		limit = 100
	}
	sources := make([]*source, len(timelines))
	for i, t := range timelines {
		sources[i] = &source{i: i, t: t, at: place}
	}
	var wg sync.WaitGroup
	for lane := range MaxInFlight { // each lane reads every eighth timeline
		wg.Go(func() {
			for i := lane; i < len(sources); i += MaxInFlight {
				sources[i].fill(ctx)
			}
		})
	}
	wg.Wait()
	page := Page{Next: place}
	for p := range tree(ctx, sources) {
		if p.ID == page.Next.ID && p.Created == page.Next.Created {
			continue
		}
		if len(page.Posts) == limit {
			page.More = true
			break
		}
		page.Posts = append(page.Posts, p)
		page.Next = Key{p.Created, p.ID}
	}
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	bad := 0
	for i, s := range sources {
		if s.failed {
			bad++
			page.Failed = append(page.Failed, i)
		}
	}
	if bad > 0 && bad == len(sources) && page.Posts == nil {
		return Page{}, errors.New("feedmerge: all timelines are down")
	}
	return page, nil
}

// tree merges all sources: the merge of the merges of both halves.
func tree(ctx context.Context, sources []*source) iter.Seq[Post] {
	switch n := len(sources); n {
	case 0:
		return func(func(Post) bool) {}
	case 1:
		return leaf(ctx, sources[0])
	default:
		return both(tree(ctx, sources[:n/2]), tree(ctx, sources[n/2:]))
	}
}

func leaf(ctx context.Context, s *source) iter.Seq[Post] {
	return func(yield func(Post) bool) {
		for ctx.Err() == nil {
			s.fill(ctx)
			if len(s.posts) == 0 {
				return
			}
			p := s.posts[0]
			s.posts = s.posts[1:]
			if !yield(p) {
				return
			}
		}
	}
}

func both(left, right iter.Seq[Post]) iter.Seq[Post] {
	return func(yield func(Post) bool) {
		nextL, stopL := iter.Pull(left)
		defer stopL()
		nextR, stopR := iter.Pull(right)
		defer stopR()
		l, okL := nextL()
		r, okR := nextR()
		for okL || okR {
			if okL && (!okR || after(Key{r.Created, r.ID}, Key{l.Created, l.ID})) {
				if !yield(l) {
					return
				}
				l, okL = nextL()
				continue
			}
			if !yield(r) {
				return
			}
			r, okR = nextR()
		}
	}
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
