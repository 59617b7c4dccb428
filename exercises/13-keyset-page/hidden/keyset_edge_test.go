//go:build exercise

package keysetpage_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"modernc.org/sqlite"
	keysetpage "workbench/exercises/13-keyset-page/start"
)

// asked is one query with its arguments, as the driver saw it.
type asked struct {
	text string
	args []any
}

// spy opens databases in memory and notes each query.
type spy struct {
	mu   sync.Mutex
	seen []asked
	rows int
}

func (s *spy) Driver() driver.Driver { return nil }

func (s *spy) Connect(context.Context) (driver.Conn, error) {
	c, err := new(sqlite.Driver).Open(":memory:")
	return spyConn{c, s}, err
}

func (s *spy) note(text string, args []driver.NamedValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := asked{text: text}
	for _, v := range args {
		a.args = append(a.args, v.Value)
	}
	s.seen = append(s.seen, a)
}

type spyConn struct {
	driver.Conn
	spy *spy
}

func (c spyConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	c.spy.note(q, args)
	r, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
	if err != nil {
		return nil, err
	}
	return spyRows{r, c.spy}, nil
}

func (c spyConn) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	return spyStmt{s, q, c.spy}, nil
}

type spyStmt struct {
	driver.Stmt
	text string
	spy  *spy
}

func (s spyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.spy.note(s.text, args)
	r, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	return spyRows{r, s.spy}, nil
}

type spyRows struct {
	driver.Rows
	spy *spy
}

func (r spyRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if err == nil {
		r.spy.mu.Lock()
		r.spy.rows++
		r.spy.mu.Unlock()
	}
	return err
}

func memory(t *testing.T) (*sql.DB, *spy) {
	t.Helper()
	s := new(spy)
	db := sql.OpenDB(s)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	must(t, db, `CREATE TABLE posts(id INTEGER PRIMARY KEY, author INTEGER NOT NULL, created INTEGER NOT NULL, title TEXT NOT NULL)`)
	must(t, db, `CREATE INDEX posts_feed ON posts(author, created DESC, id DESC)`)
	return db, s
}

