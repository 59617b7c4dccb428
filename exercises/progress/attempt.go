package progress

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"workbench/exercises/attempt"
)

// AddAttempt implements attempt.Store.
func (p *Progress) AddAttempt(ctx context.Context, a attempt.Attempt) (uint64, error) {
	files, err := json.Marshal(a.Files)
	if err != nil {
		return 0, fmt.Errorf("keep attempt: %w", err)
	}
	res, err := p.db.ExecContext(ctx, "INSERT INTO attempt (slug, at, state, tries, files, passed, verdict) VALUES (?, ?, ?, ?, ?, ?, ?)",
		a.Slug, a.At.UnixMilli(), string(a.State), a.Tries, string(files), a.Passed, string(a.Verdict))
	if err != nil {
		return 0, fmt.Errorf("keep attempt: %w", err)
	}
	id, err := res.LastInsertId()
	return uint64(id), err
}

// SetAttempt implements attempt.Store. An attempt is the one of its number,
// exercise and date: after an import another may have its number.
func (p *Progress) SetAttempt(ctx context.Context, a attempt.Attempt) error {
	res, err := p.db.ExecContext(ctx, "UPDATE attempt SET state = ?, tries = ?, passed = ?, verdict = ? WHERE id = ? AND slug = ? AND at = ?",
		string(a.State), a.Tries, a.Passed, string(a.Verdict), int64(a.ID), a.Slug, a.At.UnixMilli())
	if err != nil {
		return fmt.Errorf("keep attempt %d: %w", a.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("%w: attempt %d of %s at %s", attempt.ErrUnknown, a.ID, a.Slug, a.At.UTC().Format(time.RFC3339)))
	}
	return nil
}

const attemptColumns = "id, slug, at, state, tries, files, passed, verdict"

