package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"workbench/lab/classics"
	"workbench/lab/proof"
	"workbench/lab/scenario"
	"workbench/lab/trace"
	"workbench/web/assets"
	"workbench/web/page"
	"workbench/web/report"
	"workbench/web/view"
)

// Site returns what a page at path needs to stand in, a further room's too.
// script names the page's module among the assets; empty: none.
func (s *Server) Site(path, title, script string) view.Site {
	v := view.Site{
		Title: title, Path: path, Style: s.assets.URL("app.css"), Theme: s.assets.URL("theme.js"),
	}
	if s.class != nil {
		if strings.HasPrefix(path, "/join/") {
			return v // who stands at the door can go nowhere else
		}
		v.Nav = append(v.Nav, view.Link{Title: "Classroom", Path: "/classroom"})
	}
	v.Nav = append(v.Nav, view.Link{Title: "Lab", Path: "/lab"})
	if s.cfg.Observe != nil {
		v.Nav = append(v.Nav, view.Link{Title: "Signals", Path: "/signals"})
	}
	if s.cfg.Guide != nil {
		v.Nav = append(v.Nav, view.Link{Title: "Guide", Path: "/guide"})
	}
	if s.cfg.Tracks != nil {
		v.Nav = append(v.Nav, view.Link{Title: "Tracks", Path: "/tracks"})
	}
	if s.cfg.Exercises != nil {
		v.Nav = append(v.Nav, view.Link{Title: "Exercises", Path: "/exercises"})
	}
	if s.cfg.Trials != nil {
		v.Nav = append(v.Nav, view.Link{Title: "Trials", Path: "/trials"})
	}
	if s.cfg.Rehearse != nil {
		v.Nav = append(v.Nav, view.Link{Title: "Rehearse", Path: "/rehearse"})
	}
	if s.cfg.Progress != nil {
		v.Nav = append(v.Nav, view.Link{Title: "Progress", Path: "/progress"})
	}
	for _, r := range s.cfg.Rooms {
		v.Nav = append(v.Nav, view.Link{Title: r.Title, Path: r.Path})
	}
	v.Nav = append(v.Nav, view.Link{Title: "Patterns", Path: "/patterns"}, view.Link{Title: "Runs", Path: "/runs"}, view.Link{Title: "Proof", Path: "/proof"})
	if script != "" {
		v.Script = s.assets.URL(script)
	}
	return v
}

func (s *Server) site(c echo.Context, title, script string) view.Site {
	return s.Site(c.Request().URL.Path, title, script)
}

