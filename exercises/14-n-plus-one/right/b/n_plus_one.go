// Package nplusone builds a timeline from a few round trips to the database, however long it is.
// This answer asks for authors and for likes side by side, and sorts the ids to find the distinct ones.
package nplusone

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// MaxIDs is how many ids one call to the store may name.
const MaxIDs = 100

// MaxInFlight is how many calls one Load may have open at once.
const MaxInFlight = 4

// Post is one row of a feed.
type Post struct {
	ID     int64
	Author int64
	Text   string
}

// Author is who wrote a post.
type Author struct {
	ID   int64
	Name string
}

// Entry is a post with all that the page shows of it.
type Entry struct {
	Post   Post
	Author Author
	Likes  int
}

// Store is the database. Each call is one round trip, and may be made from many goroutines.
type Store interface {
	// Feed returns up to limit posts for user, best first.
	Feed(ctx context.Context, user int64, limit int) ([]Post, error)
	// Authors runs SELECT … WHERE id IN (ids): one row per author that exists, in any order.
	// It refuses an empty list and one of more than MaxIDs.
	Authors(ctx context.Context, ids []int64) ([]Author, error)
	// Likes runs SELECT post, count(*) … WHERE post IN (ids) GROUP BY post: a post without likes has no key.
	// It refuses an empty list and one of more than MaxIDs.
	Likes(ctx context.Context, ids []int64) (map[int64]int, error)
}

// Load returns the timeline of user in the order of the feed.
func Load(ctx context.Context, s Store, user int64, limit int) ([]Entry, error) {
	posts, err := s.Feed(ctx, user, limit)
	if err != nil {
		return nil, fmt.Errorf("load the feed of %d: %w", user, err)
	}
	entries := make([]Entry, len(posts))
	byAuthor := map[int64][]int{} // author to the places of his posts
	byPost := map[int64]int{}
	for i, p := range posts {
		entries[i] = Entry{Post: p, Author: Author{ID: p.Author, Name: "[deleted]"}}
		byAuthor[p.Author] = append(byAuthor[p.Author], i)
		byPost[p.ID] = i
	}
	// The two goroutines write different fields of the entries, so they need no lock.
	var wg sync.WaitGroup
	var authorErr, likeErr error
	wg.Go(func() {
		authorErr = inChunks(slices.Sorted(maps.Keys(byAuthor)), func(ids []int64) error {
			authors, err := s.Authors(ctx, ids)
			for _, a := range authors {
				for _, i := range byAuthor[a.ID] {
					entries[i].Author = a
				}
			}
			return err
		})
	})
	wg.Go(func() {
		likeErr = inChunks(slices.Sorted(maps.Keys(byPost)), func(ids []int64) error {
			counts, err := s.Likes(ctx, ids)
			for id, n := range counts {
				entries[byPost[id]].Likes = n
			}
			return err
		})
	})
	wg.Wait()
	if err := errors.Join(authorErr, likeErr); err != nil {
		return nil, fmt.Errorf("load the timeline of %d: %w", user, err)
	}
	return entries, nil
}

func inChunks(ids []int64, ask func([]int64) error) error {
	for len(ids) > 0 {
		n := min(len(ids), MaxIDs)
		if err := ask(ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}
