package instance

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"workbench/lab"
	"workbench/lab/fleet"
)

// headerSession is what the balancer says of a user's session.
const headerSession = "Workbench-Session"

// Drain makes the instance say that it is ready, or that it is not: the first
// step of a graceful end. It goes on serving what comes.
func (i *Instance) Drain(on bool) { i.drains.Store(on) }

// ready answers a health check.
func (i *Instance) ready(c echo.Context) error {
	if i.drains.Load() {
		return c.JSON(http.StatusServiceUnavailable, map[string]string{"status": "draining", "instance": i.cfg.Name})
	}
	return c.JSON(http.StatusOK, map[string]string{"status": "ready", "instance": i.cfg.Name})
}

// lost reports whether a request needs a session that is not here.
func (i *Instance) lost(c echo.Context, r *lab.Request) bool {
	if i.cfg.Session == nil {
		return false
	}
	how := fleet.ParseSession(header(c.Request().Header, headerSession))
	return how != fleet.None && i.cfg.Session(r.User, how)
}
