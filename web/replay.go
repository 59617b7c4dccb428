package web

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/web/page"
	"workbench/web/view"
)

// replayPage shows a scenario that the reader's browser plays. Its address is
// that of a shared link: scenario, seed, scale, and what is in the path.
func (s *Server) replayPage(c echo.Context) error {
	query := c.QueryParams()
	name := query.Get("scenario")
	if name == "" {
		name = scenario.Names()[0]
	}
	spec, err := scenario.Find(name)
	if err != nil {
		return err
	}
	flags, err := flagsOf(query)
	if err != nil {
		return err
	}
	query.Set("scenario", name)
	v, err := view.ReplayOf(spec, flags, query.Encode(), s.engine.Worker(), s.cfg.Version, s.engine.Packed())
	if err != nil {
		return err
	}
	for _, one := range s.cfg.Scenarios {
		if !one.Preset {
			v.Options = append(v.Options, view.Option{Value: one.Name, Text: one.Title})
		}
	}
	return s.html(c, http.StatusOK, page.Replay(s.site(c, "Replay", "replay.js"), v))
}

// flagsOf returns a link's settings as on the command line. What they mean in
// the scenario is for the engine to check.
func flagsOf(query url.Values) ([]string, error) {
	flags := []string{}
	for _, name := range []string{"variant", "seed", "scale", "duration", "on", "shadow", "off", "set"} {
		for _, value := range query[name] {
			flags = append(flags, "--"+name+"="+value)
		}
	}
	if _, err := scenario.ParseFlags(flags); err != nil {
		return nil, fmt.Errorf("%w: %w", live.ErrInvalid, err)
	}
	return flags, nil
}
