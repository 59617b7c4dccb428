package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/grade"
	"workbench/exercises/plug"
	"workbench/exercises/progress"
	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
	"workbench/sim/clock"
	"workbench/web"
)

// attemptsWaiting is how many answers may wait to be graded.
const attemptsWaiting = 20

// judge grades answers on this machine, or says why nobody does.
type judge struct {
	grade  attempt.Grader
	report sandbox.Report
	box    *sandbox.Box
	grader *grade.Grader // nil: nothing is graded here
	note   string        // what confines answers, in a sentence
	why    string        // why answers from pages are not run; empty: they are
}

// plugInto lets accepted answers decide in a lab, where they may run at all; nil
// where they may not. A program is kept in dir until the workbench ends, and
// what is plugged in in keep for the next one.
func (j judge) plugInto(l plug.Lab, dir string, deadline time.Duration, keep plug.Keeper, log *slog.Logger) *plug.Desk {
	if j.grader == nil || j.why != "" {
		return nil
	}
	return plug.NewDesk(plug.Config{Lab: l, Grader: j.grader, Box: j.box, Dir: dir, Guard: plug.Usual(deadline), Keep: keep, Log: log})
}

// openJudge finds out how answers can be graded here. A machine that cannot
// grade still shows the exercises, and says what it lacks.
func openJudge(ctx context.Context, all *shelf.Shelf, c config) (judge, error) {
	box := sandbox.New(ctx, sandboxInit)
	j := judge{grade: nobody, box: box, report: box.Report(), note: fmt.Sprintf("The sandbox that answers run in here is %s.", box.Report()), why: unsafe(c, box.Report())}
	g, err := grade.New(ctx, box)
	switch {
	case errors.Is(err, grade.ErrNoGo):
		j.why = fmt.Sprintf("Answers are not checked here: %v.", err)
	case err != nil:
		return judge{}, err
	default:
		j.grader = g
		j.grade = attempt.Judge(g, all)
		if lacks := g.RaceLacks(); lacks != "" {
			j.note += " Races are not looked for: " + lacks + "."
		}
	}
	return j, nil
}

// desk makes what the pages of the exercises stand on, for one learner: with a
// queue of their own, whose attempts store keeps.
func (j judge) desk(ctx context.Context, all *shelf.Shelf, keeper *progress.Progress, store attempt.Store, length int, log *slog.Logger) (*web.Exercises, error) {
	desk := &web.Exercises{Shelf: all, Keeper: keeper, Sandbox: j.note, Why: j.why}
	var err error
	wall := clock.NewWall()
	desk.Queue, err = attempt.New(ctx, attempt.Config{
		Store: store, Grade: j.grade, Length: length, Clock: wall, Now: func() time.Time { return wall.Date(wall.Now()) }, Log: log,
	})
	return desk, err
}

// nobody stands in for a grader where there is none. Nothing is handed in there;
// what an earlier process has left is told why.
func nobody(context.Context, string, map[string]string, func(string)) (json.RawMessage, bool, error) {
	return nil, false, grade.ErrNoGo
}

// unsafe says why answers from pages are not run on this machine; empty: they
// are. One's own answers may run with less than the full sandbox, as in one's
// own editor; others' may not.
func unsafe(c config, r sandbox.Report) string {
	switch {
	case c.shared():
		if err := r.Require(sandbox.Full); err != nil {
			return fmt.Sprintf("Answers are not run for others than this machine's own user: %v.", err)
		}
	case r.Level == sandbox.None || r.Root && !r.Processes:
		return fmt.Sprintf("Answers are not run from this page, for the sandbox is %s. In a terminal, as yourself: bin/workbench check EXERCISE.", r)
	}
	return ""
}
