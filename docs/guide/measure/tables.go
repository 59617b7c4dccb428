package measure

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"workbench/docs/guide"
	"workbench/docs/guide/code"
	"workbench/sim/dist"
)

// tables is what chapter 5 prints.
func tables() []Program { return []Program{pages(), shifting(), index(), trips(), movement(), lag()} }

// rows is how many posts the feed has for the measurements of time.
const rows = 1_000_000

const feed = `
CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER NOT NULL, created INTEGER NOT NULL, title TEXT NOT NULL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d)
INSERT INTO posts SELECT i, i %% 1000, i * 10, 'post '||i FROM n;
CREATE INDEX by_time ON posts (created, id);`

// cost returns the processor time of one call of f, the least of three rounds
// of so many calls.
func cost(calls int, f func() error) (time.Duration, error) {
	best := time.Duration(1 << 62)
	for range 3 {
		began, err := spent()
		if err != nil {
			return 0, err
		}
		for range calls {
			if err := f(); err != nil {
				return 0, err
			}
		}
		ended, err := spent()
		if err != nil {
			return 0, err
		}
		best = min(best, (ended-began)/time.Duration(calls))
	}
	return max(best, 1), nil // nothing is free
}

// pages compares the two ways to page, ever deeper.
func pages() Program {
	depths := []struct {
		name  string
		depth int
	}{{"at1k", 1_000}, {"at100k", 100_000}, {"at900k", 900_000}}
	p := Program{ID: "databases.paging"}
	for i, d := range depths {
		p.Figures = append(p.Figures, timed(d.name, "×", -i, 4, fmt.Sprintf("processor time of a page of 20 by OFFSET %d over that by keyset, 1 M rows in SQLite", d.depth)))
	}
	p.Measure = func(ctx context.Context) (map[string]float64, error) {
		db, done, err := open(ctx, fmt.Sprintf(feed, rows))
		if err != nil {
			return nil, err
		}
		defer done() // an error leaves a scratch folder behind
		out := map[string]float64{}
		for _, d := range depths {
			skip, err := cost(3, func() error { _, err := code.PageByOffset(ctx, db, 20, d.depth/20); return err })
			if err != nil {
				return nil, err
			}
			last := code.Post{Created: int64(rows-d.depth+1) * 10, ID: int64(rows - d.depth + 1)}
			seek, err := cost(3000, func() error { _, err := code.PageAfter(ctx, db, 20, last); return err })
			if err != nil {
				return nil, err
			}
			out[d.name] = float64(skip) / float64(seek)
		}
		return out, nil
	}
	return p
}

// shifting reads ten pages while posts arrive, and counts what the reader sees
// twice.
func shifting() Program {
	const size, pages, arriving = 20, 10, 5
	return Program{
		ID: "databases.shifting",
		Figures: []guide.Figure{
			counted("offset", "", 0, "posts seen twice in ten pages of 20 by OFFSET, 5 new ones between pages"),
			counted("keyset", "", 0, "posts seen twice in ten pages of 20 by keyset, 5 new ones between pages"),
		},
		Measure: func(ctx context.Context) (map[string]float64, error) {
			twice := func(read func(db *sql.DB, page int, last code.Post) ([]code.Post, error)) (float64, error) {
				db, done, err := open(ctx, fmt.Sprintf(feed, 1000))
				if err != nil {
					return 0, err
				}
				defer done() // an error leaves a scratch folder behind
				seen, again := map[int64]bool{}, 0
				last := code.Post{Created: 1 << 60}
				for page := range pages {
					posts, err := read(db, page, last)
					if err != nil {
						return 0, err
					}
					for _, p := range posts {
						if seen[p.ID] {
							again++
						}
						seen[p.ID], last = true, p
					}
					for range arriving {
						if _, err := db.ExecContext(ctx, `INSERT INTO posts (author, created, title) SELECT 1, max(created)+10, 'new' FROM posts`); err != nil {
							return 0, fmt.Errorf("add a post: %w", err)
						}
					}
				}
				return float64(again), nil
			}
			offset, err := twice(func(db *sql.DB, page int, _ code.Post) ([]code.Post, error) {
				return code.PageByOffset(ctx, db, size, page)
			})
			if err != nil {
				return nil, err
			}
			keyset, err := twice(func(db *sql.DB, _ int, last code.Post) ([]code.Post, error) {
				return code.PageAfter(ctx, db, size, last)
			})
			return map[string]float64{"offset": offset, "keyset": keyset}, err
		},
	}
}

// index reads the newest posts of one author who wrote a tenth of all, with an
// index on the author alone and with one that is also in the order wanted.
func index() Program {
	const newest = `SELECT id FROM posts WHERE author = 7 ORDER BY created DESC LIMIT 20`
	return Program{
		ID: "databases.index",
		Figures: []guide.Figure{
			timed("times", "×", -3, 4, "processor time of an author's 20 newest of 100,000 posts with an index on (author) over that with (author, created), 1 M rows in SQLite"),
			counted("sorts-before", "", 0, "sorts in the query plan with an index on (author)"),
			counted("sorts-after", "", 0, "sorts in the query plan with an index on (author, created)"),
		},
		Measure: func(ctx context.Context) (map[string]float64, error) {
			db, done, err := open(ctx, fmt.Sprintf(feed, rows)+`UPDATE posts SET author = 7 WHERE id % 10 = 0; DROP INDEX by_time; CREATE INDEX by_author ON posts (author);`)
			if err != nil {
				return nil, err
			}
			defer done() // an error leaves a scratch folder behind
			read := func() error {
				var ids []int64
				return queryAll(ctx, db, newest, &ids)
			}
			before, err := cost(3, read)
			if err != nil {
				return nil, err
			}
			sortsBefore, err := sorts(ctx, db, newest)
			if err != nil {
				return nil, err
			}
			if _, err := db.ExecContext(ctx, `CREATE INDEX by_author_time ON posts (author, created)`); err != nil {
				return nil, fmt.Errorf("make the index: %w", err)
			}
			after, err := cost(3000, read)
			if err != nil {
				return nil, err
			}
			sortsAfter, err := sorts(ctx, db, newest)
			return map[string]float64{"times": float64(before) / float64(after), "sorts-before": sortsBefore, "sorts-after": sortsAfter}, err
		},
	}
}

