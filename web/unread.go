package web

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"workbench/exercises/progress"
	"workbench/web/view"
)

// unread says what of the learner's file cannot be read: what the lists that
// were read for a page have left out of these tables, or of all when none is
// named.
func (s *Server) unread(tables ...string) view.Unread {
	if s.cfg.Progress == nil {
		return view.Unread{}
	}
	return view.UnreadOf(slices.DeleteFunc(s.cfg.Progress.Keeper.Unread(), func(r progress.RowError) bool {
		return len(tables) > 0 && !slices.Contains(tables, r.Table)
	}))
}

// mendProgress deletes the rows that cannot be read.
func (s *Server) mendProgress(c echo.Context) error {
	if _, err := s.cfg.Progress.Keeper.Mend(c.Request().Context()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/progress")
}

// alone runs f, which changes the learner's attempts as a whole, while none of
// them is graded.
func (s *Server) alone(f func() error) error {
	if s.cfg.Exercises == nil || s.cfg.Exercises.Queue == nil {
		return f()
	}
	return s.cfg.Exercises.Queue.Alone(f)
}

var _ ProgressKeeper = (*progress.Progress)(nil)
