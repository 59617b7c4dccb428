package progress

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"workbench/lab/trial/runner"
)

// ErrNoTrial is wrapped by the error about a result that is not in the file.
var ErrNoTrial = errors.New("no such result of a trial")

// KeepTrial keeps what a run of a trial measured and returns its number. It is
// on disk when it returns.
func (p *Progress) KeepTrial(ctx context.Context, r runner.Run) (uint64, error) {
	r.ID = 0
	text, err := json.Marshal(r)
	if err != nil {
		return 0, fmt.Errorf("keep the result of %s: %w", r.Subject, err)
	}
	res, err := p.db.ExecContext(ctx, "INSERT INTO trial (began, subject, run) VALUES (?, ?, ?)", r.At.UnixMilli(), r.Subject, string(text))
	if err != nil {
		return 0, fmt.Errorf("keep the result of %s: %w", r.Subject, err)
	}
	id, err := res.LastInsertId()
	return uint64(id), err
}

// trialsListed is how many results a list shows.
const trialsListed = 100

// Trials returns the results of a subject, or of all when it is empty, the
// latest first and at most the last 100.
func (p *Progress) Trials(ctx context.Context, subject string) (_ []runner.Run, err error) {
	rows, err := p.db.QueryContext(ctx, "SELECT id, began, run FROM trial WHERE ?1 = '' OR subject = ?1 ORDER BY id DESC LIMIT ?2", subject, trialsListed)
	if err != nil {
		return nil, fmt.Errorf("list the results of trials: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []runner.Run
	for rows.Next() {
		r, err := keptTrial(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("list the results of trials: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Trial returns one result, or an error that wraps ErrNoTrial.
func (p *Progress) Trial(ctx context.Context, id uint64) (runner.Run, error) {
	r, err := keptTrial(p.db.QueryRowContext(ctx, "SELECT id, began, run FROM trial WHERE id = ?", int64(id)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("%w: %d", ErrNoTrial, id)
	}
	if err != nil {
		return r, fmt.Errorf("read result %d of a trial: %w", id, err)
	}
	return r, nil
}

// keptTrial reads one row.
func keptTrial(scan func(...any) error) (runner.Run, error) {
	var r runner.Run
	var id, began int64
	var text string
	if err := scan(&id, &began, &text); err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fmt.Errorf("result %d: %w", id, err)
	}
	r.ID, r.At = uint64(id), time.UnixMilli(began)
	return r, nil
}
