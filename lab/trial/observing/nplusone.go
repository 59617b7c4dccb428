package observing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver

	"workbench/lab/trace"
	"workbench/lab/trial"
)

// nPlusOneKnobs are the settings of NPlusOne.
type nPlusOneKnobs struct {
	Loading string        `knob:"loading" options:"join,each" help:"how the posts' authors are found: in one query, or each with one of its own"`
	Posts   int           `knob:"posts" min:"5" max:"100" help:"on the page"`
	Trip    time.Duration `knob:"round_trip" min:"0s" max:"20ms" help:"the way to the database and back, which a file does not have"`
}

// NPlusOne finds in a trace what no average shows.
func NPlusOne() trial.Trial {
	return trial.Trial{
		Name: "trace-n-plus-one", Title: "A slow request, opened", Chapter: 8,
		Question: "A page of 50 posts takes long, and no query is slow. What will its trace show?",
		Lesson:   "A trace counts what a metric adds up: many quick queries in a row are one slow request.",
		Knobs:    func() any { return &nPlusOneKnobs{Loading: "join", Posts: 50, Trip: time.Millisecond} },
		Wrong:    map[string]any{"loading": "each"}, Right: map[string]any{"loading": "join"},
		Run: func(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
			return nPlusOne(ctx, env, *knobs.(*nPlusOneKnobs), tell)
		},
	}
}

func nPlusOne(ctx context.Context, env trial.Env, k nPlusOneKnobs, tell func(trial.Step)) (_ trial.Result, err error) {
	db, err := sql.Open("sqlite", filepath.Join(env.Dir, "posts.db"))
	if err != nil {
		return trial.Result{}, fmt.Errorf("open the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tell(trial.Step{Text: "fills the database"})
	const seed = `CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
		CREATE TABLE post (id INTEGER PRIMARY KEY, author INTEGER NOT NULL, text TEXT NOT NULL);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO author SELECT i, 'author ' || i FROM n;
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO post SELECT i, 1 + i * 37 % 2000, 'post ' || i FROM n;`
	if _, err := db.ExecContext(ctx, seed); err != nil {
		return trial.Result{}, fmt.Errorf("fill the database: %w", err)
	}
	tracer, err := trace.New(trace.Config{Settings: trace.Settings{On: true, Share: 1}})
	if err != nil {
		return trial.Result{}, err
	}
	defer func() { err = errors.Join(err, tracer.Close(context.WithoutCancel(ctx))) }()
	tell(trial.Step{Text: "loads the page"})
	p := page{db: db, tracer: tracer, env: env, trip: k.Trip}
	posts := 0
	err = p.request(ctx, func(ctx context.Context) error {
		if k.Loading == "join" {
			posts, err = p.query(ctx, "SELECT p.text, a.name FROM post p JOIN author a ON a.id = p.author ORDER BY p.id DESC LIMIT ?", nil, k.Posts)
			return err
		}
		var authors []int64
		if posts, err = p.query(ctx, "SELECT p.author, p.text FROM post p ORDER BY p.id DESC LIMIT ?", &authors, k.Posts); err != nil {
			return err
		}
		for _, id := range authors {
			if _, err := p.query(ctx, "SELECT a.id, a.name FROM author a WHERE a.id = ?", nil, int(id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return trial.Result{}, err
	}
	return opened(tracer.Store().List(trace.Query{})[0], posts, k), nil
}

// page loads a page of posts, with a span for each query.
type page struct {
	db     *sql.DB
	tracer *trace.Tracer
	env    trial.Env
	trip   time.Duration
}

// request runs f as one request with a trace of its own.
func (p page) request(ctx context.Context, f func(context.Context) error) error {
	ctx, span := p.tracer.Start(ctx, "GET /posts", "a", trace.KindServer)
	defer span.End()
	return f(ctx)
}

// query runs one query, reads it to the end and returns how many rows it had. The
// first column goes into ids, if they are wanted.
func (p page) query(ctx context.Context, text string, ids *[]int64, argument int) (n int, err error) {
	err = p.tracer.Span(ctx, text, "database", trace.KindStore, func(ctx context.Context) (err error) {
		if err := p.env.Clock.Wait(ctx, p.env.Clock.Now()+p.trip); err != nil {
			return err
		}
		rows, err := p.db.QueryContext(ctx, text, argument)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			var first, second any
			if err := rows.Scan(&first, &second); err != nil {
				return err
			}
			if id, ok := first.(int64); ok && ids != nil {
				*ids = append(*ids, id)
			}
			n++
		}
		return rows.Err()
	})
	return n, err
}

// opened reads the trace.
func opened(t trace.Trace, posts int, k nPlusOneKnobs) trial.Result {
	out := trial.Result{
		Component: fmt.Sprintf("SQLite in this process, with a round trip of %v before each query; traced by OpenTelemetry's SDK", k.Trip),
		Columns:   []trial.Column{{Title: "statement"}, {Title: "times"}, {Title: "together", Unit: "ms"}, {Title: "each", Unit: "ms"}},
	}
	type sum struct {
		n    int
		took time.Duration
	}
	sums := map[string]*sum{}
	var order []string
	queries := 0
	var fall strings.Builder
	for i, r := range t.Rows() {
		if r.Kind == trace.KindStore {
			queries++
			if sums[r.Name] == nil {
				sums[r.Name] = &sum{}
				order = append(order, r.Name)
			}
			sums[r.Name].n++
			sums[r.Name].took += r.Took()
		}
		if i < 12 {
			fmt.Fprintf(&fall, "%s+%.2f ms  %.2f ms  %s\n", strings.Repeat("  ", r.Depth), ms(r.Start.Sub(t.Start)), ms(r.Took()), r.Name)
		}
	}
	if n := len(t.Rows()); n > 12 {
		fmt.Fprintf(&fall, "  … and %d more\n", n-12)
	}
	for _, name := range order {
		s := sums[name]
		out.Rows = append(out.Rows, []string{name, fmt.Sprint(s.n), fmt.Sprintf("%.2f", ms(s.took)), fmt.Sprintf("%.2f", ms(s.took)/float64(s.n))})
	}
	out.Rows = append(out.Rows, []string{"the whole request", "1", fmt.Sprintf("%.2f", ms(t.Took)), "–"})
	out.Claims = []trial.Claim{
		claim(posts == k.Posts, "The page has all its posts", fmt.Sprintf("%d posts", posts)),
		claim(queries <= 2, "The trace shows at most two queries", fmt.Sprintf("%d queries", queries)),
	}
	out.Notes = []trial.Note{{Title: "The trace", Text: fall.String()}}
	return out
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
