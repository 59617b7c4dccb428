package classroom

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// State is the step at which a round is.
type State string

// The steps of a round, in order. Learners answer at Before and at After.
const (
	Before  State = "before"  // everybody says what will happen
	Playing State = "playing" // the scenario is played, and no answer is taken
	Played  State = "played"  // it was measured; the teacher alone sees what
	After   State = "after"   // everybody answers again, or a second question
	Shown   State = "shown"   // all is shown to all
)

// Question is what learners are asked.
type Question struct {
	Text    string   `json:"text"`
	Options []string `json:"options"`
	Right   int      `json:"right"` // an index of Options; -1: none, or not known yet
}

// Round is one scenario, predicted, played and explained.
type Round struct {
	ID          uint64
	At          time.Time
	Scenario    string
	Title       string
	State       State
	First       Question
	Second      *Question // nil: the first question is asked again
	Run         uint64    // the lab's, once it was measured; 0: none
	Answer      string    // what was measured, in a sentence; empty: not yet
	Interrupted bool      // the program ended while the scenario was played
}

// Last returns what is asked at the round's step After.
func (r Round) Last() Question {
	if r.Second != nil {
		return *r.Second
	}
	return r.First
}

// Open reports whether learners may answer now, and what.
func (r Round) Open() (Question, bool) {
	switch r.State {
	case Before:
		return r.First, true
	case After:
		return r.Last(), true
	}
	return Question{}, false
}

// Limits of a question that a teacher writes.
const (
	maxText    = 300
	maxOptions = 6
)

// Check says what is wrong with a question.
func (q Question) Check() error {
	var faults []error
	if n := utf8.RuneCountInString(q.Text); strings.TrimSpace(q.Text) == "" || n > maxText || !utf8.ValidString(q.Text) {
		faults = append(faults, &FieldError{"question", fmt.Sprintf("%d characters", n), fmt.Sprintf("a question of at most %d", maxText)})
	}
	if n := len(q.Options); n < 2 || n > maxOptions {
		faults = append(faults, &FieldError{"options", fmt.Sprintf("%d lines", n), fmt.Sprintf("2 to %d answers, one on a line", maxOptions)})
	}
	for i, o := range q.Options {
		if n := utf8.RuneCountInString(o); strings.TrimSpace(o) == "" || n > maxText || !utf8.ValidString(o) {
			faults = append(faults, &FieldError{"options", fmt.Sprintf("%d characters in line %d", n, i+1), fmt.Sprintf("answers of 1 to %d characters", maxText)})
		}
	}
	if q.Right < -1 || q.Right >= len(q.Options) {
		faults = append(faults, &FieldError{"right", strconv.Itoa(q.Right + 1), "the number of one of the answers, or nothing"})
	}
	return errors.Join(faults...)
}

const roundColumns = "id, at, scenario, title, state, first, second, run, answer, interrupted"

func scanRound(row interface{ Scan(...any) error }) (Round, error) {
	var r Round
	var id, at, run int64
	var state, first, second string
	if err := row.Scan(&id, &at, &r.Scenario, &r.Title, &state, &first, &second, &run, &r.Answer, &r.Interrupted); err != nil {
		return r, err
	}
	r.ID, r.At, r.Run, r.State = uint64(id), time.UnixMilli(at), uint64(run), State(state)
	if second != "" {
		r.Second = &Question{}
		if err := json.Unmarshal([]byte(second), r.Second); err != nil {
			return r, fmt.Errorf("round %d: %w", id, err)
		}
	}
	return r, json.Unmarshal([]byte(first), &r.First)
}

// Begin opens a round on a scenario: everybody is asked what will happen. The
// round before it stays as it is and takes no more answers.
func (c *Class) Begin(ctx context.Context, scenario, title string, q Question) (Round, error) {
	q.Right = -1 // it is measured, never given
	if err := q.Check(); err != nil {
		return Round{}, err
	}
	first, err := json.Marshal(q)
	if err != nil {
		return Round{}, fmt.Errorf("begin a round: %w", err)
	}
	r := Round{At: c.now(), Scenario: scenario, Title: title, State: Before, First: q}
	res, err := c.db.ExecContext(ctx, "INSERT INTO round (at, scenario, title, state, first, second, run, answer, interrupted) VALUES (?, ?, ?, ?, ?, '', 0, '', 0)",
		r.At.UnixMilli(), scenario, title, string(Before), string(first))
	if err != nil {
		return Round{}, fmt.Errorf("begin a round: %w", err)
	}
	id, err := res.LastInsertId()
	r.ID = uint64(id)
	return r, wrap("begin a round", err)
}

