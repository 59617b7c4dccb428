package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// routes names every address of the lab.
func (s *Server) routes() {
	e := s.echo
	e.GET("/", s.home)
	e.GET("/lab", s.labPage)
	e.GET("/patterns", s.patternsPage)
	e.GET("/patterns/:name", s.patternPage)
	e.GET("/runs", s.runsPage)
	e.GET("/runs/:id/report", s.report)
	e.GET("/proof", s.proofPage)
	e.GET("/classics", s.classicsPage)
	e.GET("/replay", s.replayPage)
	e.GET("/api", s.apiPage)
	e.GET("/gallery", s.gallery)
	e.GET("/about", s.about)

	e.GET("/api/lab", s.getState)
	e.GET("/api/lab/stream", s.stream)
	e.PUT("/api/lab/patterns/:name", s.putPattern)
	e.PUT("/api/lab/faults/:name", s.putFault)
	e.PUT("/api/lab/traffic", s.putTraffic)
	s.teamRoutes(e)
	s.joinRoutes(e)
	e.POST("/api/lab/spike", s.postSpike)
	e.POST("/api/lab/scenario", s.postScenario)
	e.POST("/api/lab/prediction", s.postPrediction)
	e.GET("/api/runs", s.getRuns)
	e.GET("/api/runs/:id", s.getRun)

	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", s.ready)
	e.GET("/metrics", echo.WrapHandler(s.cfg.Lab.Metrics()))
	e.GET("/favicon.ico", echo.WrapHandler(s.assets.Icon()))
	e.GET("/assets/*", echo.WrapHandler(s.assets))
	e.GET("/engine/*", echo.WrapHandler(s.engine))
	s.guideRoutes(e)
	s.exerciseRoutes(e)
	s.rehearseRoutes(e)
	s.progressRoutes(e)
	s.trackRoutes(e)
	s.trialRoutes(e)
	s.classRoutes(e)
	s.observeRoutes(e)
	s.signalRoutes(e)
	for _, room := range s.cfg.Rooms {
		handler := echo.WrapHandler(room.Open(s))
		for _, path := range append([]string{room.Path}, room.API...) {
			e.Any(path, handler)
			e.Any(path+"/*", handler)
		}
	}
}

// fail answers a request that ended in an error: a problem document for
// programs, a page for people.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return // a stream that broke off; there is nobody to tell
	}
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		s.cfg.Log.Error("request failed", "method", c.Request().Method, "route", c.Path(), "error", err)
	}
	r := c.Request()
	if !strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html") {
		if s.errorPage(c, status, problemOf(err)) == nil {
			return
		}
	}
	s.refuse(c.Response(), err)
}
