package classroom

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Learner is one name in the class.
type Learner struct {
	ID       uint64
	Name     string
	Joined   time.Time
	Released bool // the next who gives the name is this learner
}

// maxName bounds a name, in characters.
const maxName = 40

// tidy returns a name as it is shown, or says what is wrong with it.
func tidy(name string) (string, error) {
	wrong := func(want string) (string, error) {
		got := name
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 2*maxName {
			got = "a text of " + strconv.Itoa(len(name)) + " bytes"
		}
		return "", &FieldError{"name", strconv.Quote(got), want}
	}
	if !utf8.ValidString(name) {
		return wrong("UTF-8 text")
	}
	name = strings.Join(strings.Fields(name), " ")
	letters, marks := 0, 0
	for _, r := range name {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			letters++
		case unicode.IsMark(r):
			marks++
		}
		if !unicode.IsPrint(r) {
			return wrong("characters that can be seen")
		}
	}
	switch n := utf8.RuneCountInString(name); {
	case letters == 0:
		return wrong("at least one letter or digit")
	case n > maxName:
		return wrong(fmt.Sprintf("at most %d characters", maxName))
	case marks > letters:
		return wrong("no more accents than letters")
	}
	return name, nil
}

// Join takes a name that is free, or one that the teacher lets back in, for
// whoever has the door's code. It returns the word of the session.
func (c *Class) Join(ctx context.Context, code, name string) (l Learner, session string, err error) {
	if err := c.Knock(ctx, code); err != nil {
		return l, "", err
	}
	if name, err = tidy(name); err != nil {
		return l, "", err
	}
	session, folded := word(), strings.ToLower(name)
	err = c.change(ctx, func(tx *sql.Tx) error {
		l, err = scanLearner(tx.QueryRowContext(ctx, "SELECT "+learnerColumns+" FROM learner WHERE folded = ?", folded))
		if err == nil {
			return c.takeBack(ctx, tx, &l, session)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return c.add(ctx, tx, &l, name, folded, session)
	})
	if err != nil {
		return Learner{}, "", fmt.Errorf("join: %w", err)
	}
	return l, session, nil
}

// takeBack gives a name that was let back in to whoever asks for it. A session
// that it had before ends.
func (c *Class) takeBack(ctx context.Context, tx *sql.Tx, l *Learner, session string) error {
	if !l.Released {
		return ErrTaken
	}
	l.Released = false
	_, err := tx.ExecContext(ctx, "UPDATE learner SET session = ?, released = 0 WHERE id = ?", hash(session), int64(l.ID))
	return err
}

func (c *Class) add(ctx context.Context, tx *sql.Tx, l *Learner, name, folded, session string) error {
	var shut bool
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT shut, (SELECT COUNT(*) FROM learner WHERE folded IS NOT NULL) FROM door").Scan(&shut, &n); err != nil {
		return err
	}
	switch {
	case shut:
		return ErrShut
	case n >= MaxLearners:
		return fmt.Errorf("%w: it has %d names, and room for no more", ErrFull, n)
	}
	*l = Learner{Name: name, Joined: c.now()}
	res, err := tx.ExecContext(ctx, "INSERT INTO learner (name, folded, session, released, joined) VALUES (?, ?, ?, 0, ?)", name, folded, hash(session), l.Joined.UnixMilli())
	if err != nil {
		return err
	}
	id, err := res.LastInsertId()
	l.ID = uint64(id)
	return err
}

// Knock reports whether a code is the door's; the error says why it is not. A
// shut door still lets those back in who were let back in, so it is no error here.
func (c *Class) Knock(ctx context.Context, code string) error {
	d, err := c.Door(ctx)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(code), []byte(d.Code)) != 1 {
		return ErrDoor
	}
	return nil
}

const learnerColumns = "id, name, joined, released"

func scanLearner(row interface{ Scan(...any) error }) (Learner, error) {
	var l Learner
	var id, joined int64
	err := row.Scan(&id, &l.Name, &joined, &l.Released)
	l.ID, l.Joined = uint64(id), time.UnixMilli(joined)
	return l, err
}

// Who returns whose session a word is; the error wraps ErrNobody when it is
// nobody's, or nobody's any more.
func (c *Class) Who(ctx context.Context, session string) (Learner, error) {
	l, err := scanLearner(c.db.QueryRowContext(ctx, "SELECT "+learnerColumns+" FROM learner WHERE session = ?", hash(session)))
	if errors.Is(err, sql.ErrNoRows) {
		return Learner{}, ErrNobody
	}
	return l, wrap("find the learner", err)
}

// Learners returns all names, in the order in which they joined.
func (c *Class) Learners(ctx context.Context) ([]Learner, error) {
	return query(ctx, c, "list the learners", func(rows *sql.Rows) (Learner, error) { return scanLearner(rows) },
		"SELECT "+learnerColumns+" FROM learner WHERE folded IS NOT NULL ORDER BY id")
}

// Release lets the next who gives a learner's name be that learner: somebody
// has lost a browser, or sits at another device.
func (c *Class) Release(ctx context.Context, id uint64) error {
	return c.touch(ctx, "UPDATE learner SET released = 1 WHERE id = ? AND folded IS NOT NULL", id)
}

// Remove ends a learner's session and frees the name. What was answered stays
// counted. Whoever has the link can join again: to keep somebody out, change
// the link as well.
func (c *Class) Remove(ctx context.Context, id uint64) error {
	return c.touch(ctx, "UPDATE learner SET folded = NULL, session = NULL WHERE id = ? AND folded IS NOT NULL", id)
}

func (c *Class) touch(ctx context.Context, statement string, id uint64) error {
	res, err := c.db.ExecContext(ctx, statement, int64(id))
	if err != nil {
		return fmt.Errorf("change learner %d: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fmt.Errorf("%w: %d", ErrUnknown, id), err)
	}
	return nil
}

// query reads all rows of a statement.
func query[T any](ctx context.Context, c *Class, what string, scan func(*sql.Rows) (T, error), statement string, args ...any) (_ []T, err error) {
	rows, err := c.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		out = append(out, one)
	}
	return out, wrap(what, rows.Err())
}
