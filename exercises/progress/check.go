package progress

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/grade"
)

// readers returns, for each table of an export, the columns that are read and
// what reads them: the functions by which the lists read them later, so that
// what is let in can be shown.
func readers() map[string]reader {
	return map[string]reader{
		"run": {"id, ended, summary, report", func(s scan) error {
			var report string
			r, err := scanRun(func(dest ...any) error { return s(append(dest, &report)...) })
			if err != nil {
				return err
			}
			_, err = readReport(r.ID, report)
			return err
		}},
		"attempt": {attemptColumns, func(s scan) error {
			a, err := scanAttempt(s)
			if err != nil || len(a.Verdict) == 0 {
				return err
			}
			return cell{"attempt", fmt.Sprint(a.ID), "verdict"}.decode(string(a.Verdict), new(grade.Sheet))
		}},
		"draft":    {"slug, version, files", func(s scan) error { _, err := scanDraft(s); return err }},
		"hint":     {"slug", func(s scan) error { return s(new(string)) }},
		"answer":   {answerColumns, func(s scan) error { _, err := scanAnswer(s); return err }},
		"card":     {cardColumns, func(s scan) error { _, err := scanCard(s); return err }},
		"incident": {incidentColumns, func(s scan) error { _, err := scanIncident(s); return err }},
		"trial":    {trialColumns, func(s scan) error { _, err := scanTrial(s); return err }},
	}
}

type reader struct {
	columns string
	read    func(scan) error
}

// misfit is a row that cannot be read, and where it lies.
type misfit struct {
	*RowError
	rowid int64
}

// misfits reads every row of every table as it will be read later, and returns
// those that cannot be.
func misfits(ctx context.Context, tx *sql.Tx) ([]misfit, error) {
	var out []misfit
	all := readers()
	for _, table := range slices.Sorted(maps.Keys(all)) {
		found, err := all[table].misfits(ctx, tx, table)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

func (r reader) misfits(ctx context.Context, tx *sql.Tx, table string) (out []misfit, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT rowid, "+r.columns+" FROM "+table+" ORDER BY rowid")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var rowid int64
		fault := r.read(func(dest ...any) error { return rows.Scan(append([]any{&rowid}, dest...)...) })
		var row *RowError
		if errors.As(fault, &row) {
			out = append(out, misfit{row, rowid})
		} else if fault != nil {
			return nil, fault
		}
	}
	return out, rows.Err()
}

// checked is nil when every row can be read, and else an error that wraps
// ErrParcel and names the first that cannot.
func checked(ctx context.Context, tx *sql.Tx) error {
	bad, err := misfits(ctx, tx)
	if err != nil || len(bad) == 0 {
		return err
	}
	more := ""
	if n := len(bad) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more like it)", n)
	}
	return fmt.Errorf("%w: %w%s", ErrParcel, bad[0].RowError, more)
}

// span is what a whole number may be.
type span struct{ least, most int64 }

// exact is the largest number that is whole in a browser too.
const exact = 1<<53 - 1

// spans returns what the numbers of each column may be. A date must be one that
// can be written down, and a number one that can still be counted up.
func spans() map[string]span {
	date := span{time.Time{}.UnixMilli(), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()}
	return map[string]span{
		"id": {1, exact}, "version": {0, exact}, "tries": {0, 1000}, "rungs": {0, 1000}, "total": {0, 100},
		"passed": {0, 1}, "solved": {0, 1}, "elapsed": {0, (24 * time.Hour).Milliseconds()},
		"ended": date, "at": date, "due": date, "began": date,
	}
}

// fits returns why a value cannot stand in a column; nil: it can.
func fits(column string, v any) error {
	n, ok := v.(int64)
	s, bounded := spans()[column]
	if !ok || !bounded || n >= s.least && n <= s.most {
		return nil
	}
	return fmt.Errorf("got %d, want %d to %d", n, s.least, s.most)
}

// unfinished sets the attempts of an export that were not over down as
// interrupted: no queue knows of them.
func unfinished(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "UPDATE attempt SET state = ? WHERE state IN (?, ?)", string(attempt.Interrupted), string(attempt.Queued), string(attempt.Running)); err != nil {
		return fmt.Errorf("set down the attempts that were not over: %w", err)
	}
	return nil
}

// Mend deletes the rows that cannot be read, and nothing else, and returns how
// many there were.
func (p *Progress) Mend(ctx context.Context) (deleted int, err error) {
	err = p.within(ctx, func(tx *sql.Tx) error {
		bad, err := misfits(ctx, tx)
		if err != nil {
			return err
		}
		for _, m := range bad {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+m.Table+" WHERE rowid = ?", m.rowid); err != nil {
				return fmt.Errorf("delete row %s of %s: %w", m.Row, m.Table, err)
			}
		}
		deleted = len(bad)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("mend: %w", err)
	}
	p.clean()
	return deleted, nil
}

// key names a row by what is unique of it in words.
func key(words ...string) string {
	for i, w := range words {
		words[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(words, " ")
}
