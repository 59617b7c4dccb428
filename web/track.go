package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"workbench/docs/track"
	"workbench/lab"
	"workbench/lab/live"
	"workbench/web/page"
	"workbench/web/view"
)

// Tracks is what the tracks' pages stand on, beside the exercises and the
// rehearsal.
type Tracks struct {
	All      []track.Track
	Patterns []lab.Pattern // for the links into the lab
}

func (s *Server) trackRoutes(e *echo.Echo) {
	if s.cfg.Tracks == nil {
		return
	}
	e.GET("/tracks", s.tracksPage)
	e.GET("/tracks/:name", s.trackPage)
}

func (s *Server) tracksPage(c echo.Context) error {
	r, err := s.record(c.Request().Context(), s.cfg.Tracks.Patterns)
	if err != nil {
		return err
	}
	v, err := view.TracksOf(s.cfg.Tracks.All, r)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, page.Tracks(s.site(c, "Tracks", ""), v))
}

func (s *Server) trackPage(c echo.Context) error {
	i := slices.IndexFunc(s.cfg.Tracks.All, func(t track.Track) bool { return t.Name == c.Param("name") })
	if i < 0 {
		return fmt.Errorf("%w: track %q", live.ErrUnknown, c.Param("name"))
	}
	t := s.cfg.Tracks.All[i]
	estimate, err := estimateOf(c, t.Estimate)
	if err != nil {
		return err
	}
	r, err := s.record(c.Request().Context(), s.cfg.Tracks.Patterns)
	if err != nil {
		return err
	}
	v, err := view.TrackOf(t, estimate, r)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, page.Track(s.site(c, t.Title, ""), v))
}

// estimateOf reads the calculator's numbers from the address, over a track's
// own.
func estimateOf(c echo.Context, e track.Estimate) (track.Estimate, error) {
	for name, into := range map[string]*float64{"users": &e.Users, "per_user": &e.PerUser, "peak": &e.Peak, "ms": &e.Millis, "per_box": &e.PerBox, "busy_share": &e.Headroom} {
		text := strings.ReplaceAll(strings.TrimSpace(c.QueryParam(name)), ",", "")
		if text == "" {
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return e, &live.FieldError{Field: name, Got: strconv.Quote(text), Want: "a number"}
		}
		*into = v
	}
	return e, nil
}
