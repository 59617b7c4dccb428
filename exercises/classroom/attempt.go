package classroom

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"workbench/exercises/attempt"
)

// What a learner may hand in: so many answers in such a time.
const (
	quota    = 30
	quotaFor = 10 * time.Minute
)

// QuotaError means that a learner has handed in too many answers. Try again
// After.
type QuotaError struct{ After time.Duration }

// Error implements error.
func (e *QuotaError) Error() string {
	return fmt.Sprintf("you have handed in %d answers within %v, which is the class's limit: read the last verdict, and try again in %v", quota, quotaFor, e.After)
}

// Failure is one test that an answer did not pass.
type Failure struct {
	Case    string `json:"case"`
	Message string `json:"message"`
}

// Store keeps a learner's attempts in the learner's own file, within the class's
// quota, and tells the class how they end.
type Store struct {
	attempt.Store // the learner's own file
	Class         *Class
	Learner       uint64
	Changed       func() // called when the class's table has changed; may be nil
}

var _ attempt.Store = Store{}

// AddAttempt implements attempt.Store; the error may be a *QuotaError.
func (s Store) AddAttempt(ctx context.Context, a attempt.Attempt) (uint64, error) {
	var oldest, n int64
	err := s.Class.db.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(MIN(at), 0) FROM attempt WHERE learner = ? AND at > ?",
		int64(s.Learner), a.At.Add(-quotaFor).UnixMilli()).Scan(&n, &oldest)
	if err != nil {
		return 0, fmt.Errorf("count the attempts: %w", err)
	}
	if n >= quota {
		return 0, &QuotaError{max(time.Second, time.UnixMilli(oldest).Add(quotaFor).Sub(a.At).Round(time.Second))}
	}
	if a.ID, err = s.Store.AddAttempt(ctx, a); err != nil {
		return 0, err
	}
	return a.ID, s.note(ctx, a)
}

// SetAttempt implements attempt.Store.
func (s Store) SetAttempt(ctx context.Context, a attempt.Attempt) error {
	if err := s.Store.SetAttempt(ctx, a); err != nil {
		return err
	}
	return s.note(ctx, a)
}

// note tells the class how an attempt stands.
func (s Store) note(ctx context.Context, a attempt.Attempt) error {
	failing, err := json.Marshal(failures(a))
	if err != nil {
		return fmt.Errorf("note attempt %d: %w", a.ID, err)
	}
	_, err = s.Class.db.ExecContext(ctx, `INSERT INTO attempt (learner, id, slug, at, final, passed, failing) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
		ON CONFLICT (learner, id) DO UPDATE SET final = ?5, passed = ?6, failing = ?7`,
		int64(s.Learner), int64(a.ID), a.Slug, a.At.UnixMilli(), a.State.Final(), a.Passed, string(failing))
	if err != nil {
		return fmt.Errorf("note attempt %d: %w", a.ID, err)
	}
	if s.Changed != nil {
		s.Changed()
	}
	return nil
}

// failures returns the tests that a verdict says did not pass; an answer that
// reached no test fails at what stopped it.
func failures(a attempt.Attempt) []Failure {
	out := []Failure{}
	if a.Passed || len(a.Verdict) == 0 {
		return out
	}
	var v struct {
		State, Reason string
		Cases         []struct {
			Name, Message, Status string
			OK                    bool
		}
	}
	if err := json.Unmarshal(a.Verdict, &v); err != nil {
		return append(out, Failure{"no verdict", err.Error()})
	}
	for _, c := range v.Cases {
		if !c.OK && c.Status != "not-run" && c.Status != "not-checked" {
			out = append(out, Failure{c.Name, c.Message})
		}
	}
	if len(out) == 0 {
		out = append(out, Failure{cmp.Or(v.State, "not graded"), v.Reason})
	}
	return out
}

// Stuck is a test that stops learners.
type Stuck struct {
	Failure  // with the message that the last of them saw
	Learners int
}

// Row is how the class fares with one exercise.
type Row struct {
	Slug                       string
	Learners, Passed, Attempts int
	Stuck                      []Stuck // the most frequent first; of each learner's last attempt
}

// Table returns how the class fares with each exercise that somebody has handed
// in, those with the most learners who have not passed first.
func (c *Class) Table(ctx context.Context) ([]Row, error) {
	type line struct {
		learner int64
		slug    string
		passed  bool
		failing []Failure
	}
	all, err := query(ctx, c, "list the attempts", func(rows *sql.Rows) (l line, err error) {
		var failing string
		if err := rows.Scan(&l.learner, &l.slug, &l.passed, &failing); err != nil {
			return l, err
		}
		return l, json.Unmarshal([]byte(failing), &l.failing)
	}, "SELECT learner, slug, passed, failing FROM attempt WHERE final = 1 ORDER BY at, id")
	if err != nil {
		return nil, err
	}
	rows := map[string]*Row{}
	last := map[string]map[int64]line{} // by exercise, by learner; a pass is not undone
	for _, l := range all {
		if rows[l.slug] == nil {
			rows[l.slug], last[l.slug] = &Row{Slug: l.slug}, map[int64]line{}
		}
		rows[l.slug].Attempts++
		if !last[l.slug][l.learner].passed {
			last[l.slug][l.learner] = l
		}
	}
	out := []Row{}
	for slug, row := range rows {
		row.Learners = len(last[slug])
		stuck := map[string]Stuck{}
		for _, id := range slices.Sorted(maps.Keys(last[slug])) {
			l := last[slug][id]
			if l.passed {
				row.Passed++
				continue
			}
			for _, f := range l.failing {
				stuck[f.Case] = Stuck{f, stuck[f.Case].Learners + 1}
			}
		}
		for _, s := range stuck {
			row.Stuck = append(row.Stuck, s)
		}
		slices.SortFunc(row.Stuck, func(a, b Stuck) int {
			return cmp.Or(b.Learners-a.Learners, cmp.Compare(a.Case, b.Case))
		})
		out = append(out, *row)
	}
	slices.SortFunc(out, func(a, b Row) int {
		return cmp.Or((b.Learners-b.Passed)-(a.Learners-a.Passed), cmp.Compare(a.Slug, b.Slug))
	})
	return out, nil
}

// Share lets so many answers of a class be graded at once. Each learner has a
// queue of their own with one worker, so at most one answer of each waits here,
// and they are served in turn: nobody's tenth answer goes before another's first.
func Share(g attempt.Grader, atOnce int) attempt.Grader {
	slots := make(chan struct{}, max(1, atOnce))
	var waiting atomic.Int64
	return func(ctx context.Context, slug string, files map[string]string, doing func(string)) (json.RawMessage, bool, error) {
		before := waiting.Add(1) - 1
		if before > 0 {
			doing(fmt.Sprintf("waits for its turn, behind %d of the class", before))
		}
		select {
		case slots <- struct{}{}:
			waiting.Add(-1)
		case <-ctx.Done():
			waiting.Add(-1)
			return nil, false, ctx.Err()
		}
		defer func() { <-slots }()
		return g(ctx, slug, files, doing)
	}
}
