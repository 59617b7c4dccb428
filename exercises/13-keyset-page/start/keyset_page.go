// Package keysetpage reads a feed page by page, and neither repeats nor skips a post.
package keysetpage

import (
	"context"
	"database/sql"
	"errors"
)

// ErrCursor says that a cursor was not made by this feed for this author.
var ErrCursor = errors.New("keysetpage: the cursor is not one of this feed: begin again with an empty cursor")

// Post is one row of the table
//
//	posts(id INTEGER PRIMARY KEY, author INTEGER, created INTEGER, title TEXT)
//
// which has the index posts_feed(author, created DESC, id DESC).
type Post struct {
	ID      int64
	Created int64 // milliseconds since 1970; many posts may share one
	Title   string
}

// Page is a stretch of a feed, newest first.
type Page struct {
	Posts []Post
	Next  string // the cursor of the next page; empty when this is the last
}

// Feed reads the posts of an author.
type Feed struct {
	db  *sql.DB
	key []byte // a secret of the service: nobody else can make a cursor
}

// New returns a feed over db whose cursors are sealed with key.
func New(db *sql.DB, key []byte) *Feed {
	return &Feed{db: db, key: key}
}

// Page returns up to limit posts of author that come after cursor.
// An empty cursor means the newest post.
func (f *Feed) Page(ctx context.Context, author int64, cursor string, limit int) (Page, error) {
	return Page{}, errors.New("keysetpage: write me")
}
