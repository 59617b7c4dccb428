package code

import (
	"context"
	"database/sql"
	"fmt"
)

// Post is a row of the feed.
type Post struct {
	ID, Created int64
	Title       string
}

// guide:begin offset

// PageByOffset skips the rows of all earlier pages. The database must read them
// to skip them.
func PageByOffset(ctx context.Context, db *sql.DB, size, page int) ([]Post, error) {
	return list(ctx, db, `SELECT id, created, title FROM posts ORDER BY created DESC, id DESC LIMIT ? OFFSET ?`, size, size*page)
}

// guide:end

// guide:begin keyset

// PageAfter goes on after the last post of the page before. Posts of one
// instant are told apart by id: without it, some are skipped or shown twice.
func PageAfter(ctx context.Context, db *sql.DB, size int, last Post) ([]Post, error) {
	return list(ctx, db, `SELECT id, created, title FROM posts WHERE (created, id) < (?, ?) ORDER BY created DESC, id DESC LIMIT ?`, last.Created, last.ID, size)
}

// guide:end

func list(ctx context.Context, db *sql.DB, query string, args ...any) ([]Post, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list posts: %w", err)
	}
	defer rows.Close()
	var out []Post
	for rows.Next() {
		var p Post
		if err := rows.Scan(&p.ID, &p.Created, &p.Title); err != nil {
			return nil, fmt.Errorf("read a post: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
