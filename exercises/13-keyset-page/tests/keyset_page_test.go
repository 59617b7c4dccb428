//go:build exercise

package keysetpage_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"

	_ "modernc.org/sqlite"
	keysetpage "workbench/exercises/13-keyset-page/start"
)

// tell writes down what happened, for the verdict to list. There is no time in
// this exercise.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf("@- %s", fmt.Sprintf(format, args...))
}

const schema = `CREATE TABLE posts(id INTEGER PRIMARY KEY, author INTEGER NOT NULL, created INTEGER NOT NULL, title TEXT NOT NULL);
	CREATE INDEX posts_feed ON posts(author, created DESC, id DESC);`

// open returns an empty database in memory. One connection, so that there is one memory.
func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec(schema); err != nil {
		t.Fatal(err)
	}
	return db
}

// fill writes n posts of author, each instant shared by `same` posts.
func fill(t *testing.T, db *sql.DB, author int64, n, same int) {
	t.Helper()
	for i := range n {
		_, err := db.Exec(`INSERT INTO posts(author, created, title) VALUES(?, ?, ?)`, author, 1000+i/same, fmt.Sprintf("post %d", i))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// read reads one page and writes down what it was given.
func read(t testing.TB, ctx context.Context, f *keysetpage.Feed, author int64, cursor string, limit int) (keysetpage.Page, error) {
	t.Helper()
	page, err := f.Page(ctx, author, cursor, limit)
	ids := []int64{}
	for _, p := range page.Posts[:min(len(page.Posts), 25)] {
		ids = append(ids, p.ID)
	}
	from := "no cursor"
	if cursor != "" {
		from = fmt.Sprintf("cursor %.12q", cursor)
	}
	tell(t, "Page(author %d, %s, limit %d) = %d posts, ids %v, next %.12q, %v", author, from, limit, len(page.Posts), ids, page.Next, err)
	return page, err
}

// walk reads the whole feed; it stops with a failure when the feed never ends.
func walk(t *testing.T, f *keysetpage.Feed, author int64, limit int) []keysetpage.Post {
	t.Helper()
	var all []keysetpage.Post
	cursor := ""
	for range 1000 {
		page, err := read(t, t.Context(), f, author, cursor, limit)
		if err != nil {
			t.Fatalf("Page(cursor %q, limit %d) after %d posts: %v", cursor, limit, len(all), err)
		}
		all = append(all, page.Posts...)
		if page.Next == "" {
			return all
		}
		cursor = page.Next
	}
	t.Fatalf("1000 pages and Next is still not empty; %d posts read", len(all))
	return nil
}

func TestPagesInOrder(t *testing.T) {
	for _, c := range []struct {
		name           string
		n, same, limit int
	}{
		{"one by one", 7, 1, 1},
		{"pages of three", 20, 1, 3},
		{"two posts share an instant", 20, 2, 3},
		{"one page holds all", 5, 1, 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			fill(t, db, 7, c.n, c.same)
			fill(t, db, 8, 5, 1) // a stranger's posts, with the same instants
			var want []int64
			for id := c.n; id > 0; id-- {
				want = append(want, int64(id))
			}
			var got []int64
			for _, p := range walk(t, keysetpage.New(db, []byte("k")), 7, c.limit) {
				got = append(got, p.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("ids read = %v\nwant       %v", got, want)
			}
		})
	}
}

func TestLastPage(t *testing.T) {
	for _, c := range []struct{ n, limit, pages int }{{0, 5, 1}, {5, 5, 1}, {10, 5, 2}, {11, 5, 3}} {
		t.Run(fmt.Sprintf("%d posts by %d", c.n, c.limit), func(t *testing.T) {
			db := open(t)
			fill(t, db, 1, c.n, 1)
			f := keysetpage.New(db, []byte("k"))
			cursor, pages := "", 0
			for pages < 10 {
				page, err := read(t, t.Context(), f, 1, cursor, c.limit)
				if err != nil {
					t.Fatal(err)
				}
				pages++
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			if pages != c.pages {
				t.Errorf("the feed took %d pages, want %d: Next is empty exactly on the last page that holds posts", pages, c.pages)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	db := open(t)
	fill(t, db, 1, 130, 1)
	f := keysetpage.New(db, []byte("k"))
	for _, c := range []struct{ limit, want int }{{-3, 20}, {0, 20}, {1, 1}, {100, 100}, {101, 100}, {1 << 40, 100}} {
		page, err := read(t, t.Context(), f, 1, "", c.limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Posts) != c.want {
			t.Errorf("limit %d gave %d posts, want %d", c.limit, len(page.Posts), c.want)
		}
	}
}

func TestGarbage(t *testing.T) {
	db := open(t)
	fill(t, db, 1, 10, 1)
	f := keysetpage.New(db, []byte("k"))
	for _, cursor := range []string{"0", "5", "abc", "%%%", "AAAA", "' OR 1=1 --", "MTAwMw", string(make([]byte, 4096)), "\xff\xfe"} {
		page, err := read(t, t.Context(), f, 1, cursor, 3)
		if !errors.Is(err, keysetpage.ErrCursor) || len(page.Posts) > 0 {
			t.Errorf("Page(cursor %.20q) = %d posts, %v; want ErrCursor", cursor, len(page.Posts), err)
		}
	}
}

func TestContext(t *testing.T) {
	db := open(t)
	fill(t, db, 1, 3, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := read(t, ctx, keysetpage.New(db, []byte("k")), 1, "", 3); !errors.Is(err, context.Canceled) {
		t.Errorf("Page with a cancelled context = %v, want context.Canceled", err)
	}
}
