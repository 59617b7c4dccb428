package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"workbench/lab/journal"
	"workbench/lab/live"
	"workbench/lab/trace"
	"workbench/web/page"
	"workbench/web/view"
)

// Observe is what the pages about what is seen of the service stand on: a
// *live.Lab.
type Observe interface {
	Signals
	Traces() *trace.Tracer
	Journal() *journal.Journal
	SetTracing(trace.Settings) error
	SetLogging(journal.Settings) error
}

func (s *Server) observeRoutes(e *echo.Echo) {
	if s.cfg.Observe == nil {
		return
	}
	e.GET("/traces", s.tracesPage)
	e.POST("/traces/settings", s.formed("/traces", s.tracesPage, s.postTracing))
	e.GET("/traces/:id", s.tracePage)
	e.GET("/logs", s.logsPage)
	e.POST("/logs/settings", s.formed("/logs", s.logsPage, s.postLogging))
	e.GET("/api/traces", s.getTraces)
	e.GET("/api/traces/:id", s.getTrace)
	e.GET("/api/logs", s.getLogs)
	e.GET("/api/logs/stream", s.logStream)
}

// seen is a page about what is seen of the service.
func (s *Server) seen(c echo.Context, title, script string) view.Site {
	v := s.site(c, title, script)
	v.Path = "/signals" // one room of the navigation, several pages
	return v
}

// traceQuery reads which traces are asked for.
func traceQuery(c echo.Context) (trace.Query, error) {
	q := trace.Query{Order: trace.Latest, Op: c.QueryParam("op"), Where: c.QueryParam("instance"), About: strings.TrimSpace(c.QueryParam("order"))}
	switch show := c.QueryParam("show"); show {
	case "", "latest":
	case "slowest":
		q.Order = trace.Slowest
	case "failed":
		q.Failed = true
	default:
		return q, &live.FieldError{Field: "show", Got: strconv.Quote(show), Want: "latest, slowest or failed"}
	}
	return q, nil
}

func (s *Server) tracesPage(c echo.Context) error {
	q, err := traceQuery(c)
	if err != nil {
		return err
	}
	t := s.cfg.Observe.Traces()
	show := c.QueryParam("show")
	v := view.TracesOf(t.Store().List(q), t.Store().Counts(), t.Settings(), q, show, s.now())
	return s.html(c, http.StatusOK, page.Traces(s.seen(c, "Traces", ""), v))
}

// traceOf returns the trace that an address names.
func (s *Server) traceOf(c echo.Context) (trace.Trace, error) {
	id, err := trace.ParseID(c.Param("id"))
	if err != nil {
		return trace.Trace{}, &live.FieldError{Field: "id", Got: strconv.Quote(c.Param("id")), Want: "the 32 hexadecimal digits of a trace"}
	}
	t, found := s.cfg.Observe.Traces().Store().Get(id)
	if !found {
		return t, fmt.Errorf("%w: trace %v; it was not kept, or newer ones have pushed it out", live.ErrUnknown, id)
	}
	return t, nil
}

func (s *Server) tracePage(c echo.Context) error {
	t, err := s.traceOf(c)
	if err != nil {
		return err
	}
	lines := s.cfg.Observe.Journal().List(journal.Query{Trace: t.ID.String()})
	v := view.TraceOf(t, s.cfg.Observe.Traces().Store().Linked(t.ID), lines)
	return s.html(c, http.StatusOK, page.Trace(s.seen(c, "Trace", ""), v))
}

func (s *Server) getTraces(c echo.Context) error {
	q, err := traceQuery(c)
	if err != nil {
		return err
	}
	store := s.cfg.Observe.Traces().Store()
	return answer(c, map[string]any{"traces": store.List(q), "counts": store.Counts(), "settings": s.cfg.Observe.Traces().Settings()}, nil)
}

func (s *Server) getTrace(c echo.Context) error {
	t, err := s.traceOf(c)
	return answer(c, t, err)
}

// share reads a percentage of a form.
func share(name, text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%")), 64)
	if err != nil || !(v >= 0 && v <= 100) {
		return 0, &live.FieldError{Field: name, Got: strconv.Quote(text), Want: "a percentage from 0 to 100"}
	}
	return v / 100, nil
}

// either lists words to choose from, as one reads them.
func either[T ~string](all []T) string {
	var b strings.Builder
	for i, one := range all {
		switch {
		case i > 0 && i == len(all)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(one))
	}
	return b.String()
}

