package classroom

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// Vote commits a learner's answer to the question that a round asks at a step,
// which is Before or After. The same answer may be sent again; another is
// refused with ErrVoted.
func (c *Class) Vote(ctx context.Context, learner, round uint64, half State, choice int) error {
	return c.change(ctx, func(tx *sql.Tx) error {
		r, err := scanRound(tx.QueryRowContext(ctx, "SELECT "+roundColumns+" FROM round ORDER BY id DESC LIMIT 1"))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("vote: %w", err)
		}
		q, open := r.Open()
		if err != nil || !open || r.ID != round || r.State != half {
			return fmt.Errorf("%w: no answer is taken to that question now", ErrRound)
		}
		if choice < 0 || choice >= len(q.Options) {
			return &FieldError{"choice", strconv.Itoa(choice), fmt.Sprintf("a number from 0 to %d", len(q.Options)-1)}
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO vote (round, half, learner, choice, at) VALUES (?, ?, ?, ?, ?)",
			int64(round), string(half), int64(learner), choice, c.now().UnixMilli()); err != nil {
			return fmt.Errorf("vote: %w", err)
		}
		var kept int
		if err := tx.QueryRowContext(ctx, "SELECT choice FROM vote WHERE round = ? AND half = ? AND learner = ?", int64(round), string(half), int64(learner)).Scan(&kept); err != nil {
			return fmt.Errorf("vote: %w", err)
		}
		if kept != choice {
			return ErrVoted
		}
		return nil
	})
}

// Ballot is what one learner answered in a round; -1: nothing.
type Ballot struct{ Before, After int }

// Tally is what a class answered in a round.
type Tally struct {
	Before, After []int             // how many, by option
	Ballots       map[uint64]Ballot // by learner
}

// Tally counts a round.
func (c *Class) Tally(ctx context.Context, r Round) (Tally, error) {
	t := Tally{Before: make([]int, len(r.First.Options)), After: make([]int, len(r.Last().Options)), Ballots: map[uint64]Ballot{}}
	type vote struct {
		half    string
		learner int64
		choice  int
	}
	votes, err := query(ctx, c, "count the answers", func(rows *sql.Rows) (v vote, err error) {
		return v, rows.Scan(&v.half, &v.learner, &v.choice)
	}, "SELECT half, learner, choice FROM vote WHERE round = ?", int64(r.ID))
	if err != nil {
		return t, err
	}
	for _, v := range votes {
		b, ok := t.Ballots[uint64(v.learner)]
		if !ok {
			b = Ballot{-1, -1}
		}
		switch {
		case v.half == string(Before) && v.choice < len(t.Before):
			t.Before[v.choice]++
			b.Before = v.choice
		case v.half == string(After) && v.choice < len(t.After):
			t.After[v.choice]++
			b.After = v.choice
		}
		t.Ballots[uint64(v.learner)] = b
	}
	return t, nil
}

// Predicted returns, by run of the lab, whether a learner's prediction of it was
// right: of the rounds that were shown.
func (c *Class) Predicted(ctx context.Context, learner uint64) (map[uint64]bool, error) {
	type said struct {
		round  Round
		choice int
	}
	all, err := query(ctx, c, "list the predictions", func(rows *sql.Rows) (s said, err error) {
		s.round, err = scanRound(scanWith{rows, &s.choice})
		return s, err
	}, "SELECT r.id, r.at, r.scenario, r.title, r.state, r.first, r.second, r.run, r.answer, r.interrupted, v.choice FROM round r JOIN vote v ON v.round = r.id AND v.half = 'before' WHERE v.learner = ? AND r.state = 'shown' AND r.run > 0", int64(learner))
	if err != nil {
		return nil, err
	}
	out := map[uint64]bool{}
	for _, s := range all {
		out[s.round.Run] = s.choice == s.round.First.Right
	}
	return out, nil
}

// scanWith scans a row of more columns than its reader knows: the last is last.
type scanWith struct {
	rows *sql.Rows
	last any
}

func (s scanWith) Scan(into ...any) error { return s.rows.Scan(append(into, s.last)...) }
