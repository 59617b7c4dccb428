package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"workbench/lab/trial"
)

type partitionKnobs struct {
	Where string `knob:"where" options:"column,function" help:"whether the month is asked for by bounds on the column, or by a function of it"`
	Rows  int    `knob:"rows" min:"1200" max:"1000000" help:"rows over the twelve partitions"`
}

func partitions() trial.Trial {
	return trial.Trial{
		Name: "partition-pruning", Title: "One month of twelve", Chapter: 4, Needs: flag,
		Question: "A table is partitioned by month. WHERE date_trunc('month', at) = '2026-03-01': how many partitions are read?",
		Lesson:   "Partitions are passed over only for conditions on the key itself; a function of the key reads them all.",
		Knobs:    func() any { return &partitionKnobs{Where: "column", Rows: 24_000} },
		Wrong:    map[string]any{"where": "function"}, Right: map[string]any{"where": "column"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return runPartitions(ctx, env, *knobs.(*partitionKnobs), tell)
		},
	}
}

func runPartitions(ctx context.Context, env trial.Env, k partitionKnobs, tell func(trial.Step)) (r trial.Result, err error) {
	tables := "CREATE TABLE events (id int NOT NULL, at timestamp NOT NULL) PARTITION BY RANGE (at);"
	for m := 1; m <= 12; m++ {
		tables += fmt.Sprintf("CREATE TABLE events_%02d PARTITION OF events FOR VALUES FROM ('2026-%02d-01') TO ('%d-%02d-01');", m, m, 2026+m/12, m%12+1)
	}
	b, err := open(ctx, env, "partition-pruning", 2, tables)
	if err != nil {
		return r, err
	}
	defer func() { err = joined(err, b.close()) }()
	tell(trial.Step{Text: "fill the partitions"})
	if err := b.exec(ctx, "INSERT INTO events SELECT i, timestamp '2026-01-01' + interval '365 days' * ((i - 1)::float8 / $1::int) FROM generate_series(1, $1::int) AS i", k.Rows); err != nil {
		return r, err
	}
	if err := b.exec(ctx, "ANALYZE events"); err != nil {
		return r, err
	}
	r = trial.Result{Component: b.component(), Columns: []trial.Column{{Title: "condition"}, {Title: "partitions read"}, {Title: "rows read"}, {Title: "rows found"}}}
	for _, c := range []struct{ way, where string }{
		{"function", "date_trunc('month', at) = '2026-03-01'"},
		{"column", "at >= '2026-03-01' AND at < '2026-04-01'"},
	} {
		p, text, err := b.explain(ctx, "SELECT id FROM events WHERE "+c.where)
		if err != nil {
			return r, err
		}
		n := len(p.Root.tables())
		r.Rows = append(r.Rows, []string{c.where, fmt.Sprint(n), fmt.Sprintf("%.0f", p.Root.read()), fmt.Sprintf("%.0f", p.Root.Rows)})
		r.Notes = append(r.Notes, trial.Note{Title: c.where, Text: text})
		if c.way == k.Where {
			r.Claims = []trial.Claim{{Text: "one partition is read", OK: n == 1, Got: fmt.Sprintf("%d of 12", n)}}
		}
	}
	return r, nil
}

type planKnobs struct {
	Paging string `knob:"paging" options:"offset,keyset" help:"how the page at nine tenths of the table is asked for"`
	Index  string `knob:"index" options:"none,author,composite" help:"the index for an author's newest posts: none, on the author, or on author and time together"`
	Rows   int    `knob:"rows" min:"10000" max:"2000000" help:"posts in the table; one in ten is the hot author's"`
}

func plans() trial.Trial {
	return trial.Trial{
		Name: "plans", Title: "What a page costs", Chapter: 4, Needs: flag, Long: "about 15 s: a million posts are copied into the server and indexed",
		Question: "Page 45,000 of a million posts, twenty a page: how many rows does OFFSET read, and how many WHERE id > …?",
		Lesson:   "A page after a key reads the rows it shows; OFFSET reads all before them. An index helps a sorted query when it has the order too.",
		Knobs:    func() any { return &planKnobs{Paging: "keyset", Index: "composite", Rows: 1_000_000} },
		Wrong:    map[string]any{"paging": "offset", "index": "none"}, Right: map[string]any{"paging": "keyset", "index": "composite"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return runPlans(ctx, env, *knobs.(*planKnobs), tell)
		},
	}
}

