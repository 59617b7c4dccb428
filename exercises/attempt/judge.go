package attempt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"workbench/exercises/grade"
	"workbench/exercises/shelf"
)

// verdict is a grade.Verdict for pages: the keys of `workbench check --json`,
// and what a page shows beside them.
type verdict struct {
	Exercise   string   `json:"exercise"`
	Accepted   bool     `json:"accepted"`
	Score      int      `json:"score"`
	Cases      []graded `json:"cases"`
	Race       *bool    `json:"race"` // found; null: not checked
	Leak       *bool    `json:"leak"`
	DurationMS int64    `json:"duration_ms"`
	Reason     string   `json:"reason"`

	State  string   `json:"state"`
	Of     int      `json:"of"`
	Output string   `json:"output,omitempty"`
	Advice []string `json:"advice,omitempty"`
	Lesson string   `json:"lesson,omitempty"`
}

type graded struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Points  int    `json:"points"`
	Message string `json:"message"`

	Status   string `json:"status"`
	Of       int    `json:"of"`
	Expected string `json:"expected,omitempty"`
	Got      string `json:"got,omitempty"`
	At       string `json:"at,omitempty"` // file:line
	Hint     string `json:"hint,omitempty"`
}

// found writes a finding; nil: it was not looked for.
func found(f grade.Finding) *bool {
	if f == grade.Unchecked {
		return nil
	}
	return new(f == grade.Found)
}

func verdictOf(v grade.Verdict) verdict {
	out := verdict{
		Exercise: v.Exercise, Accepted: v.Accepted, Score: v.Score, Cases: []graded{}, Race: found(v.Race), Leak: found(v.Leak),
		DurationMS: v.Duration.Milliseconds(), Reason: v.Reason, State: string(v.State), Of: v.Of, Output: v.Output, Advice: v.Advice, Lesson: v.Lesson,
	}
	for _, c := range v.Cases {
		out.Cases = append(out.Cases, graded{
			Name: c.Name, OK: c.OK(), Points: c.Points, Message: c.Message, Status: string(c.State), Of: c.Of,
			Expected: c.Expected, Got: c.Got, At: c.At, Hint: c.Hint,
		})
	}
	return out
}

// Judge has a grader judge attempts at the exercises of a shelf.
func Judge(g *grade.Grader, s *shelf.Shelf) Grader {
	return func(ctx context.Context, slug string, files map[string]string, doing func(string)) (_ json.RawMessage, _ bool, err error) {
		e, err := s.Find(slug)
		if err != nil {
			return nil, false, err
		}
		dir, err := os.MkdirTemp("", "attempt-")
		if err != nil {
			return nil, false, fmt.Errorf("make a directory for the answer: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		for _, name := range e.Names {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o600); err != nil {
				return nil, false, fmt.Errorf("write the answer: %w", err)
			}
		}
		v, err := g.Grade(ctx, e, dir, grade.Options{Advice: true, Tell: func(e grade.Event) { doing(e.Text) }})
		if err != nil {
			return nil, false, err
		}
		text, err := json.Marshal(verdictOf(v))
		return text, v.Accepted, err
	}
}
