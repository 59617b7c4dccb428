package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

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

// onlyLive returns what of a link no other engine than the lab has, or nil.
func onlyLive(query url.Values) error {
	var faults []error
	wrong := func(field, got, want string) {
		faults = append(faults, &live.FieldError{Field: field, Got: strconv.Quote(got), Want: want})
	}
	for _, v := range query["yours"] {
		wrong("yours", v, "on: virtual time plays the workbench’s own patterns")
	}
	for _, v := range query["drain"] {
		wrong("drain", v, "nobody: no instance is drained by hand in virtual time")
	}
	for _, v := range query["set"] {
		if strings.HasPrefix(v, "database.") {
			wrong("set", v, "a pattern, balancer or autoscaler: virtual time has one database without replicas")
		}
	}
	return errors.Join(faults...)
}

// flagsOf returns a link's settings as on the command line. What they mean in
// the scenario is for the engine to check.
func flagsOf(query url.Values) ([]string, error) {
	flags := []string{}
	for _, name := range []string{"variant", "seed", "scale", "users", "duration", "instances", "traffic", "on", "shadow", "off", "set", "fault"} {
		for _, value := range query[name] {
			flags = append(flags, "--"+name+"="+value)
		}
	}
	for _, list := range query["down"] {
		for name := range strings.SplitSeq(list, ",") {
			flags = append(flags, "--fault=instance-kill:target="+name)
		}
	}
	if err := onlyLive(query); err != nil {
		return nil, err
	}
	if _, err := scenario.ParseFlags(flags); err != nil {
		return nil, fmt.Errorf("%w: %w", live.ErrInvalid, err)
	}
	return flags, nil
}
