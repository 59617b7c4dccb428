package progress

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
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

const trialColumns = "id, began, run"

// Trials returns the results of a subject, or of all when it is empty, the
// latest first and at most the last 100.
func (p *Progress) Trials(ctx context.Context, subject string) ([]runner.Run, error) {
	rows, err := p.db.QueryContext(ctx, "SELECT "+trialColumns+" FROM trial WHERE ?1 = '' OR subject = ?1 ORDER BY id DESC LIMIT ?2", subject, trialsListed)
	out, err := list(p, rows, err, scanTrial)
	if err != nil {
		return nil, fmt.Errorf("list the results of trials: %w", err)
	}
	return out, nil
}

// Trial returns one result, or an error that wraps ErrNoTrial.
func (p *Progress) Trial(ctx context.Context, id uint64) (runner.Run, error) {
	r, err := scanTrial(p.db.QueryRowContext(ctx, "SELECT "+trialColumns+" FROM trial WHERE id = ?", int64(id)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("%w: %d", ErrNoTrial, id)
	}
	if err != nil {
		return r, fmt.Errorf("read result %d of a trial: %w", id, err)
	}
	return r, nil
}

// scanTrial reads one row of trialColumns.
func scanTrial(s scan) (runner.Run, error) {
	var r runner.Run
	var id, began int64
	var text string
	if err := s(&id, &began, &text); err != nil {
		return r, err
	}
	at := cell{"trial", strconv.FormatInt(id, 10), "run"}
	if err := at.decode(text, &r); err != nil {
		return r, err
	}
	r.ID, r.At = uint64(id), time.UnixMilli(began)
	return r, oneOf(at, r.State, runner.Done, runner.Failed, runner.Stopped, runner.Running)
}