// Attempt implements attempt.Store.
func (p *Progress) Attempt(ctx context.Context, id uint64) (attempt.Attempt, error) {
	a, err := scanAttempt(p.db.QueryRowContext(ctx, "SELECT "+attemptColumns+" FROM attempt WHERE id = ?", int64(id)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fmt.Errorf("%w: attempt %d", attempt.ErrUnknown, id)
	}
	return a, err
}

// Unfinished implements attempt.Store.
func (p *Progress) Unfinished(ctx context.Context) ([]attempt.Attempt, error) {
	return p.attempts(ctx, "SELECT "+attemptColumns+" FROM attempt WHERE state IN ('queued', 'running') ORDER BY id")
}

// Accepted returns the latest answer to an exercise that was accepted, or an
// error that wraps ErrNoneAccepted.
func (p *Progress) Accepted(ctx context.Context, slug string) (attempt.Attempt, error) {
	a, err := scanAttempt(p.db.QueryRowContext(ctx, "SELECT "+attemptColumns+" FROM attempt WHERE slug = ? AND passed ORDER BY id DESC LIMIT 1", slug).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fmt.Errorf("%w: %s", ErrNoneAccepted, slug)
	}
	return a, err
}

// ErrNoneAccepted means that no answer to an exercise was accepted yet.
var ErrNoneAccepted = errors.New("no answer to this exercise was accepted yet: check one first")

// attemptsListed is how many attempts at an exercise are shown.
const attemptsListed = 50

// Attempts returns the attempts at an exercise, the latest first, at most 50.
// An empty slug stands for all exercises.
func (p *Progress) Attempts(ctx context.Context, slug string) ([]attempt.Attempt, error) {
	if slug == "" {
		return p.attempts(ctx, "SELECT "+attemptColumns+" FROM attempt ORDER BY id DESC LIMIT ?", attemptsListed)
	}
	return p.attempts(ctx, "SELECT "+attemptColumns+" FROM attempt WHERE slug = ? ORDER BY id DESC LIMIT ?", slug, attemptsListed)
}

func (p *Progress) attempts(ctx context.Context, query string, args ...any) ([]attempt.Attempt, error) {
	rows, err := p.db.QueryContext(ctx, query, args...)
	out, err := list(p, rows, err, scanAttempt)
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	return out, nil
}

// scanAttempt reads one row of attemptColumns.
func scanAttempt(s scan) (attempt.Attempt, error) {
	var a attempt.Attempt
	var id, at int64
	var state, files, verdict string
	if err := s(&id, &a.Slug, &at, &state, &a.Tries, &files, &a.Passed, &verdict); err != nil {
		return a, err
	}
	a.ID, a.At, a.State = uint64(id), time.UnixMilli(at), attempt.State(state)
	row := strconv.FormatInt(id, 10)
	if verdict != "" {
		a.Verdict = json.RawMessage(verdict)
		if !json.Valid(a.Verdict) {
			return a, cell{"attempt", row, "verdict"}.fault(errors.New("it is no JSON"))
		}
	}
	if err := oneOf(cell{"attempt", row, "state"}, a.State, attempt.Queued, attempt.Running, attempt.Done, attempt.Interrupted); err != nil {
		return a, err
	}
	err := cell{"attempt", row, "files"}.decode(files, &a.Files)
	return a, err
}

var _ attempt.Store = (*Progress)(nil)

// Standing is how far the learner is with one exercise.
type Standing struct {
	Slug     string
	Attempts int
	Passed   bool
	Drafted  bool // there is a draft that was never handed in, or a later one
}

// Standings returns the standing of every exercise that was touched, by slug.
func (p *Progress) Standings(ctx context.Context) (_ map[string]Standing, err error) {
	rows, err := p.db.QueryContext(ctx, `SELECT slug, SUM(n), MAX(passed), MAX(drafted) FROM (
		SELECT slug, COUNT(*) AS n, MAX(passed) AS passed, 0 AS drafted FROM attempt GROUP BY slug
		UNION ALL SELECT slug, 0, 0, 1 FROM draft) GROUP BY slug`)
	if err != nil {
		return nil, fmt.Errorf("list standings: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := map[string]Standing{}
	for rows.Next() {
		var s Standing
		if err := rows.Scan(&s.Slug, &s.Attempts, &s.Passed, &s.Drafted); err != nil {
			return nil, fmt.Errorf("list standings: %w", err)
		}
		out[s.Slug] = s
	}
	return out, rows.Err()
}

// Draft returns what the learner last wrote for an exercise, by file, and its
// version; version 0: nothing yet. A draft that cannot be read is noted and
// comes without files, with its version: the next one takes its place.
func (p *Progress) Draft(ctx context.Context, slug string) (files map[string]string, version int64, err error) {
	d, err := scanDraft(p.db.QueryRowContext(ctx, "SELECT slug, version, files FROM draft WHERE slug = ?", slug).Scan)
	var row *RowError
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, 0, nil
	case errors.As(err, &row):
		p.note(row)
		return nil, d.version, nil
	case err != nil:
		return nil, 0, fmt.Errorf("read the draft of %s: %w", slug, err)
	}
	return d.files, d.version, nil
}

type draft struct {
	slug    string
	version int64
	files   map[string]string
}

func scanDraft(s scan) (draft, error) {
	var d draft
	var text string
	if err := s(&d.slug, &d.version, &text); err != nil {
		return d, err
	}
	err := cell{"draft", key(d.slug), "files"}.decode(text, &d.files)
	return d, err
}

// ErrStale means that a draft was saved from another page meanwhile.
var ErrStale = errors.New("the draft was changed elsewhere: reload the page to see it, or copy your text first")

// SetDraft keeps a draft that was made from a version, and returns the new one.
// A draft that was saved by another page since then is not overwritten: the
// error wraps ErrStale.
func (p *Progress) SetDraft(ctx context.Context, slug string, files map[string]string, from int64, at time.Time) (version int64, err error) {
	text, err := json.Marshal(files)
	if err != nil {
		return 0, fmt.Errorf("keep the draft of %s: %w", slug, err)
	}
	err = p.db.QueryRowContext(ctx, `INSERT INTO draft (slug, at, version, files) SELECT ?1, ?2, ?3 + 1, ?4 WHERE ?3 = COALESCE((SELECT version FROM draft WHERE slug = ?1), 0)
		ON CONFLICT (slug) DO UPDATE SET at = excluded.at, version = excluded.version, files = excluded.files RETURNING version`,
		slug, at.UnixMilli(), from, string(text)).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("exercise %s: %w", slug, ErrStale)
	}
	if err != nil {
		return 0, fmt.Errorf("keep the draft of %s: %w", slug, err)
	}
	return version, nil
}

// DropDraft forgets a draft.
func (p *Progress) DropDraft(ctx context.Context, slug string) error {
	if _, err := p.db.ExecContext(ctx, "DELETE FROM draft WHERE slug = ?", slug); err != nil {
		return fmt.Errorf("drop the draft of %s: %w", slug, err)
	}
	return nil
}

// Hints returns how many rungs of each task's hints the learner has taken.
func (p *Progress) Hints(ctx context.Context, slug string) (_ map[string]int, err error) {
	rows, err := p.db.QueryContext(ctx, "SELECT task, rungs FROM hint WHERE slug = ?", slug)
	if err != nil {
		return nil, fmt.Errorf("list hints: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := map[string]int{}
	for rows.Next() {
		var task string
		var rungs int
		if err := rows.Scan(&task, &rungs); err != nil {
			return nil, fmt.Errorf("list hints: %w", err)
		}
		out[task] = rungs
	}
	return out, rows.Err()
}

// TakeHint unlocks the next rung of a task's hints, of so many that there are,
// and returns how many are unlocked then.
func (p *Progress) TakeHint(ctx context.Context, slug, task string, of int, at time.Time) (rungs int, err error) {
	err = p.db.QueryRowContext(ctx, `INSERT INTO hint (slug, task, rungs, at) VALUES (?1, ?2, MIN(1, ?3), ?4)
		ON CONFLICT (slug, task) DO UPDATE SET rungs = MIN(rungs + 1, ?3), at = excluded.at RETURNING rungs`, slug, task, of, at.UnixMilli()).Scan(&rungs)
	if err != nil {
		return 0, fmt.Errorf("keep a hint of %s: %w", slug, err)
	}
	return rungs, nil
}
