// Package keysetpage reads a feed page by page, and neither repeats nor skips a post.
// This answer finishes the instant of the cursor with one query, goes on to
// older posts with another, and encrypts its cursors.
package keysetpage

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
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
	db   *sql.DB
	seal cipher.AEAD
}

type place struct{ Created, ID int64 }

// New returns a feed over db whose cursors are sealed with key.
func New(db *sql.DB, key []byte) *Feed {
	sum := sha256.Sum256(key)
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		panic("keysetpage: a key of 32 bytes is refused: " + err.Error())
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		panic("keysetpage: the block is refused: " + err.Error())
	}
	return &Feed{db: db, seal: seal}
}

const (
	newest = `SELECT id, created, title FROM posts WHERE author = ? ORDER BY created DESC, id DESC LIMIT ?`
	ties   = `SELECT id, created, title FROM posts WHERE author = ? AND created = ? AND id < ? ORDER BY id DESC LIMIT ?`
	older  = `SELECT id, created, title FROM posts WHERE author = ? AND created < ? ORDER BY created DESC, id DESC LIMIT ?`
)

// Page returns up to limit posts of author that come after cursor.
func (f *Feed) Page(ctx context.Context, author int64, cursor string, limit int) (Page, error) {
	if limit < 1 {
		limit = 20
	}
	limit = min(limit, 100)
	posts, err := f.after(ctx, author, cursor, limit+1)
	if err != nil {
		return Page{}, err
	}
	if len(posts) <= limit {
		return Page{Posts: posts}, nil
	}
	last := posts[limit-1]
	return Page{Posts: posts[:limit], Next: f.write(author, place{last.Created, last.ID})}, nil
}

func (f *Feed) after(ctx context.Context, author int64, cursor string, n int) ([]Post, error) {
	if cursor == "" {
		return f.read(ctx, nil, newest, author, n)
	}
	at, err := f.parse(author, cursor)
	if err != nil {
		return nil, err
	}
	posts, err := f.read(ctx, nil, ties, author, at.Created, at.ID, n)
	if err != nil || len(posts) == n {
		return posts, err
	}
	return f.read(ctx, posts, older, author, at.Created, n-len(posts))
}

func (f *Feed) read(ctx context.Context, posts []Post, query string, args ...any) ([]Post, error) {
	rows, err := f.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("keysetpage: read the feed: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p Post
		if err := rows.Scan(&p.ID, &p.Created, &p.Title); err != nil {
			return nil, fmt.Errorf("keysetpage: read a post: %w", err)
		}
		posts = append(posts, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("keysetpage: read the feed: %w", err)
	}
	return posts, nil
}

// write binds the author as associated data: the seal opens for no one else.
func (f *Feed) write(author int64, at place) string {
	text, err := json.Marshal(at)
	if err != nil {
		panic("keysetpage: two numbers are always JSON: " + err.Error())
	}
	nonce := make([]byte, f.seal.NonceSize())
	rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(f.seal.Seal(nonce, nonce, text, fmt.Append(nil, author)))
}

func (f *Feed) parse(author int64, cursor string) (at place, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	n := f.seal.NonceSize()
	if err != nil || len(raw) < n {
		return place{}, ErrCursor
	}
	text, err := f.seal.Open(nil, raw[:n], raw[n:], fmt.Append(nil, author))
	if err != nil || json.Unmarshal(text, &at) != nil {
		return place{}, ErrCursor
	}
	return at, nil
}
