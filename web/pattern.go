package web

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/lab/system/kind"
	"workbench/web/page"
	"workbench/web/view"
)

// patternsPage lists the whole catalog: what the running service has with its
// state, and the rest with where it is to be found.
func (s *Server) patternsPage(c echo.Context) error {
	state := s.cfg.Lab.State()
	var all []view.Switch
	for _, p := range s.cfg.Patterns {
		if !slices.ContainsFunc(state.Patterns, named(p.Name)) {
			away, err := s.away(p, state)
			if err != nil {
				return err
			}
			all = append(all, view.Absent(p, away).Switch)
			continue
		}
		all = append(all, view.SwitchOf(state.Patterns[slices.IndexFunc(state.Patterns, named(p.Name))], 0, ""))
	}
	for _, p := range state.Patterns { // what no catalog has, as on a server without one
		if !slices.ContainsFunc(s.cfg.Patterns, func(have lab.Pattern) bool { return have.Name == p.Name }) {
			all = append(all, view.SwitchOf(p, 0, ""))
		}
	}
	return s.html(c, http.StatusOK, page.Patterns(s.site(c, "Patterns", ""), all))
}

func named(name string) func(live.PatternState) bool {
	return func(p live.PatternState) bool { return p.Name == name }
}

// patternPage shows a pattern, or its documentation alone as plain text to a
// program that asks for it.
func (s *Server) patternPage(c echo.Context) error {
	v, err := s.pattern(c.Param("name"))
	if err != nil {
		return err
	}
	doc := ""
	if s.cfg.Doc != nil {
		doc, _ = s.cfg.Doc(c.Param("name"))
	}
	if c.Request().Header.Get("Accept") == "text/plain" {
		return c.String(http.StatusOK, doc)
	}
	v.Doc = view.Paragraphs(doc)
	return s.html(c, http.StatusOK, page.Pattern(s.site(c, v.Switch.Title, ""), v))
}

// pattern returns what is shown of a pattern, without its documentation.
func (s *Server) pattern(name string) (view.Pattern, error) {
	state := s.cfg.Lab.State()
	if i := slices.IndexFunc(state.Patterns, named(name)); i >= 0 {
		return view.PatternOf(state.Patterns[i], ""), nil
	}
	for _, p := range s.cfg.Patterns {
		if p.Name != name {
			continue
		}
		away, err := s.away(p, state)
		return view.Absent(p, away), err
	}
	return view.Pattern{}, fmt.Errorf("%w: pattern %q", live.ErrUnknown, name)
}

// away says where a pattern is that the running service does not have: in the
// scenarios that teach it, else in those of a service that has it.
func (s *Server) away(p lab.Pattern, state live.State) (view.Away, error) {
	specs, err := scenario.Embedded()
	if err != nil {
		return view.Away{}, err
	}
	has := slices.DeleteFunc(slices.Clone(specs), func(spec scenario.Spec) bool {
		return !slices.ContainsFunc(kind.Patterns(spec.System), func(one lab.Pattern) bool { return one.Name == p.Name })
	})
	teach := slices.DeleteFunc(slices.Clone(has), func(spec scenario.Spec) bool { return spec.Teaches != p.Name })
	if len(teach) > 0 {
		has = teach
	}
	return view.AwayOf(has, len(state.Patterns) > 0), nil
}