func (s *Server) postTracing(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	set := trace.Settings{On: get("on") != "", Tail: get("tail") != ""}
	if set.Share, err = share("share", get("share")); err != nil {
		return err
	}
	ms, err := strconv.ParseFloat(strings.TrimSpace(get("slow_ms")), 64)
	if err != nil || !(ms >= 0 && ms <= 60_000) {
		return &live.FieldError{Field: "slow_ms", Got: strconv.Quote(get("slow_ms")), Want: "milliseconds from 0 (no request is slow) to 60000"}
	}
	set.Slow = time.Duration(ms * float64(time.Millisecond))
	if err := s.cfg.Observe.SetTracing(set); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/traces")
}

// logQuery reads which lines are asked for.
func logQuery(c echo.Context) (journal.Query, error) {
	q := journal.Query{Trace: strings.TrimSpace(c.QueryParam("trace")), Instance: c.QueryParam("instance"), Outcome: c.QueryParam("outcome"), Order: strings.TrimSpace(c.QueryParam("order"))}
	if text := c.QueryParam("level"); text != "" {
		var level slog.Level
		if err := level.UnmarshalText([]byte(text)); err != nil {
			return q, &live.FieldError{Field: "level", Got: strconv.Quote(text), Want: "debug, info, warn or error"}
		}
		q.Level = &level
	}
	return q, nil
}

func (s *Server) logsPage(c echo.Context) error {
	q, err := logQuery(c)
	if err != nil {
		return err
	}
	j := s.cfg.Observe.Journal()
	var instances []string
	for _, n := range s.cfg.Lab.State().Nodes {
		if n.Kind == "instance" {
			instances = append(instances, n.ID)
		}
	}
	lines := j.List(q)
	v := view.LogsOf(lines, j.Counts(), j.Settings(), q, c.QueryParam("level"), instances)
	for i, l := range lines {
		v.Lines[i].Got(l.Outcome, s.got(l))
	}
	return s.html(c, http.StatusOK, page.Logs(s.seen(c, "Logs", "watch.js"), v))
}

func (s *Server) getLogs(c echo.Context) error {
	q, err := logQuery(c)
	if err != nil {
		return err
	}
	j := s.cfg.Observe.Journal()
	lines := j.List(q)
	if lines == nil {
		lines = []journal.Line{}
	}
	return answer(c, map[string]any{"lines": lines, "counts": j.Counts(), "settings": j.Settings()}, nil)
}

func (s *Server) postLogging(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	set := journal.Settings{Mode: journal.Mode(get("mode"))}
	if !slices.Contains(journal.Modes(), set.Mode) {
		return &live.FieldError{Field: "mode", Got: strconv.Quote(get("mode")), Want: either(journal.Modes())}
	}
	if set.Share, err = share("share", get("share")); err != nil {
		return err
	}
	if err := s.cfg.Observe.SetLogging(set); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/logs")
}

// got returns what a line's user got, as far as its trace was kept and says so.
func (s *Server) got(l journal.Line) string {
	id, err := trace.ParseID(l.Trace)
	if err != nil {
		return "" // a line without a trace
	}
	t, _ := s.cfg.Observe.Traces().Store().Get(id)
	return t.User
}

// logStream tells the lines that a query chooses as they are written.
func (s *Server) logStream(c echo.Context) error {
	q, err := logQuery(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	lines := s.cfg.Observe.Journal().Watch(ctx)
	return s.tell(c, "line", func() (any, bool) {
		for {
			select {
			case l, more := <-lines:
				if !more || q.Match(l) {
					return view.LineOf(l), more
				}
			case <-s.ending:
				return nil, false
			}
		}
	})
}

// tell writes events of one kind, as JSON, until next has no more or the
// reader goes.
func (s *Server) tell(c echo.Context, kind string, next func() (any, bool)) error {
	w := c.Response()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	if _, err := fmt.Fprint(w, "retry: 1000\n\n"); err != nil || control.Flush() != nil {
		return nil // the reader has gone
	}
	for {
		event, more := next()
		if !more {
			return nil
		}
		data, err := json.Marshal(event)
		if err != nil {
			return fmt.Errorf("stream: %w", err)
		}
		if err := control.SetWriteDeadline(s.cfg.Clock.Date(s.cfg.Clock.Now() + patience)); err != nil {
			return fmt.Errorf("stream: %w", err)
		}
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, data); err != nil || control.Flush() != nil {
			return nil
		}
	}
}

// patience is how long a reader of a stream may leave one write pending.
const patience = 10 * time.Second
