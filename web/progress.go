package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"workbench/exercises/interview"
	"workbench/exercises/progress"
	"workbench/lab"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/web/page"
	"workbench/web/view"
)

// Progress is what the progress page stands on, beside the exercises and the
// rehearsal.
type Progress struct {
	Patterns []lab.Pattern
	Keeper   ProgressKeeper
}

// ProgressKeeper takes everything along: a *progress.Progress.
type ProgressKeeper interface {
	Export(context.Context, io.Writer) error
	Import(context.Context, io.Reader) error
	Forget(context.Context) error
	Unread() []progress.RowError       // rows that the lists have left out
	Mend(context.Context) (int, error) // deletes such rows
}

// maxExport bounds a file that is imported.
const maxExport = 256 << 20

func (s *Server) progressRoutes(e *echo.Echo) {
	if s.cfg.Progress == nil {
		return
	}
	e.GET("/progress", s.progressPage)
	e.GET("/progress/export", s.exportProgress)
	e.POST("/progress/import", s.formed("/progress", s.progressPage, s.importProgress))
	e.POST("/progress/mend", s.mendProgress)
	e.POST("/progress/forget", s.formed("/progress", s.progressPage, s.forgetProgress))
}

func (s *Server) progressPage(c echo.Context) error {
	r, err := s.record(c.Request().Context(), s.cfg.Progress.Patterns)
	if err != nil {
		return err
	}
	v := view.ProgressOf(r)
	v.Unread = s.unread()
	return s.html(c, http.StatusOK, page.Progress(s.site(c, "Progress", ""), v))
}

// record collects what the learner has done in all rooms.
func (s *Server) record(ctx context.Context, patterns []lab.Pattern) (view.Record, error) {
	r := view.Record{Patterns: patterns}
	var err error
	if r.Specs, err = scenario.Embedded(); err != nil {
		return r, err
	}
	if r.Runs, err = s.cfg.Lab.Runs(ctx); err != nil {
		return r, err
	}
	if x := s.cfg.Exercises; x != nil {
		r.Exercises = x.Shelf.All()
		if r.Standings, err = x.Keeper.Standings(ctx); err != nil {
			return r, err
		}
	}
	if x := s.cfg.Rehearse; x != nil {
		r.Questions = x.Catalog.List(interview.Filter{})
		if r.Bests, err = x.Keeper.Bests(ctx); err != nil {
			return r, err
		}
		due, err := s.due(ctx)
		if err != nil {
			return r, err
		}
		r.Due = len(due)
	}
	return r, nil
}

// exportProgress sends everything as one file. It is made whole first, so that
// a fault is an error and not half a file.
func (s *Server) exportProgress(c echo.Context) error {
	var b bytes.Buffer
	if err := s.cfg.Progress.Keeper.Export(c.Request().Context(), &b); err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="workbench-%s.json"`, s.now().Format("2006-01-02")))
	h.Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, "application/json", b.Bytes())
}

func (s *Server) importProgress(c echo.Context) error {
	r := c.Request()
	if r.ContentLength > maxExport {
		return tooLarge(maxExport)
	}
	r.Body = http.MaxBytesReader(c.Response(), r.Body, maxExport)
	parts, err := r.MultipartReader()
	if err != nil {
		return &live.FieldError{Field: "file", Got: "no form with a file", Want: "an export of the workbench"}
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return errors.Join(&live.FieldError{Field: "file", Got: "nothing", Want: "an export of the workbench"}, large(err))
		}
		if part.FormName() != "file" {
			continue
		}
		text, err := io.ReadAll(part) // first: whoever sends slowly must not hold the grader up
		if err != nil {
			if l := large(err); l != nil {
				return l
			}
			return &live.FieldError{Field: "file", Got: "half of a file: " + err.Error(), Want: "an export of the workbench; nothing was changed"}
		}
		err = s.alone(func() error { return s.cfg.Progress.Keeper.Import(r.Context(), bytes.NewReader(text)) })
		if err != nil {
			if errors.Is(err, progress.ErrParcel) {
				return &live.FieldError{Field: "file", Got: err.Error(), Want: "an export of the workbench; nothing was changed"}
			}
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/progress")
	}
}

// large returns the error of a body that was too large; nil: it was not.
func large(err error) error {
	var limit *http.MaxBytesError
	if errors.As(err, &limit) {
		return tooLarge(limit.Limit)
	}
	return nil
}

func (s *Server) forgetProgress(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	if get("sure") != "yes" {
		return &live.FieldError{Field: "sure", Got: "no tick", Want: "the tick that says that everything is to be deleted (sure=yes)"}
	}
	if err := s.alone(func() error { return s.cfg.Progress.Keeper.Forget(c.Request().Context()) }); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/progress")
}
