package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/trial"
	"workbench/sim/dist"
)

// tripKnobs are the settings of RoundTrips.
type tripKnobs struct {
	Way   string        `knob:"way" options:"join,batch,loop" help:"one query with a join, one for the posts and one for all their authors, or one for each author"`
	Posts int           `knob:"posts" min:"2" max:"500" help:"posts on the page"`
	RTT   time.Duration `knob:"rtt" min:"0s" max:"50ms" help:"network round trip of each query, which SQLite in the same process does not have"`
	Pages int           `knob:"pages" min:"1" max:"50" help:"pages read, each way"`
}

const written = table + `;
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1000)
INSERT INTO authors SELECT i, 'author ' || i FROM n;
INSERT INTO posts SELECT id, id, id * 10, 'post ' || id FROM authors;
CREATE INDEX by_time ON posts (created, id);`

// RoundTrips compares a loop of queries with a join and with a batch, over a
// network.
func RoundTrips() trial.Trial {
	return trial.Trial{
		Name: "n-plus-one", Title: "A query for each row", Chapter: 5,
		Question: "A page shows 50 posts with their authors, and the database is 1 ms away. How many times as long does one query for each author take as a join?",
		Lesson:   "In the same process a loop of queries looks harmless; over a network each one is a round trip. Count the queries of a page: one or two, whatever its length.",
		Knobs:    func() any { return &tripKnobs{Way: "join", Posts: 50, RTT: time.Millisecond, Pages: 5} },
		Wrong:    map[string]any{"way": "loop"}, Right: map[string]any{"way": "join"},
		Run: roundTrips,
	}
}

// far is a database behind a network: each query is one trip through the gate.
type far struct {
	db      *sql.DB
	gate    *gate.Gate
	queries int
}

// ask makes one query and hands its rows to read.
func (f *far) ask(ctx context.Context, read func(*sql.Rows) error, query string, args ...any) error {
	f.queries++
	_, err := f.gate.Do(ctx, &lab.Request{ID: uint64(f.queries)}, func(ctx context.Context) ([]byte, error) {
		rows, err := f.db.QueryContext(ctx, query, args...)
		if err != nil {
			return nil, fmt.Errorf("query: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			if err := read(rows); err != nil {
				return nil, fmt.Errorf("read a row: %w", err)
			}
		}
		return nil, rows.Err()
	})
	return err
}

// byline is a post with its author's name.
type byline struct {
	title, author string
	id            int64
}

const latest = `SELECT title, author FROM posts ORDER BY created DESC, id DESC LIMIT ?`

// page reads one page the way that is named.
func (f *far) page(ctx context.Context, way string, size int) ([]byline, error) {
	var out []byline
	if way == "join" {
		err := f.ask(ctx, func(r *sql.Rows) error {
			var b byline
			err := r.Scan(&b.title, &b.author)
			out = append(out, b)
			return err
		}, `SELECT p.title, a.name FROM posts p JOIN authors a ON a.id = p.author ORDER BY p.created DESC, p.id DESC LIMIT ?`, size)
		return out, err
	}
	err := f.ask(ctx, func(r *sql.Rows) error {
		var b byline
		err := r.Scan(&b.title, &b.id)
		out = append(out, b)
		return err
	}, latest, size)
	if err != nil {
		return nil, err
	}
	if way == "loop" {
		for i := range out {
			if err := f.ask(ctx, func(r *sql.Rows) error { return r.Scan(&out[i].author) }, `SELECT name FROM authors WHERE id = ?`, out[i].id); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	names, wanted := map[int64]string{}, make([]any, len(out))
	for i, b := range out {
		wanted[i] = b.id
	}
	err = f.ask(ctx, func(r *sql.Rows) error {
		var id int64
		var name string
		err := r.Scan(&id, &name)
		names[id] = name
		return err
	}, `SELECT id, name FROM authors WHERE id IN (?`+strings.Repeat(",?", max(0, len(out)-1))+`)`, wanted...)
	for i := range out {
		out[i].author = names[out[i].id]
	}
	return out, err
}

func roundTrips(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*tripKnobs)
	db, err := scratch(ctx, env, "trips.db", written)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	g, err := gate.New(gate.Spec{Slots: 8, RTT: k.RTT}, env.Clock, dist.New(env.Seed, "trips"))
	if err != nil {
		return res, fmt.Errorf("make the network: %w", err)
	}
	defer g.Close()
	if res.Component, err = component(ctx, db, fmt.Sprintf("behind a round trip of %v that the lab's gate adds", k.RTT)); err != nil {
		return res, err
	}
	res.Columns = []trial.Column{{Title: "way"}, {Title: "queries for a page"}, {Title: "time for a page"}}
	ways := []string{"loop", "batch", "join"}
	var loop, chosen time.Duration
	chosenQueries := 0
	for i, way := range ways {
		tell(trial.Step{Text: "reads pages: " + way, Done: i, Total: len(ways)})
		f := &far{db: db, gate: g}
		best, err := quickest(env, k.Pages, 1, func() error {
			got, err := f.page(ctx, way, k.Posts)
			if err == nil && (len(got) != k.Posts || got[0].author == "") {
				err = fmt.Errorf("the page by %s has %d posts, want %d, each with its author", way, len(got), k.Posts)
			}
			return err
		})
		if err != nil {
			return res, err
		}
		queries := f.queries / k.Pages
		res.Rows = append(res.Rows, []string{way, trial.Count(queries), trial.Took(best)})
		if way == "loop" {
			loop = best
		}
		if way == k.Way {
			chosen, chosenQueries = best, queries
		}
	}
	res.Claims = []trial.Claim{trial.AtMost("queries for one page", float64(chosenQueries), 2, "")}
	if k.RTT >= time.Millisecond && k.Posts >= 50 {
		// Two trips in place of 51 are 25 times; timers and other work take some of it.
		want := map[string]float64{"join": 20, "batch": 10, "loop": 20}[k.Way]
		res.Claims = append(res.Claims, trial.OnThisMachine(trial.AtLeast("how many times as fast as the loop", times(loop, chosen), want, "×")))
	}
	return res, nil
}
