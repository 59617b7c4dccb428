// kills: TestCancel — A fresh context works on for a reader who has gone.

package nplusone

import (
	"context"
	"fmt"
	"slices"
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
	var authorIDs, postIDs []int64
	seen := map[int64]bool{}
	for _, p := range posts {
		postIDs = append(postIDs, p.ID)
		if !seen[p.Author] {
			seen[p.Author] = true
			authorIDs = append(authorIDs, p.Author)
		}
	}
	names := map[int64]string{}
	for ids := range slices.Chunk(authorIDs, MaxIDs) {
		authors, err := s.Authors(context.Background(), ids)
		if err != nil {
			return nil, fmt.Errorf("load %d authors: %w", len(ids), err)
		}
		for _, a := range authors {
			names[a.ID] = a.Name
		}
	}
	likes := map[int64]int{}
	for ids := range slices.Chunk(postIDs, MaxIDs) {
		counts, err := s.Likes(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("count the likes of %d posts: %w", len(ids), err)
		}
		for id, n := range counts {
			likes[id] = n
		}
	}
	entries := make([]Entry, 0, len(posts))
	for _, p := range posts {
		name, ok := names[p.Author]
		if !ok {
			name = "[deleted]"
		}
		entries = append(entries, Entry{Post: p, Author: Author{ID: p.Author, Name: name}, Likes: likes[p.ID]})
	}
	return entries, nil
}