// Round returns the latest round; false: there was none yet.
func (c *Class) Round(ctx context.Context) (Round, bool, error) {
	r, err := scanRound(c.db.QueryRowContext(ctx, "SELECT "+roundColumns+" FROM round ORDER BY id DESC LIMIT 1"))
	if errors.Is(err, sql.ErrNoRows) {
		return Round{}, false, nil
	}
	return r, err == nil, wrap("read the round", err)
}

// Rounds returns the rounds that were shown, the latest first, at most so many.
func (c *Class) Rounds(ctx context.Context, most int) ([]Round, error) {
	return query(ctx, c, "list the rounds", func(rows *sql.Rows) (Round, error) { return scanRound(rows) },
		"SELECT "+roundColumns+" FROM round WHERE state = 'shown' ORDER BY id DESC LIMIT ?", most)
}

// step moves a round from one of some steps to another; ErrRound: it is at none
// of them, because somebody else was faster.
func (c *Class) step(ctx context.Context, id uint64, to State, set string, args []any, from ...State) error {
	marks := make([]string, len(from))
	args = append([]any{string(to)}, args...)
	args = append(args, int64(id))
	for i, s := range from {
		marks[i] = "?"
		args = append(args, string(s))
	}
	res, err := c.db.ExecContext(ctx, "UPDATE round SET state = ?"+set+" WHERE id = ? AND state IN ("+strings.Join(marks, ", ")+")", args...)
	if err != nil {
		return fmt.Errorf("round %d: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fmt.Errorf("round %d to %q: %w", id, to, ErrRound), err)
	}
	return nil
}

// Play says that the scenario is played now: no more predictions.
func (c *Class) Play(ctx context.Context, id uint64) error {
	return c.step(ctx, id, Playing, ", interrupted = 0", nil, Before)
}

// Interrupt says that the scenario was begun afresh or given up while it was
// played. The round opens again; what was predicted stays.
func (c *Class) Interrupt(ctx context.Context, id uint64) error {
	return c.step(ctx, id, Before, ", interrupted = 1", nil, Playing)
}

// Recover opens the rounds again that were being played when the program ended.
func (c *Class) Recover(ctx context.Context) error {
	_, err := c.db.ExecContext(ctx, "UPDATE round SET state = 'before', interrupted = 1 WHERE state = 'playing'")
	return wrap("recover the round", err)
}

// Measured keeps what a round's scenario has shown: which answer was right (-1:
// none), in which run of the lab, and a sentence that says so.
func (c *Class) Measured(ctx context.Context, r Round, right int, run uint64, answer string) error {
	r.First.Right = right
	if err := r.First.Check(); err != nil {
		return err
	}
	first, err := json.Marshal(r.First)
	if err != nil {
		return fmt.Errorf("round %d: %w", r.ID, err)
	}
	return c.step(ctx, r.ID, Played, ", first = ?, run = ?, answer = ?", []any{string(first), int64(run), answer}, Playing)
}

// Again asks everybody after the scenario was played: the second question, or
// the first again when it is nil.
func (c *Class) Again(ctx context.Context, id uint64, second *Question) error {
	text := ""
	if second != nil {
		if err := second.Check(); err != nil {
			return err
		}
		b, err := json.Marshal(second)
		if err != nil {
			return fmt.Errorf("round %d: %w", id, err)
		}
		text = string(b)
	}
	return c.step(ctx, id, After, ", second = ?", []any{text}, Played)
}

// Show shows a round's answers to everybody and ends it.
func (c *Class) Show(ctx context.Context, id uint64) error {
	return c.step(ctx, id, Shown, "", nil, Played, After)
}
