package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Schema brings the service's tables into being. An inbox row is a copy of a
// post's number; copied is set once every follower has one.
const Schema = `
CREATE TABLE IF NOT EXISTS posts (id INTEGER PRIMARY KEY AUTOINCREMENT, author INTEGER NOT NULL, text TEXT NOT NULL, once TEXT, copied INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX IF NOT EXISTS posts_once ON posts (once) WHERE once IS NOT NULL;
CREATE INDEX IF NOT EXISTS posts_author ON posts (author, id DESC);
CREATE TABLE IF NOT EXISTS inbox (reader INTEGER NOT NULL, post INTEGER NOT NULL, PRIMARY KEY (reader, post)) WITHOUT ROWID;`

// Item is one post of a feed.
type Item struct {
	ID     int64  `json:"id"`
	Author uint64 `json:"author"`
	Text   string `json:"text"`
}

// table keeps posts and inboxes. explain puts a sentinel of package store around
// the driver's errors.
type table struct {
	write, read *sql.DB
	explain     func(context.Context, error) error
}

// add writes a post and returns its number; one with the same key was written
// before, and its number is returned.
func (t table) add(ctx context.Context, author uint64, text, once string) (id int64, err error) {
	key := sql.NullString{String: once, Valid: once != ""}
	err = t.write.QueryRowContext(ctx, `INSERT INTO posts (author, text, once) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET once = once RETURNING id`, int64(author), text, key).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("write a post of author %d: %w", author, t.explain(ctx, err))
	}
	return id, nil
}

// copy puts a post into the inboxes of readers. last says that these are the
// last ones.
func (t table) copy(ctx context.Context, id int64, readers []uint64, last bool) error {
	tx, err := t.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("copy post %d: %w", id, t.explain(ctx, err))
	}
	fail := func(err error) error {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			err = errors.Join(err, undo)
		}
		return fmt.Errorf("copy post %d: %w", id, t.explain(ctx, err))
	}
	args := make([]any, 0, 2*len(readers))
	for _, r := range readers {
		args = append(args, int64(r), id)
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO inbox (reader, post) VALUES `+strings.TrimSuffix(strings.Repeat("(?,?),", len(readers)), ","), args...); err != nil {
		return fail(err)
	}
	if last {
		if _, err := tx.ExecContext(ctx, `UPDATE posts SET copied = 1 WHERE id = ?`, id); err != nil {
			return fail(err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fail(err)
	}
	return nil
}

// cut is where a page begins: after post before, and then after skip others.
type cut struct {
	before int64 // 0: at the newest
	skip   int
}

// inbox returns the newest posts that were copied to a reader.
func (t table) inbox(ctx context.Context, reader uint64, c cut) ([]Item, error) {
	return t.list(ctx, `SELECT p.id, p.author, p.text FROM inbox i JOIN posts p ON p.id = i.post WHERE i.reader = ? AND (? = 0 OR i.post < ?) ORDER BY i.post DESC LIMIT ?`,
		int64(reader), c.before, c.before, Page+c.skip)
}

// of returns the newest posts of some authors. Posts that were copied to all are
// left out when the reader's inbox is read beside it.
func (t table) of(ctx context.Context, authors []uint64, uncopied bool, c cut) ([]Item, error) {
	args := make([]any, 0, len(authors)+4)
	for _, a := range authors {
		args = append(args, int64(a))
	}
	where := ""
	if uncopied {
		where = " AND copied = 0"
	}
	args = append(args, c.before, c.before, Page+c.skip)
	return t.list(ctx, `SELECT id, author, text FROM posts WHERE author IN (`+strings.TrimSuffix(strings.Repeat("?,", len(authors)), ",")+`)`+where+
		` AND (? = 0 OR id < ?) ORDER BY id DESC LIMIT ?`, args...)
}

func (t table) list(ctx context.Context, query string, args ...any) ([]Item, error) {
	rows, err := t.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read a feed: %w", t.explain(ctx, err))
	}
	defer rows.Close()
	var out []Item
	for rows.Next() {
		var i Item
		if err := rows.Scan(&i.ID, &i.Author, &i.Text); err != nil {
			return nil, fmt.Errorf("read a feed: %w", t.explain(ctx, err))
		}
		out = append(out, i)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read a feed: %w", t.explain(ctx, err))
	}
	return out, nil
}

// clear removes every post.
func (t table) clear(ctx context.Context) error {
	for _, name := range []string{"inbox", "posts"} {
		if _, err := t.write.ExecContext(ctx, `DELETE FROM `+name); err != nil {
			return fmt.Errorf("empty the feed's tables: %w", t.explain(ctx, err))
		}
	}
	return nil
}
