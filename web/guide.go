package web

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"workbench/docs/guide"
	"workbench/lab"
	"workbench/lab/live"
	"workbench/web/page"
	"workbench/web/view"
)

// Guide is what the guide's pages stand on.
type Guide struct {
	Book     guide.Book
	Patterns []lab.Pattern // for the links into the lab
}

// hits is how many places a search shows.
const hits = 20

func (s *Server) guideRoutes(e *echo.Echo) {
	if s.cfg.Guide == nil {
		return
	}
	s.index = s.cfg.Guide.Book.Index()
	e.GET("/guide", s.guideList)
	e.GET("/guide/:slug", s.guidePage)
}

// guideList shows the contents, and what a search has found.
func (s *Server) guideList(c echo.Context) error {
	v := view.GuideListOf(s.cfg.Guide.Book)
	v.Query = c.QueryParam("q")
	if v.Query != "" {
		for _, h := range s.index.Search(v.Query, hits) {
			title := h.Page
			if h.Section != "" {
				title += " · " + h.Section
			}
			v.Hits = append(v.Hits, view.GuideHit{Title: title, Excerpt: h.Excerpt, Path: h.Link})
		}
	}
	return s.html(c, http.StatusOK, page.GuideList(s.site(c, "Guide", ""), v))
}

func (s *Server) guidePage(c echo.Context) error {
	b, slug := s.cfg.Guide.Book, c.Param("slug")
	v, err := s.guidePageOf(b, slug)
	if err != nil {
		return err
	}
	v.Worker, v.Version = s.engine.Worker(), s.cfg.Version
	return s.html(c, http.StatusOK, page.GuidePage(s.site(c, v.Title, "guide.js"), v))
}

func (s *Server) guidePageOf(b guide.Book, slug string) (view.GuidePage, error) {
	if i := slices.IndexFunc(b.Chapters, func(o guide.Chapter) bool { return o.Slug == slug }); i >= 0 {
		v, err := view.ChapterOf(b, b.Chapters[i], s.cfg.Guide.Patterns, s.exerciseTitles())
		if s.cfg.Trials != nil {
			v = v.Runnable(slug)
			v.Trials = view.TrialLines(s.cfg.Trials.All, b.Chapters[i].Number)
		}
		return v, err
	}
	if i := slices.IndexFunc(b.Pages, func(o guide.Page) bool { return o.Slug == slug }); i >= 0 {
		return view.GuidePageOf(b, b.Pages[i])
	}
	return view.GuidePage{}, fmt.Errorf("%w: page %q of the guide", live.ErrUnknown, slug)
}

// exerciseTitles returns the titles of the exercises by their folders.
func (s *Server) exerciseTitles() map[string]string {
	out := map[string]string{}
	if s.cfg.Exercises == nil {
		return out
	}
	for _, e := range s.cfg.Exercises.Shelf.All() {
		out[e.Folder()] = e.Title
	}
	return out
}