func queryAll(ctx context.Context, db *sql.DB, query string, out *[]int64) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		*out = append(*out, id)
	}
	return rows.Err()
}

// sorts counts the sorts in a query's plan.
func sorts(ctx context.Context, db *sql.DB, query string) (float64, error) {
	rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query)
	if err != nil {
		return 0, fmt.Errorf("explain: %w", err)
	}
	defer rows.Close()
	n := 0.
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return 0, fmt.Errorf("read the plan: %w", err)
		}
		if strings.Contains(detail, "TEMP B-TREE") {
			n++
		}
	}
	return n, rows.Err()
}

// trips is the time that queries in turn take when each crosses a network.
func trips() Program {
	return Program{
		ID: "databases.trips",
		Figures: []guide.Figure{
			counted("loop", "", 0, "round trips of a page of 20 posts with a query for each author"),
			counted("join", "", 0, "round trips of a page of 20 posts with a join"),
			timed("inside", "×", 0, 4, "processor time of the loop over that of the join, SQLite in the same process"),
			{ID: "far", Unit: "×", How: "time of the loop over that of the join when a round trip takes 1 ms and the rest nothing", Formula: "21 × 1 ms over 1 × 1 ms"},
		},
		Measure: func(ctx context.Context) (map[string]float64, error) {
			db, done, err := open(ctx, authors)
			if err != nil {
				return nil, err
			}
			defer done() // an error leaves a scratch folder behind
			var names []string
			loop, err := cost(1000, func() (err error) { names, err = code.Nested(ctx, db, func() {}); return err })
			if err != nil {
				return nil, err
			}
			join, err := cost(1000, func() error { _, err := code.Joined(ctx, db, func() {}); return err })
			queries := float64(1 + len(names)) // one for the posts, one for each author
			return map[string]float64{"loop": queries, "join": 1, "inside": float64(loop) / float64(join), "far": queries}, err
		},
	}
}

// movement counts the keys that change their node when a fourth is added.
func movement() Program {
	return Program{
		ID: "databases.sharding",
		Figures: []guide.Figure{
			counted("modulo", "%", 0, "of 100,000 keys that move from 3 to 4 nodes by the hash's remainder"),
			counted("ring", "%", 0, "of 100,000 keys that move from 3 to 4 nodes on a ring with 200 points each"),
			counted("fewest", "%", 0, "of the keys that the new node takes on that ring; a quarter would be even"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			const keys = 100_000
			three, four := []string{"a", "b", "c"}, []string{"a", "b", "c", "d"}
			before, after := code.NewRing(three, 200), code.NewRing(four, 200)
			var modulo, ring, taken float64
			for i := range keys {
				key := "user-" + strconv.Itoa(i)
				if code.Modulo(three, key) != code.Modulo(four, key) {
					modulo++
				}
				if before.Node(key) != after.Node(key) {
					ring++
				}
				if after.Node(key) == "d" {
					taken++
				}
			}
			return map[string]float64{"modulo": 100 * modulo / keys, "ring": 100 * ring / keys, "fewest": 100 * taken / keys}, nil
		},
	}
}

// lag lets users write and read again a moment later, from a replica that is
// behind by a random time.
func lag() Program {
	const users = 100_000
	const behind, pause, pin = 100 * time.Millisecond, 500 * time.Millisecond, 500 * time.Millisecond
	return Program{
		ID: "databases.lag",
		Figures: []guide.Figure{
			counted("missed", "%", 0, "of 100,000 users who do not see their own write: they read 0.5 s later on average, the replica is 0.1 s behind on average, both exponential, seed 1"),
			{ID: "formula", Unit: "%", How: "the same from a closed form", Formula: "lag/(lag+pause)"},
			counted("pinned", "%", 2, "the same when reads go to the primary for 0.5 s after a write"),
			counted("primary", "%", 0, "of those reads that the primary answers"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			draw := dist.New(seed, "lag")
			var missed, still, primary float64
			for range users {
				r := &code.Reader{Pin: pin}
				r.Wrote(0, "user")
				read := time.Duration(draw.Exp() * float64(pause))
				old := time.Duration(draw.Exp()*float64(behind)) > read
				if old {
					missed++
				}
				switch {
				case r.Primary(read, "user"):
					primary++
				case old:
					still++
				}
			}
			share := func(n float64) float64 { return 100 * n / users }
			return map[string]float64{"missed": share(missed), "formula": 100 * float64(behind) / float64(behind+pause), "pinned": share(still), "primary": share(primary)}, nil
		},
	}
}
