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
		text, err := json.Marshal(v.Sheet())
		return text, v.Accepted, err
	}
}
