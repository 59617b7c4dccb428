package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"workbench/exercises/shelf"
	"workbench/lab/beside"
	"workbench/lab/catalog"
	"workbench/web/view"
)

// Plugger plugs accepted answers into the lab: a *plug.Desk.
type Plugger interface {
	Plug(ctx context.Context, e shelf.Exercise, answer map[string]string) error
	Unplug(ctx context.Context, e shelf.Exercise) error
	Plugged(e shelf.Exercise) bool
	// Again says what has become of an exercise's answer since the workbench was
	// started again; empty: there is nothing to say.
	Again(slug string) string
	Compare(ctx context.Context, e shelf.Exercise) (beside.Result, error)
	Compared(e shelf.Exercise) (beside.Result, bool)
}

// plugPanel is what an exercise's page says of its answer in the lab; nil: there
// is no place for one.
func (s *Server) plugPanel(e shelf.Exercise) *view.Plug {
	if e.Plug == nil || s.cfg.Exercises.Plug == nil {
		return nil
	}
	p, ok := catalog.Find(e.Plug.Pattern)
	if !ok {
		return nil
	}
	v := view.PlugOf(p, s.cfg.Exercises.Plug.Plugged(e))
	v.Again = s.cfg.Exercises.Plug.Again(e.Slug)
	if r, ok := s.cfg.Exercises.Plug.Compared(e); ok {
		v.Compared = view.BesideOf(r)
	}
	return &v
}

// pluggable returns the exercise of a request that may use the compiler and the
// sandbox. Both may take longer than a page.
func (s *Server) pluggable(c echo.Context) (shelf.Exercise, error) {
	e, err := s.exercise(c)
	if err != nil {
		return e, err
	}
	why := s.cfg.Exercises.Why
	if s.cfg.Exercises.Plug == nil && why == "" {
		why = "there is no sandbox"
	}
	if why != "" {
		return e, fmt.Errorf("%w: %s", errNoRunning, why)
	}
	if err := http.NewResponseController(c.Response()).SetWriteDeadline(time.Time{}); err != nil {
		return e, fmt.Errorf("plug: %w", err)
	}
	return e, nil
}

func (s *Server) postPlug(c echo.Context) error {
	e, err := s.pluggable(c)
	if err != nil {
		return err
	}
	a, err := s.cfg.Exercises.Keeper.Accepted(c.Request().Context(), e.Slug)
	if err != nil {
		return err
	}
	if err := s.cfg.Exercises.Plug.Plug(c.Request().Context(), e, a.Files); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"exercise": e.Slug, "pattern": e.Plug.Pattern, "attempt": a.ID, "plugged": true})
}

func (s *Server) deletePlug(c echo.Context) error {
	e, err := s.pluggable(c)
	if err != nil {
		return err
	}
	if err := s.cfg.Exercises.Plug.Unplug(c.Request().Context(), e); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"exercise": e.Slug, "plugged": false})
}

func (s *Server) postCompare(c echo.Context) error {
	e, err := s.pluggable(c)
	if err != nil {
		return err
	}
	r, err := s.cfg.Exercises.Plug.Compare(c.Request().Context(), e)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}
