package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"workbench/lab/store"
)

// Explain puts a sentinel of package store around an error of the driver that
// has one, and ctx's error around that of a query which it ended. It is for
// rooms that keep tables of their own.
func Explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return store.ErrMissing
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %v", ended, err)
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		if kind := sentinel(e.Code); kind != nil {
			return fmt.Errorf("%w: %w", kind, err)
		}
		return err
	}
	if lost(err) {
		// Not wrapped: the deadline in it is ours and not the caller's.
		return fmt.Errorf("%w (%s)", store.ErrDown, line(err))
	}
	return err
}

// sentinel returns what a code of the server means to the caller; nil: nothing
// in particular.
func sentinel(code string) error {
	switch code {
	case "53100": // disk_full
		return store.ErrSpace
	case "25006": // read_only_sql_transaction
		return store.ErrReadOnly
	case "57P01", "57P02", "57P03", // shut down, crashed, not yet started
		"53300",          // too many connections
		"57014",          // the statement took longer than its limit
		"28P01", "28000": // the password was changed under us
		return store.ErrDown
	}
	if strings.HasPrefix(code, "08") { // the connection broke
		return store.ErrDown
	}
	return nil
}

// lost reports whether an error means that no answer came.
func lost(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "conn closed")
}

// line returns an error's innermost cause in one line: the driver's own text
// has several, and repeats user and database.
func line(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Message + " (SQLSTATE " + e.Code + ")"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) {
		return "no answer in time"
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// refused says why a server cannot be used, in one sentence that names no
// password and says what to do.
func refused(what, address, user, database string, err error) error {
	advice := "start it, correct the URL, or leave it out to use SQLite"
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code {
		case "28P01", "28000":
			advice = fmt.Sprintf("correct user and password in the URL; the user was %q", user)
		case "3D000":
			advice = fmt.Sprintf("make the database %q there, or correct the URL", database)
		case "42501":
			advice = fmt.Sprintf("grant %q the right to create schemas in the database %q, or use another", user, database)
		}
	}
	return fmt.Errorf("%s at %s cannot be used: %s: %s", what, address, line(err), advice)
}
