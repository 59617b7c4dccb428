package caching

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // where the users are not

	"workbench/lab"
	"workbench/lab/pattern/cache"
	"workbench/lab/trial"
	"workbench/lab/trial/stand"
)

// negativeKnobs are the settings of Negative.
type negativeKnobs struct {
	TTL   time.Duration `knob:"negative_ttl" min:"0s" max:"1h" help:"how long \"no such user\" is remembered; 0: never"`
	Names int           `knob:"names" min:"10" max:"100000" help:"made-up names that are asked for"`
	Times int           `knob:"times" min:"1" max:"100" help:"how often each is asked for"`
}

// Negative asks for what does not exist.
func Negative() trial.Trial {
	return trial.Trial{
		Name: "negative-caching", Title: "What does not exist", Chapter: 4,
		Question: "Somebody asks 20 times for each of 500 users who do not exist. How many queries reach the database when only what was found is cached?",
		Lesson:   "What is not there is asked for again and again, and a cache of what was found lets all of it through: remember for a short while that it is not there, and forget that when it is created.",
		Knobs:    func() any { return &negativeKnobs{TTL: time.Minute, Names: 500, Times: 20} },
		Wrong:    map[string]any{"negative_ttl": "0s"}, Right: map[string]any{"negative_ttl": "1m"},
		Run: negative,
	}
}

// users is a database of users as a handler: a read looks one up, a write
// creates one.
type users struct {
	db      *sql.DB
	queries atomic.Int64
}

// Serve implements lab.Handler.
func (u *users) Serve(ctx context.Context, r *lab.Request) lab.Response {
	if !r.Read {
		_, err := u.db.ExecContext(ctx, `INSERT INTO users VALUES (?, 'new')`, r.Key)
		return lab.Answer(nil, err)
	}
	u.queries.Add(1)
	var name string
	err := u.db.QueryRowContext(ctx, `SELECT name FROM users WHERE id = ?`, r.Key).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return lab.Response{Missing: true}
	}
	return lab.Answer([]byte(name), err)
}

func negative(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (res trial.Result, err error) {
	k := knobs.(*negativeKnobs)
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(env.Dir, "users.db"))+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)")
	if err != nil {
		return res, fmt.Errorf("open a database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`); err != nil {
		return res, fmt.Errorf("make the table: %w", err)
	}
	s := stand.New(ctx, env)
	defer func() { err = errors.Join(err, s.Close()) }()
	u := &users{db: db}
	// The cache divides its room among shards, and names are not spread evenly.
	h, _, err := s.Put(cache.Pattern(), map[string]any{"store": "memory", "capacity": 8 * k.Names, "ttl": "1h", "jitter": 0, "negative_ttl": k.TTL}, "one", u)
	if err != nil {
		return res, err
	}
	asked := 0
	for turn := range k.Times {
		tell(trial.Step{Text: "asks for made-up names", Done: turn * k.Names, Total: k.Times * k.Names})
		for id := range k.Names {
			if err := ctx.Err(); err != nil {
				return res, err
			}
			asked++
			if got := h.Serve(ctx, &lab.Request{Key: uint64(id + 1), Read: true}); !got.Missing || !got.Outcome.Good() {
				return res, fmt.Errorf("user %d was found, want nobody: %v", id+1, got.Reason)
			}
		}
	}
	queries := int(u.queries.Load())
	hidden := 0 // users who were created, and are still said not to exist
	for id := range min(k.Names, 10) {
		if got := h.Serve(ctx, &lab.Request{Key: uint64(id + 1)}); !got.Outcome.Good() {
			return res, fmt.Errorf("user %d was not created: %v", id+1, got.Reason)
		}
		if got := h.Serve(ctx, &lab.Request{Key: uint64(id + 1), Read: true}); got.Missing {
			hidden++
		}
	}
	res.Component = "the lab's cache in front of SQLite"
	res.Columns = []trial.Column{{Title: "requests"}, {Title: "queries"}, {Title: "share"}, {Title: "created, and still missing"}}
	res.Rows = [][]string{{trial.Count(asked), trial.Count(queries), trial.Share(queries, asked), trial.Count(hidden)}}
	res.Claims = []trial.Claim{
		trial.AtMost("queries for each made-up name", float64(queries)/float64(k.Names), 2, ""),
		trial.Exactly("users who were created and are still said not to exist", hidden, 0),
	}
	return res, nil
}
