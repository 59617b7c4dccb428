package progress

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// RowError is a row that is in the file and cannot be read.
type RowError struct {
	Table, Row, Column string // Row is the row's number, or its name in quotes
	Why                error
}

// Error implements error.
func (e *RowError) Error() string {
	return fmt.Sprintf("table %s, row %s, column %s: %v", e.Table, e.Row, e.Column, e.Why)
}

// Unwrap returns what is wrong.
func (e *RowError) Unwrap() error { return e.Why }

// scan reads the columns of one row, as sql.Rows.Scan does.
type scan func(...any) error

// cell is one column of one row, for the error about it.
type cell struct{ table, row, column string }

func (c cell) fault(why error) error { return &RowError{c.table, c.row, c.column, why} }

// decode reads a column that holds JSON. All that follows the value is a fault:
// half of it would be lost.
func (c cell) decode(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return c.fault(err)
	}
	return nil
}

// oneOf holds a column to the words that it may hold.
func oneOf[T ~string](c cell, got T, words ...T) error {
	if slices.Contains(words, got) {
		return nil
	}
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = fmt.Sprintf("%q", string(w))
	}
	return c.fault(fmt.Errorf("got %q, want one of %s", string(got), strings.Join(all, ", ")))
}

// list reads rows. One that cannot be read is left out and noted, for it must
// not take the others with it.
func list[T any](p *Progress, rows *sql.Rows, err error, read func(scan) (T, error)) (_ []T, fault error) {
	if err != nil {
		return nil, err
	}
	defer func() { fault = errors.Join(fault, rows.Close()) }()
	out := []T{}
	for rows.Next() {
		one, err := read(rows.Scan)
		var row *RowError
		switch {
		case errors.As(err, &row):
			p.note(row)
		case err != nil:
			return nil, err
		default:
			out = append(out, one)
		}
	}
	return out, rows.Err()
}

// note remembers a row that cannot be read, and logs it the first time.
func (p *Progress) note(row *RowError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := row.Table + " " + row.Row
	if _, known := p.unread[key]; known {
		return
	}
	if p.unread == nil {
		p.unread = map[string]*RowError{}
	}
	p.unread[key] = row
	if p.log != nil {
		p.log.Warn("row left out: it cannot be read", "table", row.Table, "row", row.Row, "column", row.Column, "error", row.Why)
	}
}

// LogTo has the rows that are left out because they cannot be read logged, each
// once.
func (p *Progress) LogTo(log *slog.Logger) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = log
}

// Unread returns the rows that were left out so far because they cannot be read,
// by table and row.
func (p *Progress) Unread() []RowError {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []RowError{}
	for _, row := range p.unread {
		out = append(out, *row)
	}
	slices.SortFunc(out, func(a, b RowError) int { return strings.Compare(a.Table+" "+a.Row, b.Table+" "+b.Row) })
	return out
}

// clean forgets what could not be read: the rows are other ones now.
func (p *Progress) clean() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unread = nil
}