func must(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

func post(t *testing.T, db *sql.DB, author, created int64) {
	t.Helper()
	must(t, db, `INSERT INTO posts(author, created, title) VALUES(?, ?, 'p')`, author, created)
}

func page(t *testing.T, f *keysetpage.Feed, author int64, cursor string, limit int) keysetpage.Page {
	t.Helper()
	p, err := read(t, t.Context(), f, author, cursor, limit)
	if err != nil {
		t.Fatalf("Page(author %d, limit %d): %v", author, limit, err)
	}
	return p
}

func TestTies(t *testing.T) {
	db, _ := memory(t)
	for range 25 {
		post(t, db, 1, 5000) // a bulk import: all in one millisecond
	}
	f := keysetpage.New(db, []byte("k"))
	var got []int64
	for cursor, n := "", 0; n < 10; n++ {
		p := page(t, f, 1, cursor, 4)
		for _, x := range p.Posts {
			got = append(got, x.ID)
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if len(got) != 25 || !slices.IsSortedFunc(got, func(a, b int64) int { return int(b - a) }) {
		t.Errorf("25 posts of one instant: read %d ids %v, want each once, highest id first", len(got), got)
	}
}

// TestInserts plays random inserts between pages: what was there at the start is seen once.
func TestInserts(t *testing.T) {
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(seed, 13))
		db, _ := memory(t)
		n := 20 + rnd.IntN(40)
		for range n {
			post(t, db, 1, 100+int64(rnd.IntN(8)))
		}
		f := keysetpage.New(db, []byte("k"))
		seen := map[int64]int{}
		for cursor, pages := "", 0; pages < 200; pages++ {
			p := page(t, f, 1, cursor, 1+rnd.IntN(6))
			for _, x := range p.Posts {
				seen[x.ID]++
			}
			if cursor = p.Next; cursor == "" {
				break
			}
			for range rnd.IntN(4) {
				post(t, db, 1, 98+int64(rnd.IntN(14))) // newer, older and tied ones
			}
		}
		for id := range int64(n) {
			if seen[id+1] == 0 {
				t.Errorf("seed %d: post %d was there from the start and is skipped", seed, id+1)
			}
		}
		for id, times := range seen {
			if times > 1 {
				t.Errorf("seed %d: post %d is shown %d times", seed, id, times)
			}
		}
	}
}

func TestDeletedEdge(t *testing.T) {
	db, _ := memory(t)
	for i := range int64(9) {
		post(t, db, 1, 100+i)
	}
	f := keysetpage.New(db, []byte("k"))
	p := page(t, f, 1, "", 3)
	tell(t, "the posts of that page are deleted")
	must(t, db, `DELETE FROM posts WHERE id >= ?`, p.Posts[2].ID) // the whole first page, the edge with it
	var ids []int64
	for _, x := range page(t, f, 1, p.Next, 3).Posts {
		ids = append(ids, x.ID)
	}
	if !slices.Equal(ids, []int64{6, 5, 4}) {
		t.Errorf("after the edge post is deleted the next page = %v, want [6 5 4]", ids)
	}
}

func TestTampered(t *testing.T) {
	db, _ := memory(t)
	for i := range int64(40) {
		post(t, db, 1, 100+i/2)
	}
	f := keysetpage.New(db, []byte("k"))
	cursor := page(t, f, 1, "", 5).Next
	honest := page(t, f, 1, cursor, 5).Posts
	refused := 0
	for i := range cursor {
		for _, c := range "Aa0_" {
			forged := cursor[:i] + string(c) + cursor[i+1:]
			p, err := f.Page(t.Context(), 1, forged, 5)
			if i < 2 || !errors.Is(err, keysetpage.ErrCursor) {
				tell(t, "Page of that cursor with letter %d changed to %q = %d posts, %v", i, c, len(p.Posts), err)
			}
			switch {
			case errors.Is(err, keysetpage.ErrCursor):
				refused++
			case err != nil:
				t.Fatalf("a forged cursor gives %v, want ErrCursor", err)
			case !slices.Equal(p.Posts, honest):
				t.Fatalf("cursor %q with letter %d changed to %q moves the reader to %v", cursor, i, c, p.Posts)
			}
		}
	}
	if refused < 3*len(cursor) {
		t.Errorf("only %d of %d forged cursors are refused", refused, 4*len(cursor))
	}
	if _, err := read(t, t.Context(), keysetpage.New(db, []byte("other")), 1, cursor, 5); !errors.Is(err, keysetpage.ErrCursor) {
		t.Errorf("a feed with another key takes the cursor: %v, want ErrCursor", err)
	}
}

func TestOtherAuthor(t *testing.T) {
	db, _ := memory(t)
	for i := range int64(20) {
		post(t, db, 1+i%2, 100+i)
	}
	f := keysetpage.New(db, []byte("k"))
	cursor := page(t, f, 1, "", 3).Next
	if p, err := read(t, t.Context(), f, 2, cursor, 3); !errors.Is(err, keysetpage.ErrCursor) {
		t.Errorf("author 1's cursor used on author 2 = %d posts, %v; want ErrCursor", len(p.Posts), err)
	}
}

// TestConcurrentReaders walks the feed from eight goroutines while a ninth writes.
func TestConcurrentReaders(t *testing.T) {
	db, _ := memory(t)
	const n = 60
	for i := range int64(n) {
		post(t, db, 1, 100+i/5)
	}
	f := keysetpage.New(db, []byte("k"))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range int64(60) {
			if _, err := db.Exec(`INSERT INTO posts(author, created, title) VALUES(1, ?, 'new')`, 98+i%16); err != nil {
				t.Error(err)
			}
		}
	})
	for reader := range 8 {
		wg.Go(func() {
			seen := map[int64]int{}
			for cursor, pages := "", 0; pages < 200; pages++ {
				p, err := f.Page(t.Context(), 1, cursor, 3+reader)
				if err != nil {
					t.Error(err)
					return
				}
				for _, x := range p.Posts {
					seen[x.ID]++
				}
				if cursor = p.Next; cursor == "" {
					break
				}
			}
			for id := int64(1); id <= n; id++ {
				if seen[id] != 1 {
					t.Errorf("reader %d saw post %d %d times, want once", reader, id, seen[id])
					return
				}
			}
		})
	}
	tell(t, "8 goroutines read all pages while a ninth inserts posts")
	wg.Wait()
}

