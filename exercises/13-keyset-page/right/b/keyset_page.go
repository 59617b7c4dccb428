// Package keysetpage reads a feed page by page, and neither repeats nor skips a post.
// This answer spells the comparison out in plain SQL and signs a text cursor.
package keysetpage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrCursor says that a cursor was not made by this feed for this author.
var ErrCursor = errors.New("keysetpage: the cursor is not one of this feed: begin again with an empty cursor")

// Post is one row of the table posts.
type Post struct {
	ID      int64
	Created int64
	Title   string
}

// Page is a stretch of a feed, newest first.
type Page struct {
	Posts []Post
	Next  string
}

// Feed reads the posts of an author.
type Feed struct {
	db  *sql.DB
	key []byte
}

// New returns a feed over db whose cursors are sealed with key.
func New(db *sql.DB, key []byte) *Feed {
	return &Feed{db: db, key: key}
}

// The first bound lets the index seek; the second settles posts of one instant.
const query = `SELECT id, created, title FROM posts
	WHERE author = ?1 AND created <= ?2 AND (created < ?2 OR id < ?3)
	ORDER BY created DESC, id DESC LIMIT ?4`

// Page reads the newest page as the page after the end of time.
func (f *Feed) Page(ctx context.Context, author int64, cursor string, limit int) (Page, error) {
	switch {
	case limit < 1:
		limit = 20
	case limit > 100:
		limit = 100
	}
	created, id := int64(math.MaxInt64), int64(math.MaxInt64)
	if cursor != "" {
		var ok bool
		if created, id, ok = f.open(author, cursor); !ok {
			return Page{}, ErrCursor
		}
	}
	posts, err := f.read(ctx, author, created, id, limit+1)
	if err != nil {
		return Page{}, fmt.Errorf("keysetpage: read the feed of %d: %w", author, err)
	}
	if len(posts) <= limit {
		return Page{Posts: posts}, nil
	}
	last := posts[limit-1]
	return Page{Posts: posts[:limit:limit], Next: f.seal(author, last)}, nil
}

func (f *Feed) read(ctx context.Context, author, created, id int64, n int) ([]Post, error) {
	rows, err := f.db.QueryContext(ctx, query, author, created, id, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	posts := make([]Post, 0, n)
	for rows.Next() {
		var p Post
		if err := rows.Scan(&p.ID, &p.Created, &p.Title); err != nil {
			return nil, err
		}
		posts = append(posts, p)
	}
	return posts, rows.Err()
}

func (f *Feed) seal(author int64, last Post) string {
	text := fmt.Sprintf("%d.%d", last.Created, last.ID)
	return base64.RawURLEncoding.EncodeToString([]byte(text + "." + f.sign(author, text)))
}

func (f *Feed) open(author int64, cursor string) (created, id int64, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return 0, 0, false
	}
	parts := strings.Split(string(raw), ".")
	if len(parts) != 3 {
		return 0, 0, false
	}
	want := f.sign(author, parts[0]+"."+parts[1])
	if !hmac.Equal([]byte(parts[2]), []byte(want)) {
		return 0, 0, false
	}
	created, err = strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return 0, 0, false
	}
	id, err = strconv.ParseInt(parts[1], 10, 64)
	return created, id, err == nil
}

func (f *Feed) sign(author int64, text string) string {
	mac := hmac.New(sha256.New, f.key)
	fmt.Fprintf(mac, "%d.%s", author, text)
	return hex.EncodeToString(mac.Sum(nil)[:12])
}
