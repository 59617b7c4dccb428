package web

import (
	"context"

	"github.com/labstack/echo/v4"

	"workbench/lab/live"
)

// teamRoutes names the addresses by which the service is scaled out.
func (s *Server) teamRoutes(e *echo.Echo) {
	e.PUT("/api/lab/instances", func(c echo.Context) error { return change(c, false, s.cfg.Lab.SetInstances) })
	e.PUT("/api/lab/instances/:name", func(c echo.Context) error {
		return change(c, false, func(ctx context.Context, body live.InstanceChange) (live.State, error) {
			return s.cfg.Lab.SetInstance(ctx, c.Param("name"), body)
		})
	})
	e.PUT("/api/lab/balancer", func(c echo.Context) error { return change(c, false, s.cfg.Lab.SetBalancer) })
	e.PUT("/api/lab/autoscaler", func(c echo.Context) error { return change(c, false, s.cfg.Lab.SetAutoscaler) })
}
