// Package feedmerge makes one feed of the timelines of all whom a reader follows.
package feedmerge

import (
	"context"
	"errors"
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

// Merge returns up to limit posts of all timelines that come after place.
func Merge(ctx context.Context, timelines []Timeline, place Key, limit int) (Page, error) {
	return Page{}, errors.New("feedmerge: write me")
}