// Render writes a page. It renders to a buffer first, so that a fault of a
// template is an error and not half a page, and it opens a session for a
// browser that has none, on a server that only this machine reaches.
func (s *Server) Render(w http.ResponseWriter, r *http.Request, status int, t templ.Component) error {
	var b bytes.Buffer
	if err := t.Render(r.Context(), &b); err != nil {
		return fmt.Errorf("render %s: %w", r.URL.Path, err)
	}
	if f := view.FormOf(r.Context()); f.Status != 0 {
		status = f.Status
	}
	if s.cfg.Loopback && s.cfg.Token == "" && !s.sessions.has(r) {
		s.sessions.grant(w, s.secure(r))
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := w.Write(b.Bytes()); err != nil {
		s.cfg.Log.Debug("page not written", "error", err)
	}
	return nil
}

func (s *Server) html(c echo.Context, status int, t templ.Component) error {
	return s.Render(c.Response(), c.Request(), status, t)
}

func (s *Server) home(c echo.Context) error { return s.lab(c, true) }

func (s *Server) labPage(c echo.Context) error { return s.lab(c, false) }

func (s *Server) lab(c echo.Context, first bool) error {
	runs, err := s.cfg.Lab.Runs(c.Request().Context())
	if err != nil {
		return err
	}
	state := s.cfg.Lab.State()
	v := view.LabOf(state, s.cfg.Lab.History(), runs[:min(len(runs), 8)])
	v.Site = s.site(c, "Lab", "lab.js")
	v.Site.Path = "/lab"
	v.First = first && !s.seated && !v.Veiled
	v.Watched = s.seated
	if query := c.QueryParams(); query.Has("scenario") && !s.seated {
		set, err := s.cfg.Lab.CheckLink(query.Encode())
		v.Ask = askOf(query.Encode(), set, err)
	}
	if spec, err := scenario.Find(state.Scenario); err == nil { // a learner's own file is not in the browser's engine
		v.Three = view.ThreeOf(spec, s.engine.Worker(), s.cfg.Version, s.engine.Packed())
	}
	if o := s.cfg.Observe; o != nil {
		v.Slowest = append([]view.TraceLine{}, view.SlowestOf(o.Traces().Store().List(trace.Query{Order: trace.Slowest, Limit: 5}), s.now())...)
	}
	var scenarios, presets []view.Option
	for _, one := range s.cfg.Scenarios {
		o := view.Option{Value: one.Name, Text: one.Title, Hint: one.Lesson}
		if one.Preset {
			presets = append(presets, o)
			continue
		}
		scenarios = append(scenarios, o)
	}
	if state.Scenario != "" && !slices.ContainsFunc(s.cfg.Scenarios, func(one Choice) bool { return one.Name == state.Scenario }) {
		// A rehearsal's, or a file of one's own: the box says what runs, too.
		scenarios = append([]view.Option{{Value: state.Scenario, Text: state.Title}}, scenarios...)
	}
	v.Scenarios, v.Presets = view.Pick(scenarios, state.Scenario), view.Pick(presets, state.Scenario)
	return s.html(c, http.StatusOK, page.Lab(v))
}

func (s *Server) runsPage(c echo.Context) error {
	runs, err := s.cfg.Lab.Runs(c.Request().Context())
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, page.Runs(s.site(c, "Runs", ""), view.RunsOf(runs), s.unread("run")))
}

// proofPage shows the kept runs that say what each scenario's pattern is worth.
func (s *Server) proofPage(c echo.Context) error {
	table, err := proof.Load()
	if err != nil {
		return err
	}
	specs, err := scenario.Embedded()
	if err != nil {
		return err
	}
	v, err := view.ProofOf(table, specs, s.cfg.Version)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, page.Proof(s.site(c, "Proof", ""), v))
}

// classicsPage shows published results and what the engine finds.
func (s *Server) classicsPage(c echo.Context) error {
	kept, err := proof.Figures()
	if err != nil {
		return err
	}
	v, err := view.ClassicsOf(classics.All(), kept, s.engine.Worker(), s.cfg.Version)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, page.Classics(s.site(c, "Classics", "classics.js"), v))
}

// report answers with a run as one file that needs nothing else. It carries
// its own style, so it has a policy of its own: that style and nothing more.
func (s *Server) report(c echo.Context) error {
	id, err := runID(c)
	if err != nil {
		return err
	}
	rep, err := s.cfg.Lab.Run(c.Request().Context(), id)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := report.Write(&b, id, rep); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", report.Policy()+"; frame-ancestors 'none'; sandbox")
	h.Set("Content-Disposition", `attachment; filename="run-`+strconv.FormatUint(id, 10)+`.html"`)
	h.Set("Cache-Control", "no-store")
	return c.HTMLBlob(http.StatusOK, b.Bytes())
}

func (s *Server) apiPage(c echo.Context) error {
	return s.html(c, http.StatusOK, page.API(s.site(c, "API", ""), apiRoutes()))
}

func (s *Server) about(c echo.Context) error {
	return s.html(c, http.StatusOK, page.About(s.site(c, "About", ""), s.cfg.Version, assets.Notice()))
}

func (s *Server) gallery(c echo.Context) error {
	v := view.Fixtures()
	return s.html(c, http.StatusOK, page.Gallery(s.site(c, "Gallery", ""), v))
}

// errorPage tells a person what a problem document tells a program.
func (s *Server) errorPage(c echo.Context, status int, p Problem) error {
	detail := view.Sentence(p.Detail)
	t := page.Problem(s.site(c, p.Title, ""), strconv.Itoa(status)+" "+p.Title, detail)
	var b bytes.Buffer
	if err := t.Render(context.WithoutCancel(c.Request().Context()), &b); err != nil {
		return fmt.Errorf("render the error page: %w", err)
	}
	return c.HTMLBlob(status, b.Bytes())
}
