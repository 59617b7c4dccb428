package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"workbench/lab/live"
	"workbench/sim/load"
)

// answer writes what holds after a change, or passes on why there was none.
func answer(c echo.Context, v any, err error) error {
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, v)
}

func (s *Server) getState(c echo.Context) error { return answer(c, s.cfg.Lab.State(), nil) }

// change decodes a body of type T and makes one change with it.
func change[T any](c echo.Context, optional bool, do func(context.Context, T) (live.State, error)) error {
	var body T
	r := c.Request()
	if err := decode(c.Response(), r, &body, optional); err != nil {
		return err
	}
	state, err := do(r.Context(), body)
	return answer(c, state, err)
}

func (s *Server) putPattern(c echo.Context) error {
	return change(c, false, func(ctx context.Context, body live.PatternChange) (live.State, error) {
		return s.cfg.Lab.SetPattern(ctx, c.Param("name"), body)
	})
}

// faultBody is the body of PUT /api/lab/faults/{name}. Its On hides that of the
// change: what is left out would else end the fault.
type faultBody struct {
	On *bool `json:"on"`
	live.FaultChange
}

func (s *Server) putFault(c echo.Context) error {
	return change(c, false, func(ctx context.Context, body faultBody) (live.State, error) {
		if body.On == nil {
			return live.State{}, &live.FieldError{Field: "on", Got: "nothing", Want: "true to begin the fault or false to end it"}
		}
		body.FaultChange.On = *body.On
		return s.cfg.Lab.SetFault(ctx, c.Param("name"), body.FaultChange)
	})
}

func (s *Server) putTraffic(c echo.Context) error { return change(c, false, s.cfg.Lab.SetTraffic) }

// postSpike plays the scenario's own event when the body is empty.
func (s *Server) postSpike(c echo.Context) error {
	return change(c, true, func(ctx context.Context, body load.Spike) (live.State, error) { return s.cfg.Lab.Spike(ctx, body) })
}

func (s *Server) postScenario(c echo.Context) error { return change(c, false, s.cfg.Lab.Load) }

// prediction is the body of POST /api/lab/prediction.
type prediction struct {
	Choice *int `json:"choice"`
}

func (s *Server) postPrediction(c echo.Context) error {
	return change(c, false, func(ctx context.Context, body prediction) (live.State, error) {
		if body.Choice == nil {
			return live.State{}, &live.FieldError{Field: "choice", Got: "nothing", Want: "the number of an answer, from 0"}
		}
		return s.cfg.Lab.Predict(ctx, *body.Choice)
	})
}

func (s *Server) getRuns(c echo.Context) error {
	runs, err := s.cfg.Lab.Runs(c.Request().Context())
	if runs == nil {
		runs = []live.RunSummary{}
	}
	return answer(c, runs, err)
}

func (s *Server) getRun(c echo.Context) error {
	id, err := runID(c)
	if err != nil {
		return err
	}
	report, err := s.cfg.Lab.Run(c.Request().Context(), id)
	return answer(c, report, err)
}

func runID(c echo.Context) (uint64, error) {
	id, err := strconv.ParseUint(c.Param("id"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: run %q is not a number", live.ErrUnknown, c.Param("id"))
	}
	return id, nil
}

// ready answers 200 once a scenario runs.
func (s *Server) ready(c echo.Context) error {
	if s.cfg.Lab.State().Phase == "starting" {
		return live.ErrStarting
	}
	return c.String(http.StatusOK, "ready\n")
}

// stream opens an event stream; see wire.go for what it says.
func (s *Server) stream(c echo.Context) error {
	reader, err := s.hub.Join()
	if err != nil {
		return err
	}
	defer reader.Leave()
	s.feed.enter()
	defer s.feed.leave()
	first, err := s.feed.first()
	if err != nil {
		return err
	}
	// Not to c.Response(): echo's Flush drops the error by which a reader that
	// does not read is known.
	err = reader.Serve(c.Request().Context(), c.Response().Writer, s.cfg.Clock, first)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.cfg.Log.Debug("event stream ended", "error", err)
	}
	return nil
}
