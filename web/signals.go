package web

import (
	"context"
	"fmt"
	"math/bits"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"workbench/exercises/progress"
	"workbench/lab/incident"
	"workbench/lab/live"
	"workbench/lab/series"
	"workbench/lab/signal"
	"workbench/lab/trace"
	"workbench/web/page"
	"workbench/web/view"
)

// Signals is what the pages of figures, alerts and rehearsals stand on: a
// *live.Lab.
type Signals interface {
	Signals(seconds int) []signal.Window
	Alarm() live.Alarm
	SetAlarm(objective, share float64) error
	Series() *series.Series
	Ready() (<-chan struct{}, func()) // told after each second's window
	Incident() incident.View
	StartIncident(ctx context.Context, seed uint64) (incident.View, error)
	SeeIncident() (bool, error)
	AnswerIncident(cause, fix string) (right, mended bool, err error)
	EndIncident(context.Context)
}

// IncidentLister lists the rehearsals that were held: a *progress.Progress.
type IncidentLister interface {
	Incidents(context.Context) ([]progress.Incident, error)
}

func (s *Server) signalRoutes(e *echo.Echo) {
	if s.cfg.Observe == nil {
		return
	}
	e.GET("/signals", s.signalsPage)
	e.GET("/api/signals/stream", s.signalStream)
	e.GET("/alerts", s.alertsPage)
	e.POST("/alerts/settings", s.formed("/alerts", s.alertsPage, s.postAlarm))
	e.GET("/api/alerts/stream", s.alarmStream)
	e.GET("/series", s.seriesPage)
	e.POST("/series/settings", s.formed("/series", s.seriesPage, s.postSeries))
	e.GET("/api/series/stream", s.seriesStream)
	e.GET("/incident", s.incidentPage)
	e.GET("/api/incident", func(c echo.Context) error { return answer(c, s.cfg.Observe.Incident(), nil) })
	e.POST("/incident/start", s.formed("/incident", s.incidentPage, s.startIncident))
	e.POST("/incident/seen", s.formed("/incident", s.incidentPage, s.seeIncident))
	e.POST("/incident/answer", s.formed("/incident", s.incidentPage, s.answerIncident))
	e.POST("/incident/end", s.endIncident)
}

// minute is how many seconds of figures a page looks back.
const minute = 60

func (s *Server) signalsPage(c echo.Context) error {
	v := view.SignalsOf(s.cfg.Observe.Signals(minute))
	v.Slowest = view.SlowestOf(s.cfg.Observe.Traces().Store().List(trace.Query{Order: trace.Slowest, Limit: 5}), s.now())
	return s.html(c, http.StatusOK, page.Signals(s.seen(c, "Signals", "watch.js"), v))
}

// figures streams what has changed on a page, once a second. shape is that of
// the page that asks, and the page is told to load anew when its rows have
// changed; empty: it has no shape.
func (s *Server) figures(c echo.Context, shape string, make func() (figures map[string]string, shape string)) error {
	ready, stop := s.cfg.Observe.Ready()
	defer stop()
	gone := c.Request().Context().Done()
	last := map[string]string{}
	return s.tell(c, "figures", func() (any, bool) {
		for {
			select {
			case <-ready:
			case <-gone:
				return nil, false
			case <-s.ending:
				return nil, false
			}
			now, is := make()
			out := map[string]string{}
			for k, v := range now {
				if last[k] != v {
					out[k] = v
				}
			}
			if shape != "" && is != shape {
				out["reload"] = is
			}
			last = now
			if len(out) > 0 {
				return out, true
			}
		}
	})
}

func (s *Server) signalStream(c echo.Context) error {
	return s.figures(c, c.QueryParam("shape"), func() (map[string]string, string) {
		v := view.SignalsOf(s.cfg.Observe.Signals(minute))
		return v.Figures(), v.Shape
	})
}

func (s *Server) alertsPage(c echo.Context) error {
	return s.html(c, http.StatusOK, page.Alarm(s.seen(c, "Alerts", "watch.js"), view.AlarmOf(s.cfg.Observe.Alarm())))
}

