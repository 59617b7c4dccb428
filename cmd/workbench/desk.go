package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
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

// bureau is what the pages of the exercises stand on, and what answers are
// plugged in with.
type bureau struct {
	web.Exercises
	box    *sandbox.Box
	grader *grade.Grader // nil: nothing is graded here
}

// plugInto lets accepted answers decide in a lab, where they may run at all. A
// program is kept in dir until the workbench ends.
func (b *bureau) plugInto(l plug.Lab, dir string, deadline time.Duration, log *slog.Logger) {
	if b.grader == nil || b.Why != "" {
		return
	}
	b.Plug = plug.NewDesk(plug.Config{Lab: l, Grader: b.grader, Box: b.box, Dir: dir, Guard: plug.Usual(deadline), Log: log})
}

// openDesk makes what the pages of the exercises stand on. A machine that cannot
// grade still shows the exercises, and says what it lacks.
func openDesk(ctx context.Context, all *shelf.Shelf, c config, keeper *progress.Progress, log *slog.Logger) (*bureau, error) {
	box := sandbox.New(ctx, sandboxInit)
	desk := &bureau{box: box}
	desk.Exercises = web.Exercises{Shelf: all, Keeper: keeper, Sandbox: fmt.Sprintf("The sandbox that answers run in here is %s.", box.Report())}
	desk.Why = unsafe(c, box.Report())
	judge := attempt.Grader(nobody)
	g, err := grade.New(ctx, box)
	switch {
	case errors.Is(err, grade.ErrNoGo):
		desk.Why = fmt.Sprintf("Answers are not checked here: %v.", err)
	case err != nil:
		return nil, err
	default:
		desk.grader = g
		judge = attempt.Judge(g, all)
		if lacks := g.RaceLacks(); lacks != "" {
			desk.Sandbox += " Races are not looked for: " + lacks + "."
		}
	}
	wall := clock.NewWall()
	desk.Queue, err = attempt.New(ctx, attempt.Config{
		Store: keeper, Grade: judge, Length: attemptsWaiting, Clock: wall, Now: func() time.Time { return wall.Date(wall.Now()) }, Log: log,
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
	host, _, err := net.SplitHostPort(c.addr)
	switch {
	case err != nil || !loopback(host):
		if err := r.Require(sandbox.Full); err != nil {
			return fmt.Sprintf("Answers are not run for others than this machine's own user: %v.", err)
		}
	case r.Level == sandbox.None || r.Root && !r.Processes:
		return fmt.Sprintf("Answers are not run from this page, for the sandbox is %s. In a terminal, as yourself: bin/workbench check EXERCISE.", r)
	}
	return ""
}
