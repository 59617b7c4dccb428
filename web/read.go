package web

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"workbench/exercises/shelf"
	"workbench/web/page"
	"workbench/web/view"
)

// readTask is under which name it is remembered, among the hints, that somebody
// chose to read a worked answer before an own one was accepted.
const readTask = "read"

// open reports whether the answers of an exercise are open: one's own was
// accepted, or tried often enough, or one has chosen to read first.
func (s *Server) open(ctx context.Context, e shelf.Exercise) (bool, error) {
	standings, err := s.cfg.Exercises.Keeper.Standings(ctx)
	if err != nil {
		return false, err
	}
	st := standings[e.Slug]
	if st.Passed || st.Attempts >= honest {
		return true, nil
	}
	hints, err := s.cfg.Exercises.Keeper.Hints(ctx, e.Slug)
	return hints[readTask] > 0, err
}

// postRead opens the worked answers for one who would rather read first.
func (s *Server) postRead(c echo.Context) error {
	e, err := s.exercise(c)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Exercises.Keeper.TakeHint(c.Request().Context(), e.Slug, readTask, 1, s.cfg.Clock.Date(s.cfg.Clock.Now())); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"page": "/exercises/" + e.Slug + "/read"})
}

// readPage shows the worked answers, each in another shape.
func (s *Server) readPage(c echo.Context) error {
	e, err := s.exercise(c)
	if err != nil {
		return err
	}
	open, err := s.open(c.Request().Context(), e)
	if err != nil {
		return err
	}
	if !open {
		return fmt.Errorf("%w; who would rather read first says so on the exercise's page, under Hints", errLocked)
	}
	v, err := view.WorkedOf(e)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, page.Worked(s.site(c, e.Title, ""), v))
}