const pageRows = 20

func runPlans(ctx context.Context, env trial.Env, k planKnobs, tell func(trial.Step)) (r trial.Result, err error) {
	b, err := open(ctx, env, "plans", 2, "CREATE TABLE posts (id int NOT NULL, author int NOT NULL, at int NOT NULL, text text NOT NULL)")
	if err != nil {
		return r, err
	}
	defer func() { err = joined(err, b.close()) }()
	if err := b.fill(ctx, k, tell); err != nil {
		return r, err
	}
	at := k.Rows / 10 * 9
	r = trial.Result{Component: b.component(), Columns: []trial.Column{{Title: "query"}, {Title: "way"}, {Title: "rows read"}, {Title: "pages of 8 KiB read"}, {Title: "took", Unit: "ms"}}}
	const newest = "SELECT id FROM posts WHERE author = 1 ORDER BY at DESC LIMIT 20"
	for _, q := range []struct {
		title, way, query string
		chosen            bool
	}{
		{fmt.Sprintf("the page at row %d", at), "offset", fmt.Sprintf("SELECT id, text FROM posts ORDER BY id LIMIT %d OFFSET %d", pageRows, at), k.Paging == "offset"},
		{fmt.Sprintf("the page at row %d", at), "keyset", fmt.Sprintf("SELECT id, text FROM posts WHERE id > %d ORDER BY id LIMIT %d", at, pageRows), k.Paging == "keyset"},
		{"the hot author's newest", "index: " + k.Index, newest, true},
	} {
		var p plan
		var text string
		for range 2 { // the first finds the pages cold
			if p, text, err = b.explain(ctx, q.query); err != nil {
				return r, err
			}
		}
		r.Rows = append(r.Rows, []string{q.title, q.way, fmt.Sprintf("%.0f", p.Root.read()), fmt.Sprint(p.Root.Hit + p.Root.Read), fmt.Sprintf("%.3f", p.Took)})
		r.Notes = append(r.Notes, trial.Note{Title: q.query, Text: text})
		if q.chosen {
			r.Claims = append(r.Claims, trial.Claim{Text: q.title + ": at most ten rows are read for each that is shown", OK: p.Root.read() <= 10*pageRows, Got: fmt.Sprintf("%.0f rows for %d", p.Root.read(), pageRows)})
		}
	}
	return r, nil
}

// fill copies the posts into the table and makes its indexes.
func (b *bench) fill(ctx context.Context, k planKnobs, tell func(trial.Step)) error {
	text := strings.Repeat("word ", 10)
	const batch = 50_000
	for from := 1; from <= k.Rows; from += batch {
		tell(trial.Step{Text: "copy posts into the server", Done: from - 1, Total: k.Rows})
		n := min(batch, k.Rows-from+1)
		if _, err := b.pool.CopyFrom(ctx, pgx.Identifier{"posts"}, []string{"id", "author", "at", "text"}, pgx.CopyFromSlice(n, func(i int) ([]any, error) {
			id := from + i
			author := 1 // the hot one
			if id%10 != 0 {
				author = 2 + id*2654435761%9973
			}
			return []any{int32(id), int32(author), int32(id * 48271 % 2147483647), text}, nil
		})); err != nil {
			return err
		}
	}
	tell(trial.Step{Text: "make the indexes", Done: k.Rows, Total: k.Rows})
	queries := []string{"ALTER TABLE posts ADD PRIMARY KEY (id)"}
	switch k.Index {
	case "author":
		queries = append(queries, "CREATE INDEX ON posts (author)")
	case "composite":
		queries = append(queries, "CREATE INDEX ON posts (author, at DESC)")
	}
	for _, q := range append(queries, "VACUUM (ANALYZE) posts") {
		if err := b.exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}
