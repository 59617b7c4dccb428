// Package feedmerge makes one feed out of many timelines, page by page.
package feedmerge

import (
	"context"
	"errors"
)

// These are the faults of a caller.
var (
	ErrCursor = errors.New("not a cursor that came from here")
	ErrLimit  = errors.New("a page has from 1 to MaxLimit posts")
)

// MaxLimit is the most posts of one page; MaxReads is the most timelines that
// are read at the same time.
const (
	MaxLimit = 100
	MaxReads = 8
)

// Post is one entry of a timeline. The feed's order is the newest first; of
// equally new posts the one with the larger ID.
type Post struct {
	ID   uint64 // no other post has it
	At   int64  // milliseconds, more than 0
	Text string
}

// Mark is a place in the feed's order: that of the post with this instant and
// this ID. The zero Mark is the top, before every post.
type Mark struct {
	At int64
	ID uint64
}

// Timeline reads what one author wrote: of the posts that come after the mark
// in the feed's order the first n, in that order, or all if there are fewer.
type Timeline func(ctx context.Context, after Mark, n int) ([]Post, error)

// Page is a piece of the feed, and the cursor of the next one: empty when
// nothing follows.
type Page struct {
	Posts []Post
	Next  string
}

// Merge reads the page that begins at the cursor; an empty cursor is the top.
func Merge(ctx context.Context, timelines []Timeline, cursor string, limit int) (Page, error) {
	return Page{}, nil
}
