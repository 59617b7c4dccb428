// Package classroom keeps what a class does together: who is in it, what was
// asked before and after the teacher played a scenario, what was answered, and
// which tests stop the most learners. It knows no page and no running lab.
//
// There are no accounts. Whoever has the link of the door may take a name that
// is free, and gets a session: a random word of which this file keeps the hash
// alone. The teacher may shut the door, change its link, let somebody back in
// under their name, and remove a name.
//
// Everything is one SQLite file (WAL, synchronous=FULL): what was acknowledged
// outlives a kill. A scenario that was being played then is not over, so its
// round opens again with the answers that were given (Recover).
package classroom

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"workbench/lab/store/sqlite"
)

// Errors of a class. Each says what to do.
var (
	ErrDoor    = errors.New("this link opens nothing any more: ask the teacher for the present one")
	ErrShut    = errors.New("the teacher has shut the door: nobody new can join now")
	ErrFull    = errors.New("the class is full")
	ErrTaken   = errors.New("somebody in the class has this name: take another; if it was you, on another device or in another browser, ask the teacher to let you back in")
	ErrNobody  = errors.New("nobody in this class: join by the teacher's link first")
	ErrRound   = errors.New("the round is not at that step")
	ErrUnknown = errors.New("no such learner")
	ErrSpace   = errors.New("your place on the teacher's machine is full: hand in smaller answers, or ask the teacher")
	ErrVoted   = errors.New("your answer is committed and cannot be taken back")
)

// FieldError is one wrong value that somebody has sent.
type FieldError struct{ Field, Got, Want string }

// Error implements error.
func (e *FieldError) Error() string {
	return fmt.Sprintf("%s: got %s, want %s", e.Field, e.Got, e.Want)
}

// MaxLearners is how many names a class has room for.
const MaxLearners = 250

// Class is an open file. Its methods are safe for concurrent use.
type Class struct {
	db  *sql.DB
	now func() time.Time
}

// migrations returns the steps that bring an older file up to date. They are
// never edited, only added to.
func migrations() []string {
	return []string{
		`CREATE TABLE door (
			id   INTEGER PRIMARY KEY CHECK (id = 1),
			code TEXT NOT NULL, -- the last part of the link
			shut INTEGER NOT NULL
		) STRICT;
		CREATE TABLE learner (
			id       INTEGER PRIMARY KEY AUTOINCREMENT,
			name     TEXT NOT NULL,
			folded   TEXT UNIQUE,   -- the name as it is compared; NULL: removed, and free again
			session  TEXT UNIQUE,   -- SHA-256 of the word in the cookie; NULL: none is valid
			released INTEGER NOT NULL, -- the next who gives the name is this learner
			joined   INTEGER NOT NULL  -- Unix milliseconds
		) STRICT;
		CREATE TABLE round (
			id          INTEGER PRIMARY KEY AUTOINCREMENT,
			at          INTEGER NOT NULL, -- Unix milliseconds
			scenario    TEXT NOT NULL,
			title       TEXT NOT NULL,
			state       TEXT NOT NULL,
			first       TEXT NOT NULL, -- Question as JSON
			second      TEXT NOT NULL, -- the same; empty: the first again
			run         INTEGER NOT NULL,
			answer      TEXT NOT NULL,
			interrupted INTEGER NOT NULL
		) STRICT;
		CREATE TABLE vote (
			round   INTEGER NOT NULL REFERENCES round (id),
			half    TEXT NOT NULL,
			learner INTEGER NOT NULL,
			choice  INTEGER NOT NULL,
			at      INTEGER NOT NULL,
			PRIMARY KEY (round, half, learner)
		) STRICT;
		CREATE TABLE attempt (
			learner INTEGER NOT NULL,
			id      INTEGER NOT NULL, -- in the learner's own file
			slug    TEXT NOT NULL,
			at      INTEGER NOT NULL,
			final   INTEGER NOT NULL,
			passed  INTEGER NOT NULL,
			failing TEXT NOT NULL,    -- []Failure as JSON
			PRIMARY KEY (learner, id)
		) STRICT;`,
	}
}

// Open opens the file at path and makes it, with a door that is open, if it is
// not there. now is the date.
func Open(ctx context.Context, path string, now func() time.Time) (*Class, error) {
	db, err := sql.Open("sqlite", sqlite.Source(path, "journal_mode(wal)", "synchronous(full)")+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1) // SQLite has one writer; a queue here is better than a busy error there
	c := &Class{db: db, now: now}
	if err := c.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return c, nil
}

func (c *Class) migrate(ctx context.Context) error {
	var have int
	if err := c.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	steps := migrations()
	if have > len(steps) {
		return fmt.Errorf("the class was written by a newer version of the workbench (format %d, this one knows %d): update the program or choose another --data directory", have, len(steps))
	}
	for i := have; i < len(steps); i++ {
		err := c.change(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, steps[i]+fmt.Sprintf("PRAGMA user_version = %d", i+1))
			return err
		})
		if err != nil {
			return fmt.Errorf("migration %d: %w", i+1, err)
		}
	}
	_, err := c.db.ExecContext(ctx, "INSERT OR IGNORE INTO door (id, code, shut) VALUES (1, ?, 0)", word())
	return err
}

// change makes changes that hold together or not at all.
func (c *Class) change(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Close closes the file.
func (c *Class) Close() error { return c.db.Close() }

// word returns 128 random bits, which nobody guesses.
func word() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // documented to fill b and never to fail
	return hex.EncodeToString(b)
}

func hash(session string) string {
	sum := sha256.Sum256([]byte(session))
	return hex.EncodeToString(sum[:])
}

// Door is how one comes into the class.
type Door struct {
	Code string // the last part of the link
	Shut bool   // nobody new can join
}

// Door returns how one comes into the class now.
func (c *Class) Door(ctx context.Context) (Door, error) {
	var d Door
	if err := c.db.QueryRowContext(ctx, "SELECT code, shut FROM door").Scan(&d.Code, &d.Shut); err != nil {
		return d, fmt.Errorf("read the door: %w", err)
	}
	return d, nil
}

// Renew gives the door another link; the one before opens nothing any more.
// Those who are in stay in.
func (c *Class) Renew(ctx context.Context) error {
	_, err := c.db.ExecContext(ctx, "UPDATE door SET code = ?", word())
	return wrap("change the link", err)
}

// Shut shuts the door or opens it.
func (c *Class) Shut(ctx context.Context, shut bool) error {
	_, err := c.db.ExecContext(ctx, "UPDATE door SET shut = ?", shut)
	return wrap("shut the door", err)
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
