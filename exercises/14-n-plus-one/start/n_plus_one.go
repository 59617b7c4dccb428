// Package nplusone builds a timeline from a few round trips to the database, however long it is.
package nplusone

import "context"

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
		return nil, err
	}
	var entries []Entry
	for _, p := range posts {
		authors, err := s.Authors(ctx, []int64{p.Author}) // one round trip for each post
		if err != nil {
			return nil, err
		}
		for _, a := range authors {
			entries = append(entries, Entry{Post: p, Author: a})
		}
	}
	return entries, nil
}