func (s *Server) alarmStream(c echo.Context) error {
	return s.figures(c, c.QueryParam("shape"), func() (map[string]string, string) {
		v := view.AlarmOf(s.cfg.Observe.Alarm())
		return v.Figures(), v.Shape
	})
}

func (s *Server) postAlarm(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	objective, err := share("objective", get("objective"))
	if err != nil {
		return err
	}
	limit, err := share("share", get("share"))
	if err != nil {
		return err
	}
	if err := s.cfg.Observe.SetAlarm(objective, limit); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/alerts")
}

func (s *Server) seriesPage(c echo.Context) error {
	b := s.cfg.Observe.Series()
	return s.html(c, http.StatusOK, page.Bomb(s.seen(c, "Series", "watch.js"), view.BombOf(b.Settings(), b.Points())))
}

func (s *Server) seriesStream(c echo.Context) error {
	return s.figures(c, "", func() (map[string]string, string) {
		b := s.cfg.Observe.Series()
		return view.BombOf(b.Settings(), b.Points()).Figures(), ""
	})
}

func (s *Server) postSeries(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	limit, err := strconv.Atoi(strings.TrimSpace(get("limit")))
	if err != nil || limit < 1 || limit > series.MaxSeries {
		return &live.FieldError{Field: "limit", Got: strconv.Quote(get("limit")), Want: fmt.Sprintf("a whole number from 1 to %d", series.MaxSeries)}
	}
	if err := s.cfg.Observe.Series().Set(series.Settings{On: get("on") != "", Guard: get("guard") != "", Limit: limit}); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/series")
}

// incidentWords says what a form of the rehearsal has led to.
func incidentWords(said string) string {
	return map[string]string{
		"early":  "As far as is known, nothing is wrong yet: a false alarm.",
		"seen":   "Noted. Now: what is it, and what helps?",
		"wrong":  "It goes on: neither is that the cause, nor does that help.",
		"named":  "That is the cause, but what you did does not help.",
		"mended": "What you did helps, but the cause is another.",
	}[said]
}

func (s *Server) incidentPage(c echo.Context) error {
	var past []progress.Incident
	if s.cfg.Incidents != nil {
		var err error
		if past, err = s.cfg.Incidents.Incidents(c.Request().Context()); err != nil {
			return err
		}
	}
	v := view.IncidentOf(s.cfg.Observe.Incident(), incidentWords(c.QueryParam("said")), past)
	return s.html(c, http.StatusOK, page.Incident(s.seen(c, "Incident", ""), v))
}

func (s *Server) startIncident(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	// By chance: the clock's low digits, turned about so that neighbours differ.
	seed := bits.Reverse64(uint64(s.now().UnixNano())) >> 32
	if text := strings.TrimSpace(get("seed")); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return &live.FieldError{Field: "seed", Got: strconv.Quote(text), Want: "a whole number, or nothing"}
		}
	}
	if _, err := s.cfg.Observe.StartIncident(c.Request().Context(), seed); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/incident")
}

func (s *Server) seeIncident(c echo.Context) error {
	ok, err := s.cfg.Observe.SeeIncident()
	if err != nil {
		return err
	}
	if !ok {
		return c.Redirect(http.StatusSeeOther, "/incident?said=early")
	}
	return c.Redirect(http.StatusSeeOther, "/incident?said=seen")
}

func (s *Server) answerIncident(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	for _, one := range [][2]string{{"cause", "what it is"}, {"fix", "what helps"}} {
		if get(one[0]) == "" {
			return &live.FieldError{Field: one[0], Got: "nothing", Want: "one of the list of " + one[1]}
		}
	}
	right, mended, err := s.cfg.Observe.AnswerIncident(get("cause"), get("fix"))
	if err != nil {
		return err
	}
	said := "wrong"
	switch {
	case right && mended:
		said = ""
	case right:
		said = "named"
	case mended:
		said = "mended"
	}
	return c.Redirect(http.StatusSeeOther, "/incident?said="+said)
}

func (s *Server) endIncident(c echo.Context) error {
	s.cfg.Observe.EndIncident(c.Request().Context())
	return c.Redirect(http.StatusSeeOther, "/incident")
}
