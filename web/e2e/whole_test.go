//go:build e2e

package e2e_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"workbench/docs/guide"
	"workbench/docs/track"
	"workbench/exercises"
	"workbench/exercises/interview"
	"workbench/exercises/progress"
	"workbench/exercises/shelf"
	"workbench/lab/catalog"
	"workbench/sim/clock"
	"workbench/web"
	"workbench/web/webtest"
)

// whole starts the site with all of its rooms.
func whole(t *testing.T) *webtest.Site {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	book, err := guide.Open()
	must(err)
	tracks, err := track.All()
	must(err)
	books, err := shelf.Open(exercises.Files)
	must(err)
	questions, err := interview.Load()
	must(err)
	keeper, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	must(err)
	t.Cleanup(func() { keeper.Close() })
	trials := benchTrials(t)
	s := webtest.Serve(t, func(c *web.Config) {
		c.Trials = trials
		c.Guide = &web.Guide{Book: book, Patterns: catalog.Patterns()}
		c.Tracks = &web.Tracks{All: tracks, Patterns: catalog.Patterns()}
		c.Exercises = &web.Exercises{Shelf: books, Keeper: keeper, Sandbox: "Answers run in a sandbox."}
		c.Rehearse = &web.Rehearse{Catalog: questions, Keeper: keeper}
		c.Progress = &web.Progress{Patterns: catalog.Patterns(), Keeper: keeper}
	})
	go s.Lab.Drive(t.Context(), clock.NewWall())
	return s
}

// quoted writes a text for a script.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string can always be written
	}
	return string(b)
}

// answerTo returns the model answer to the question at a path.
func answerTo(t *testing.T, path string) string {
	t.Helper()
	c, err := interview.Load()
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.Get(strings.TrimPrefix(path, "/rehearse/"))
	if err != nil {
		t.Fatal(err)
	}
	return q.Model.Full
}
