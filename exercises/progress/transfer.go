package progress

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// tables lists what an export holds, with each table's columns.
func tables() map[string][]string {
	return map[string][]string{
		"run":     {"id", "ended", "scenario", "summary", "report"},
		"attempt": {"id", "slug", "at", "state", "tries", "files", "passed", "verdict"},
		"draft":   {"slug", "at", "version", "files"},
		"hint":    {"slug", "task", "rungs", "at"},
		"answer":  {"id", "at", "question", "text", "elapsed", "evidence", "rulings", "total", "result"},
		"card":    {"id", "due", "state"},

		"incident": {"id", "at", "cause", "solved", "result"},
		"trial":    {"id", "began", "subject", "run"},
	}
}

// parcel is an export: everything that a learner has done, as one file.
type parcel struct {
	Kind   string             `json:"kind"`
	Format int                `json:"format"`
	Tables map[string][][]any `json:"tables"` // rows by table, values by column
}

// parcelKind tells an export from other files.
const parcelKind = "traffic-workbench-progress"

// ErrParcel is wrapped by the error about a file that is no export of ours.
var ErrParcel = errors.New("this is no export of the workbench")

// Export writes everything as one file.
func (p *Progress) Export(ctx context.Context, w io.Writer) error {
	out := parcel{Kind: parcelKind, Format: len(migrations()), Tables: map[string][][]any{}}
	for name, columns := range tables() {
		rows, err := p.dump(ctx, name, columns)
		if err != nil {
			return fmt.Errorf("export %s: %w", name, err)
		}
		out.Tables[name] = rows
	}
	return json.NewEncoder(w).Encode(out)
}

func (p *Progress) dump(ctx context.Context, table string, columns []string) (_ [][]any, err error) {
	rows, err := p.db.QueryContext(ctx, "SELECT "+comma(columns)+" FROM "+table+" ORDER BY 1, 2")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := [][]any{}
	for rows.Next() {
		row, at := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			at[i] = &row[i]
		}
		if err := rows.Scan(at...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// Import puts an export in place of everything that is there, whole or not at
// all: what could not be read later is not let in. An attempt that was not over
// is interrupted. Nothing of this file may be graded meanwhile: see
// attempt.Queue.Alone.
func (p *Progress) Import(ctx context.Context, r io.Reader) error {
	var in parcel
	d := json.NewDecoder(r)
	d.UseNumber()
	if err := d.Decode(&in); err != nil || in.Kind != parcelKind {
		return errors.Join(ErrParcel, err)
	}
	if in.Format > len(migrations()) {
		return fmt.Errorf("%w: it is of a newer version (format %d, this one knows %d)", ErrParcel, in.Format, len(migrations()))
	}
	err := p.within(ctx, func(tx *sql.Tx) error {
		if err := empty(ctx, tx); err != nil {
			return err
		}
		for name, rows := range in.Tables {
			columns, known := tables()[name]
			if !known {
				return fmt.Errorf("%w: it has a table %q", ErrParcel, name)
			}
			if err := fill(ctx, tx, name, columns, rows); err != nil {
				return err
			}
		}
		if err := checked(ctx, tx); err != nil {
			return err
		}
		return unfinished(ctx, tx)
	})
	if err == nil {
		p.clean()
	}
	return err
}

// fill puts rows into a table.
func fill(ctx context.Context, tx *sql.Tx, name string, columns []string, rows [][]any) error {
	marks := bytes.TrimSuffix(bytes.Repeat([]byte("?, "), len(columns)), []byte(", "))
	for i, row := range rows {
		if len(row) != len(columns) {
			return fmt.Errorf("%w: row %d of %s has %d values, want %d", ErrParcel, i+1, name, len(row), len(columns))
		}
		row = slices.Clone(row)
		for k, v := range row {
			if n, ok := v.(json.Number); ok {
				whole, err := n.Int64()
				if err != nil {
					return fmt.Errorf("%w: row %d of %s: %s is %s, want a whole number", ErrParcel, i+1, name, columns[k], n)
				}
				row[k] = whole
			}
			if err := fits(columns[k], row[k]); err != nil {
				return fmt.Errorf("%w: row %d of %s: %s: %w", ErrParcel, i+1, name, columns[k], err)
			}
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+name+" ("+comma(columns)+") VALUES ("+string(marks)+")", row...); err != nil {
			return fmt.Errorf("%w: row %d of %s: %w", ErrParcel, i+1, name, err)
		}
	}
	return nil
}

// Forget deletes everything that the learner has done. Nothing of this file may
// be graded meanwhile: see attempt.Queue.Alone.
func (p *Progress) Forget(ctx context.Context) error {
	if err := p.within(ctx, func(tx *sql.Tx) error { return empty(ctx, tx) }); err != nil {
		return err
	}
	p.clean()
	if _, err := p.db.ExecContext(ctx, "VACUUM"); err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	return nil
}

func empty(ctx context.Context, tx *sql.Tx) error {
	for _, name := range append(slices.Collect(maps.Keys(tables())), "plug") {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+name); err != nil {
			return fmt.Errorf("empty %s: %w", name, err)
		}
	}
	return nil
}

// within runs f in one transaction.
func (p *Progress) within(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func comma(columns []string) string { return strings.Join(columns, ", ") }
