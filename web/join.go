package web

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"workbench/lab/join"
)

// The largest bodies of instances in other processes: reports hold up to
// join.MaxAnswers answers, spans of trace.MaxSentBytes and lines of
// journal.MaxCarriedBytes, calls a request's own body.
const (
	maxReport = 4 << 20
	maxCall   = 192 << 10
)

// joinRoutes names the addresses for instances in other processes. Those who call
// them have the lab's session or its token, as for any change, and after their
// welcome a key of their own.
func (s *Server) joinRoutes(e *echo.Echo) {
	if s.cfg.Join == nil {
		return
	}
	e.POST("/api/lab/instances", func(c echo.Context) error {
		var h join.Hello
		if err := decode(c.Response(), c.Request(), &h, false); err != nil {
			return err
		}
		w, err := s.cfg.Join.Join(c.Request().Context(), h)
		if err != nil {
			return err
		}
		c.Response().Header().Set("Cache-Control", "no-store")
		return c.JSON(http.StatusCreated, w)
	})
	e.POST("/api/lab/instances/:name/sync", func(c echo.Context) error {
		var r join.Report
		if err := decodeUpTo(c.Response(), c.Request(), &r, maxReport); err != nil {
			return err
		}
		p, err := s.cfg.Join.Sync(c.Request().Context(), member(c), r)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, p)
	})
	e.POST("/api/lab/instances/:name/work", s.postWork)
}

func member(c echo.Context) join.Member {
	return join.Member{Name: c.Param("name"), Key: c.Request().Header.Get(join.KeyHeader)}
}

// postWork does a request's work. How long that may take is what the lab is
// about, so the server's own limits end once the call has been read.
func (s *Server) postWork(c echo.Context) error {
	var call join.Call
	if err := decodeUpTo(c.Response(), c.Request(), &call, maxCall); err != nil {
		return err
	}
	control := http.NewResponseController(c.Response())
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("free the time to work: %w", err)
	}
	if err := control.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("free the time to answer: %w", err)
	}
	res, err := s.cfg.Join.Work(c.Request().Context(), member(c), call)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, res)
}
