package database

import (
	"context"
	"errors"
	"fmt"

	"workbench/lab/trial"
)

// indexKnobs are the settings of Index.
type indexKnobs struct {
	Index string `knob:"index" options:"author-time,author,time,none" help:"the index that the query may use: on (author, created), on (author), on (created, id), or none"`
	Rows  int    `knob:"rows" min:"10000" max:"5000000" help:"posts in the table, a tenth of them by one author; each number of rows is made once, and kept"`
}

// newest returns the query for an author's newest posts by one index.
func newest(index string) string {
	by := map[string]string{"author-time": "INDEXED BY by_author_time", "author": "INDEXED BY by_author", "time": "INDEXED BY by_time", "none": "NOT INDEXED"}
	return fmt.Sprintf(`SELECT id, title FROM posts %s WHERE author = ? ORDER BY created DESC LIMIT ?`, by[index])
}

// Index compares indexes for the newest posts of an author who has written many.
func Index() trial.Trial {
	return trial.Trial{
		Name: "composite-index", Title: "The hot author's newest posts", Chapter: 5,
		Question: "One author wrote 100,000 of a million posts. How many times as long do their 20 newest take with an index on (author) as with one on (author, created)?",
		Lesson:   "An index that filters and also has the order wanted reads as many rows as the page has; one that only filters reads and sorts all that the author ever wrote.",
		Long:     "the first run makes the rows, about ten seconds for a million; later ones use them again",
		Knobs:    func() any { return &indexKnobs{Index: "author-time", Rows: 1_000_000} },
		Wrong:    map[string]any{"index": "author"}, Right: map[string]any{"index": "author-time"},
		Run: index,
	}
}

func index(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*indexKnobs)
	db, err := posts(ctx, env, k.Rows, tell)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var written int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM posts WHERE author = ?`, hot).Scan(&written); err != nil {
		return res, fmt.Errorf("count the author's posts: %w", err)
	}
	if res.Component, err = component(ctx, db, fmt.Sprintf("%s posts in a file, %s of them by one author", trial.Count(k.Rows), trial.Count(written))); err != nil {
		return res, err
	}
	res.Columns = []trial.Column{{Title: "index"}, {Title: "sorts in the plan"}, {Title: "hot author"}, {Title: "another author"}}
	compared := []string{"author", k.Index}
	if k.Index == "author" {
		compared = compared[:1]
	}
	var base, chosen float64
	var chosenSorts int
	for i, name := range compared {
		tell(trial.Step{Text: "reads with the index " + name, Done: i, Total: len(compared)})
		query := newest(name)
		text, sorts, err := plan(ctx, db, query, hot, pageSize)
		if err != nil {
			return res, err
		}
		res.Notes = append(res.Notes, trial.Note{Title: "EXPLAIN QUERY PLAN, index " + name, Text: query + "\n\n" + text})
		calls := 2
		if name == "author-time" {
			calls = 200
		}
		many, err := timed(ctx, env, db, 5, calls, query, hot, pageSize)
		if err != nil {
			return res, err
		}
		few, err := timed(ctx, env, db, 5, 2, query, usual, pageSize)
		if err != nil {
			return res, err
		}
		res.Rows = append(res.Rows, []string{name, trial.Count(sorts), trial.Took(many), trial.Took(few)})
		if i == 0 {
			base = float64(many)
		}
		chosen, chosenSorts = float64(many), sorts
	}
	// The gain grows with what the author has written: 1,000 times for 100,000.
	res.Claims = []trial.Claim{
		trial.Exactly("sorts in the query plan", chosenSorts, 0),
		trial.OnThisMachine(trial.AtLeast("how many times as fast as with an index on (author) for the hot author", base/chosen, max(2, float64(written)/100), "×")),
	}
	return res, nil
}
