package code

import (
	"context"
	"database/sql"
	"fmt"
)

// guide:begin nested

// Nested asks for the author of each post while the posts are still open. It
// holds one connection and waits for a second one: when every connection is
// held by somebody who does so, nobody goes on.
func Nested(ctx context.Context, db *sql.DB, opened func()) ([]string, error) {
	posts, err := db.QueryContext(ctx, `SELECT author FROM posts ORDER BY id LIMIT 20`)
	if err != nil {
		return nil, fmt.Errorf("list posts: %w", err)
	}
	defer posts.Close()
	opened()
	var names []string
	for posts.Next() {
		var id int64
		var name string
		if err := posts.Scan(&id); err != nil {
			return nil, fmt.Errorf("read a post: %w", err)
		}
		if err := db.QueryRowContext(ctx, `SELECT name FROM authors WHERE id = ?`, id).Scan(&name); err != nil {
			return nil, fmt.Errorf("read the author %d: %w", id, err)
		}
		names = append(names, name)
	}
	return names, posts.Err()
}

// guide:end

// guide:begin joined

// Joined asks once. It needs one connection, and one round trip instead of 21.
func Joined(ctx context.Context, db *sql.DB, opened func()) ([]string, error) {
	rows, err := db.QueryContext(ctx, `SELECT a.name FROM posts p JOIN authors a ON a.id = p.author ORDER BY p.id LIMIT 20`)
	if err != nil {
		return nil, fmt.Errorf("list posts with authors: %w", err)
	}
	defer rows.Close()
	opened()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("read a post: %w", err)
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// guide:end
