// kills: TestDeletedEdge — A cursor that points at a row dies with the row: carry the values.

package keysetpage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
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

const first = `SELECT id, created, title FROM posts
	WHERE author = ? ORDER BY created DESC, id DESC LIMIT ?`

const later = `SELECT id, created, title FROM posts
	WHERE author = ? AND (created, id) < ((SELECT created FROM posts WHERE id = ?), ?) ORDER BY created DESC, id DESC LIMIT ?`

// Page asks for one post more than it shows: only so it knows whether more follow.
func (f *Feed) Page(ctx context.Context, author int64, cursor string, limit int) (Page, error) {
	if limit < 1 {
		limit = 20
	}
	limit = min(limit, 100)
	query, args := first, []any{author, limit + 1}
	if cursor != "" {
		_, id, err := f.open(author, cursor)
		if err != nil {
			return Page{}, err
		}
		query, args = later, []any{author, id, id, limit + 1}
	}
	rows, err := f.db.QueryContext(ctx, query, args...)
	if err != nil {
		return Page{}, fmt.Errorf("keysetpage: read the feed of %d: %w", author, err)
	}
	defer rows.Close()
	var page Page
	for rows.Next() {
		var p Post
		if err := rows.Scan(&p.ID, &p.Created, &p.Title); err != nil {
			return Page{}, fmt.Errorf("keysetpage: read a post of %d: %w", author, err)
		}
		page.Posts = append(page.Posts, p)
	}
	if err := rows.Err(); err != nil {
		return Page{}, fmt.Errorf("keysetpage: read the feed of %d: %w", author, err)
	}
	if len(page.Posts) > limit {
		page.Posts = page.Posts[:limit]
		last := page.Posts[limit-1]
		page.Next = f.seal(author, last.Created, last.ID)
	}
	return page, nil
}

// seal writes the place of the last post shown, and a signature that covers the author too.
func (f *Feed) seal(author, created, id int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(created))
	b = binary.BigEndian.AppendUint64(b, uint64(id))
	b = append(b, f.sign(author, b)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

func (f *Feed) open(author int64, cursor string) (created, id int64, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) != 32 {
		return 0, 0, ErrCursor
	}
	if !hmac.Equal(b[16:], f.sign(author, b[:16])) {
		return 0, 0, ErrCursor
	}
	return int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), nil
}

func (f *Feed) sign(author int64, place []byte) []byte {
	mac := hmac.New(sha256.New, f.key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(author)))
	mac.Write(place)
	return mac.Sum(nil)[:16]
}
