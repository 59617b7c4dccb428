package progress

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"workbench/exercises/interview"
	"workbench/exercises/interview/card"
)

// Answer is what a learner said to an interview question, with its score. The
// parts in JSON are package interview's.
type Answer struct {
	ID       uint64
	At       time.Time
	Question string
	Text     string
	Elapsed  time.Duration   // 0: not measured
	Evidence json.RawMessage // []interview.Citation
	Rulings  json.RawMessage // []interview.Ruling
	Total    int             // 0 to 100
	Result   json.RawMessage // interview.Result
}

// ErrNoAnswer means that there is no answer of a number.
var ErrNoAnswer = errors.New("no such answer")

// AddAnswer keeps an answer and returns its number.
func (p *Progress) AddAnswer(ctx context.Context, a Answer) (uint64, error) {
	res, err := p.db.ExecContext(ctx, "INSERT INTO answer (at, question, text, elapsed, evidence, rulings, total, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		a.At.UnixMilli(), a.Question, a.Text, a.Elapsed.Milliseconds(), string(a.Evidence), string(a.Rulings), a.Total, string(a.Result))
	if err != nil {
		return 0, fmt.Errorf("keep answer: %w", err)
	}
	id, err := res.LastInsertId()
	return uint64(id), err
}

// SetRulings keeps the learner's own judgement of an answer, and the score that
// follows.
func (p *Progress) SetRulings(ctx context.Context, id uint64, rulings json.RawMessage, total int, result json.RawMessage) error {
	res, err := p.db.ExecContext(ctx, "UPDATE answer SET rulings = ?, total = ?, result = ? WHERE id = ?", string(rulings), total, string(result), int64(id))
	if err != nil {
		return fmt.Errorf("keep rulings of answer %d: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("%w: %d", ErrNoAnswer, id))
	}
	return nil
}

const answerColumns = "id, at, question, text, elapsed, evidence, rulings, total, result"

// Answer returns one, or an error that wraps ErrNoAnswer.
func (p *Progress) Answer(ctx context.Context, id uint64) (Answer, error) {
	a, err := scanAnswer(p.db.QueryRowContext(ctx, "SELECT "+answerColumns+" FROM answer WHERE id = ?", int64(id)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fmt.Errorf("%w: %d", ErrNoAnswer, id)
	}
	return a, err
}

// answersListed is how many answers are shown.
const answersListed = 200

// Answers returns the answers to a question, or to all for an empty name, the
// latest first, at most 200.
func (p *Progress) Answers(ctx context.Context, question string) ([]Answer, error) {
	rows, err := p.db.QueryContext(ctx, "SELECT "+answerColumns+" FROM answer WHERE ?1 = '' OR question = ?1 ORDER BY id DESC LIMIT ?2", question, answersListed)
	out, err := list(p, rows, err, scanAnswer)
	if err != nil {
		return nil, fmt.Errorf("list answers: %w", err)
	}
	return out, nil
}

// scanAnswer reads one row of answerColumns.
func scanAnswer(s scan) (Answer, error) {
	var a Answer
	var id, at, elapsed int64
	var evidence, rulings, result string
	if err := s(&id, &at, &a.Question, &a.Text, &elapsed, &evidence, &rulings, &a.Total, &result); err != nil {
		return a, err
	}
	a.ID, a.At, a.Elapsed = uint64(id), time.UnixMilli(at), time.Duration(elapsed)*time.Millisecond
	a.Evidence, a.Rulings, a.Result = json.RawMessage(evidence), json.RawMessage(rulings), json.RawMessage(result)
	if _, err := a.Cited(); err != nil {
		return a, err
	}
	if _, err := a.Ruled(); err != nil {
		return a, err
	}
	_, err := a.Scored()
	return a, err
}

func (a Answer) cell(column string) cell {
	return cell{"answer", strconv.FormatUint(a.ID, 10), column}
}

// Cited returns the figures that an answer cites.
func (a Answer) Cited() (out []interview.Citation, err error) {
	err = a.cell("evidence").decode(string(a.Evidence), &out)
	return out, err
}

// Ruled returns the learner's own judgement of an answer.
func (a Answer) Ruled() (out []interview.Ruling, err error) {
	at := a.cell("rulings")
	if err := at.decode(string(a.Rulings), &out); err != nil {
		return nil, err
	}
	for _, r := range out {
		if err := oneOf(at, r.Verdict, interview.Said, interview.NotSaid, interview.NotWrong); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Scored returns the score of an answer and all that it rests on.
func (a Answer) Scored() (out interview.Result, err error) {
	err = a.cell("result").decode(string(a.Result), &out)
	return out, err
}

// Best is the learner's best answer to a question.
type Best struct{ Total, Answers int }

// Bests returns the best total of each question that was answered.
func (p *Progress) Bests(ctx context.Context) (_ map[string]Best, err error) {
	rows, err := p.db.QueryContext(ctx, "SELECT question, MAX(total), COUNT(*) FROM answer GROUP BY question")
	if err != nil {
		return nil, fmt.Errorf("list bests: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := map[string]Best{}
	for rows.Next() {
		var question string
		var b Best
		if err := rows.Scan(&question, &b.Total, &b.Answers); err != nil {
			return nil, fmt.Errorf("list bests: %w", err)
		}
		out[question] = b
	}
	return out, rows.Err()
}

// Card is a thing to be asked again: a question, or something of the learner's
// own runs. State is a card.Card, as JSON.
type Card struct {
	ID    string
	Due   time.Time
	State json.RawMessage
}

// SetCard keeps a card in its newest state.
func (p *Progress) SetCard(ctx context.Context, c Card) error {
	_, err := p.db.ExecContext(ctx, "INSERT INTO card (id, due, state) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET due = excluded.due, state = excluded.state",
		c.ID, c.Due.UnixMilli(), string(c.State))
	if err != nil {
		return fmt.Errorf("keep card %s: %w", c.ID, err)
	}
	return nil
}

const cardColumns = "id, due, state"

// Cards returns all cards, those that are due first first.
func (p *Progress) Cards(ctx context.Context) ([]Card, error) {
	rows, err := p.db.QueryContext(ctx, "SELECT "+cardColumns+" FROM card ORDER BY due, id")
	out, err := list(p, rows, err, scanCard)
	if err != nil {
		return nil, fmt.Errorf("list cards: %w", err)
	}
	return out, nil
}

// scanCard reads one row of cardColumns.
func scanCard(s scan) (Card, error) {
	var c Card
	var due int64
	var state string
	if err := s(&c.ID, &due, &state); err != nil {
		return c, err
	}
	c.Due, c.State = time.UnixMilli(due), json.RawMessage(state)
	_, err := c.Asked()
	return c, err
}

// Asked returns what a card asks, in its state.
func (c Card) Asked() (out card.Card, err error) {
	at := cell{"card", key(c.ID), "state"}
	if err := at.decode(string(c.State), &out); err != nil {
		return out, err
	}
	return out, oneOf(at, out.Kind, card.Question, card.Concept, card.Mistake, card.Run)
}