func TestPagesAreYours(t *testing.T) {
	db, _ := memory(t)
	for i := range int64(12) {
		post(t, db, 1, 100+i)
	}
	f := keysetpage.New(db, []byte("k"))
	one := page(t, f, 1, "", 4)
	kept := slices.Clone(one.Posts)
	page(t, f, 1, one.Next, 4)
	if !slices.Equal(one.Posts, kept) {
		t.Errorf("reading page 2 changed page 1 to %v", one.Posts)
	}
}

func TestRowsClosed(t *testing.T) {
	db, _ := memory(t)
	for i := range int64(30) {
		post(t, db, 1, 100+i)
	}
	f := keysetpage.New(db, []byte("k"))
	next := page(t, f, 1, "", 5).Next
	if n := db.Stats().InUse; n != 0 {
		t.Fatalf("%d connections are still in use after a page: close the rows", n)
	}
	page(t, f, 1, next, 5)
	must(t, db, `INSERT INTO posts(author, created, title) VALUES(1, 900.5, 'half a millisecond fits no int64')`)
	if p, err := read(t, t.Context(), f, 1, "", 5); err == nil {
		t.Errorf("Page over a row that cannot be read = %d posts, want an error", len(p.Posts))
	}
	if n := db.Stats().InUse; n != 0 {
		t.Fatalf("%d connections are still in use after a row that cannot be read", n)
	}
	must(t, db, `DROP TABLE posts`)
	if _, err := read(t, t.Context(), f, 1, next, 5); err == nil || errors.Is(err, keysetpage.ErrCursor) {
		t.Errorf("Page without a table = %v, want the database's error", err)
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d connections are still in use after an error", n)
	}
}

// TestPlan reads how SQLite runs each query of a deep page, not how long it takes.
func TestPlan(t *testing.T) {
	db, spy := memory(t)
	for i := range int64(400) {
		post(t, db, 1, 100+i/3)
	}
	f := keysetpage.New(db, []byte("k"))
	cursor := page(t, f, 1, "", 100).Next
	spy.seen, spy.rows = nil, 0
	page(t, f, 1, cursor, 10)
	queries, rows := slices.Clone(spy.seen), spy.rows
	for _, q := range queries {
		tell(t, "which read %d rows by %q", rows, q.text)
	}
	if len(queries) == 0 || len(queries) > 2 {
		t.Fatalf("one page asks %d queries, want one, two at most", len(queries))
	}
	if rows > 12 {
		t.Errorf("a page of 10 reads %d rows, want 11: let the database stop", rows)
	}
	for _, q := range queries {
		r, err := db.Query("EXPLAIN QUERY PLAN "+q.text, q.args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for r.Next() {
			var id, parent, unused int
			var detail string
			if err := r.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		r.Close()
		text := strings.Join(plan, "; ")
		if strings.Contains(strings.ToUpper(q.text), "OFFSET") || strings.Contains(text, "SCAN") || strings.Contains(text, "TEMP B-TREE") {
			t.Errorf("the plan %q of\n%s\nreads and drops rows or sorts them", text, q.text)
		}
		if !strings.Contains(text, "posts_feed") || !strings.Contains(text, "created") {
			t.Errorf("the plan %q of\n%s\ndoes not seek to the cursor's instant in posts_feed: it reads every newer post again", text, q.text)
		}
	}
}
