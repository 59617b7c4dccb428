package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"workbench/lab/knob"
	"workbench/lab/trial"
)

// pagingKnobs are the settings of Paging.
type pagingKnobs struct {
	Way   string `knob:"way" options:"keyset,offset" help:"how the next page is found: after the last row seen, or by skipping rows"`
	Rows  int    `knob:"rows" min:"10000" max:"5000000" help:"posts in the table; each number of rows is made once, and kept"`
	Depth int    `knob:"depth" min:"1000" max:"4900000" help:"how many rows stand before the page"`
}

// Validate implements knob.Validator.
func (k *pagingKnobs) Validate() error {
	if k.Depth > k.Rows-pageSize {
		return knob.Wrong("depth", fmt.Sprintf("%d with %d rows", k.Depth, k.Rows), fmt.Sprintf("at most %d: there is no page behind the last row", k.Rows-pageSize))
	}
	return nil
}

const (
	byOffset = `SELECT id, title FROM posts ORDER BY created DESC, id DESC LIMIT ? OFFSET ?`
	byKeyset = `SELECT id, title FROM posts WHERE (created, id) < (?, ?) ORDER BY created DESC, id DESC LIMIT ?`
)

// Paging compares the two ways to read page after page.
func Paging() trial.Trial {
	return trial.Trial{
		Name: "deep-pages", Title: "A page deep in the feed", Chapter: 5,
		Question: "A feed has 1,000,000 posts. A crawler asks for the page at row 900,000. How many times as long does OFFSET take as a keyset?",
		Lesson:   "OFFSET reads every row that it skips, and rows that come or go shift the pages; a keyset goes straight to the last row seen, by the index.",
		Long:     "the first run makes the rows, about ten seconds for a million; later ones use them again",
		Knobs:    func() any { return &pagingKnobs{Way: "keyset", Rows: 1_000_000, Depth: 900_000} },
		Wrong:    map[string]any{"way": "offset"}, Right: map[string]any{"way": "keyset"},
		Run: paging,
	}
}

func paging(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*pagingKnobs)
	db, err := posts(ctx, env, k.Rows, tell)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	res.Component, err = component(ctx, db, trial.Count(k.Rows)+" posts in a file, index on (created, id)")
	if err != nil {
		return res, err
	}
	res.Columns = []trial.Column{{Title: "rows before the page"}, {Title: "by OFFSET"}, {Title: "by keyset"}, {Title: "OFFSET takes", Unit: "×"}}
	var gain float64 // of the way chosen, over OFFSET at the full depth
	depths := []int{0, k.Depth / 100, k.Depth / 10, k.Depth}
	for i, depth := range depths {
		tell(trial.Step{Text: "reads pages", Done: i, Total: len(depths)})
		skip, err := timed(ctx, env, db, 5, 2, byOffset, pageSize, depth)
		if err != nil {
			return res, err
		}
		at := int64(k.Rows - depth + 1)
		seek, err := timed(ctx, env, db, 20, 100, byKeyset, at*spacing, at, pageSize)
		if err != nil {
			return res, err
		}
		res.Rows = append(res.Rows, []string{trial.Count(depth), trial.Took(skip), trial.Took(seek), trial.Number(times(skip, seek), "")})
		if gain = 1; k.Way == "keyset" {
			gain = times(skip, seek)
		}
	}
	tell(trial.Step{Text: "reads while posts come and go"})
	again, missed, err := shifting(ctx, env, k.Way)
	if err != nil {
		return res, err
	}
	// The gain grows with the depth: 500 times at row 900,000. In a short table
	// what a query costs in any case hides some of it.
	want := float64(k.Depth) / 1800
	if k.Depth < 100_000 {
		want = max(2, want/3)
	}
	res.Claims = []trial.Claim{
		trial.OnThisMachine(trial.AtLeast(fmt.Sprintf("how many times as fast as OFFSET at row %s", trial.Count(k.Depth)), gain, want, "×")),
		trial.Exactly("posts shown twice in ten pages while 5 posts arrive between pages", again, 0),
		trial.Exactly("posts never shown in ten pages while 5 seen posts are deleted between pages", missed, 0),
	}
	for _, q := range []struct {
		title, query string
		args         []any
	}{{"OFFSET", byOffset, []any{pageSize, k.Depth}}, {"keyset", byKeyset, []any{1, 1, pageSize}}} {
		text, _, err := plan(ctx, db, q.query, q.args...)
		if err != nil {
			return res, err
		}
		res.Notes = append(res.Notes, trial.Note{Title: "EXPLAIN QUERY PLAN, " + q.title, Text: q.query + "\n\n" + text})
	}
	return res, nil
}

// feed is a small table of posts, for readers who are disturbed.
const feed = table + `;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1000)
INSERT INTO posts SELECT i, i, i * 10, 'post ' || i FROM n;
CREATE INDEX by_time ON posts (created, id);`

const (
	pagesRead = 10
	disturbed = 5 // posts that come, or go, between two pages
)

// shifting reads ten pages while posts arrive and counts what is shown twice,
// then ten while posts that were seen are deleted, and counts what is missed.
func shifting(ctx context.Context, env trial.Env, way string) (again, missed int, err error) {
	arriving := func(db *sql.DB, _ []post) error {
		for range disturbed {
			if _, err := db.ExecContext(ctx, `INSERT INTO posts (author, created, title) SELECT 1, max(created)+10, 'new' FROM posts`); err != nil {
				return fmt.Errorf("add a post: %w", err)
			}
		}
		return nil
	}
	leaving := func(db *sql.DB, seen []post) error {
		for _, p := range seen[:disturbed] {
			if _, err := db.ExecContext(ctx, `DELETE FROM posts WHERE id = ?`, p.id); err != nil {
				return fmt.Errorf("delete a post: %w", err)
			}
		}
		return nil
	}
	again, _, err = readAll(ctx, env, "arriving.db", way, arriving)
	if err != nil {
		return 0, 0, err
	}
	_, missed, err = readAll(ctx, env, "leaving.db", way, leaving)
	return again, missed, err
}

// readAll reads pages of the small feed and lets something happen after each. It
// counts posts seen again, and posts between the first and the last seen that
// were never shown.
func readAll(ctx context.Context, env trial.Env, name, way string, happen func(*sql.DB, []post) error) (again, missed int, err error) {
	db, err := scratch(ctx, env, name, feed)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	seen := map[int64]bool{}
	first, last := int64(0), int64(1<<40)
	for n := range pagesRead {
		var posts []post
		if way == "offset" {
			posts, err = page(ctx, db, byOffset, pageSize, n*pageSize)
		} else {
			posts, err = page(ctx, db, byKeyset, last*spacing, last, pageSize)
		}
		if err != nil {
			return 0, 0, err
		}
		if len(posts) < pageSize {
			return 0, 0, fmt.Errorf("page %d has %d posts, want %d", n+1, len(posts), pageSize)
		}
		for _, p := range posts {
			if seen[p.id] {
				again++
			}
			seen[p.id] = true
		}
		first, last = max(first, posts[0].id), posts[len(posts)-1].id
		if err := happen(db, posts); err != nil {
			return 0, 0, err
		}
	}
	for id := last; id <= first; id++ {
		if !seen[id] {
			missed++
		}
	}
	return again, missed, nil
}
