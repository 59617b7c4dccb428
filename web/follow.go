package web

import (
	"context"
	"errors"
	"strings"

	"workbench/exercises/classroom"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/web/view"
)

// waitForRun is how many states after a measurement the run may take to be
// kept, before the round goes on without it.
const waitForRun = 10

// follow moves the round on by what the lab shows, whoever has caused it: a
// teacher who presses Spike in the lab plays the round as well.
func (c *class) follow(ctx context.Context, events <-chan live.Event) {
	defer close(c.ended)
	var played uint64 // the lab's run in which the round is played
	states := 0       // since it was measured
	for e := range events {
		if e.State == nil || e.State.Run < c.since.Load() {
			continue
		}
		r, ok, err := c.cfg.Class.Round(ctx)
		if err != nil || !ok {
			if err != nil && ctx.Err() == nil {
				c.server.cfg.Log.Error("round not read", "error", err)
			}
			continue
		}
		switch r.State {
		case classroom.Before:
			played, states = 0, 0
			if e.State.Scenario == r.Scenario && e.State.Predict != nil && e.State.Predict.Locked && e.State.Predict.Value == nil {
				err = c.cfg.Class.Play(ctx, r.ID)
				c.changed(true)
			}
		case classroom.Playing:
			if played == 0 {
				played = e.State.Run
			}
			states++
			var moved bool
			moved, err = c.watch(ctx, r, *e.State, played, &states)
			if moved {
				played = 0
				c.changed(true)
			}
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, classroom.ErrRound) {
			c.server.cfg.Log.Error("round not moved on", "round", r.ID, "error", err)
		}
	}
}

// watch looks at a lab in which a round is played, and reports whether the round
// has moved on: because it was measured, or because it was given up.
func (c *class) watch(ctx context.Context, r classroom.Round, s live.State, played uint64, states *int) (bool, error) {
	if s.Scenario != r.Scenario || s.Run != played {
		return true, c.cfg.Class.Interrupt(ctx, r.ID)
	}
	p := s.Predict
	if p == nil || p.Value == nil {
		*states = 0
		return false, nil
	}
	runs, err := c.server.cfg.Lab.Runs(ctx)
	if err != nil {
		return false, err
	}
	var run uint64
	for _, one := range runs { // the latest first
		if one.Scenario == r.Scenario && one.At.After(r.At) {
			run = one.ID
			break
		}
	}
	if run == 0 && *states < waitForRun {
		return false, nil
	}
	_, answer, found := strings.Cut(p.Answer, "Measured: ")
	if !found {
		answer = p.Answer
	}
	return true, c.cfg.Class.Measured(ctx, r, right(p.Predict, *p.Value), run, "Measured: "+answer)
}

// view collects what a page of the class shows: the teacher's, or a learner's.
func (c *class) view(ctx context.Context, s *Server) (view.Class, error) {
	in := view.ClassState{Base: c.cfg.Base, Here: c.present(), Learner: s.learner, Playing: c.server.cfg.Lab.State().Scenario}
	var err error
	if in.Door, err = c.cfg.Class.Door(ctx); err != nil {
		return view.Class{}, err
	}
	if in.Learners, err = c.cfg.Class.Learners(ctx); err != nil {
		return view.Class{}, err
	}
	if in.Round, in.Begun, err = c.cfg.Class.Round(ctx); err != nil {
		return view.Class{}, err
	}
	if in.Begun {
		if in.Tally, err = c.cfg.Class.Tally(ctx, in.Round); err != nil {
			return view.Class{}, err
		}
	}
	if s.learner == nil {
		if in.Table, err = c.cfg.Class.Table(ctx); err != nil {
			return view.Class{}, err
		}
		for _, one := range s.cfg.Scenarios {
			if spec, err := scenario.Find(one.Name); err == nil && !one.Preset && len(spec.Predict.Options) > 1 {
				in.Scenarios = append(in.Scenarios, view.Option{Value: one.Name, Text: one.Title})
			}
		}
		if x := s.cfg.Exercises; x != nil {
			in.Exercises = x.Shelf.All()
		}
	}
	return view.ClassOf(in), nil
}
