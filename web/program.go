package web

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"workbench/docs/guide"
	"workbench/docs/guide/measure"
	"workbench/lab/live"
	"workbench/lab/trial"
	"workbench/lab/trial/runner"
	"workbench/web/view"
)

// programSubject is how runs of the guide's programs are told from trials.
const programSubject = "guide/"

// program finds an experiment of a chapter that is a program.
func (s *Server) program(slug, id string) (guide.Chapter, guide.Experiment, measure.Program, error) {
	for _, c := range s.cfg.Guide.Book.Chapters {
		for _, e := range c.Experiments() {
			if c.Slug != slug || e.ID != id || e.Program == "" {
				continue
			}
			if p, ok := measure.FindProgram(e.Program); ok {
				return c, e, p, nil
			}
		}
	}
	return guide.Chapter{}, guide.Experiment{}, measure.Program{}, fmt.Errorf("%w: program %q of chapter %q", live.ErrUnknown, id, slug)
}

// programJob is the job that measures a program's figures anew and holds them to
// the kept ones.
func (s *Server) programJob(slug, id string) (runner.Job, error) {
	c, e, p, err := s.program(slug, id)
	if err != nil {
		return runner.Job{}, err
	}
	kept := s.cfg.Guide.Book.Figures
	return runner.Job{
		Subject: programSubject + c.Slug + "/" + e.ID, Title: e.Title, Seed: 1, // the guide's own seed
		Parts: []runner.Part{{Name: partOf(p), Run: func(ctx context.Context, _ trial.Env, tell func(trial.Step)) (trial.Result, error) {
			tell(trial.Step{Text: "measures"})
			fresh, err := p.Run(ctx)
			if err != nil {
				return trial.Result{}, err
			}
			return drift(p, kept, fresh), nil
		}}},
	}, nil
}

// measured is the one part of a program's run.
const measured = "measured"

// partOf names what a program's run does.
func partOf(p measure.Program) string {
	if len(p.Formulas()) > 0 {
		return view.WorkedOut
	}
	return measured
}

// drift is a fresh measurement of a program beside the kept one. What is worked
// out from a formula has no drift.
func drift(p measure.Program, kept, fresh guide.Figures) trial.Result {
	res := trial.Result{
		Component: "the guide's own program, on this machine",
		Columns:   []trial.Column{{Title: "figure"}, {Title: "kept"}, {Title: "just now"}, {Title: "drift"}},
	}
	formulas := p.Formulas()
	if len(formulas) > 0 {
		res.Component, res.Columns = "worked out from "+strings.Join(formulas, " and ")+", not measured", res.Columns[:3]
	}
	for _, now := range p.Order(slices.Collect(maps.Values(fresh))) {
		name := now.ID
		old, ok := kept[name]
		if !ok {
			continue // a figure that the guide does not print
		}
		now.Digits, now.Unit = old.Digits, old.Unit
		row := []string{strings.TrimPrefix(name, p.ID+"."), old.Text(), now.Text(), drifted(old, now.Value)}
		res.Rows = append(res.Rows, row[:len(res.Columns)])
		claim := trial.Claim{Text: old.How + ": " + old.Text(), OK: old.Check(now.Value) == "", Got: now.Text()}
		if old.Tolerance > 0 {
			claim.Text += fmt.Sprintf(", up to %s × as much or as little on another machine", trial.Number(1+old.Tolerance, ""))
			claim.Timed = true
		}
		res.Claims = append(res.Claims, claim)
	}
	return res
}

// drifted says how far a figure is from the kept one.
func drifted(old guide.Figure, now float64) string {
	was := old.Value
	if old.Tolerance == 0 {
		now, was = old.Rounded(now), old.Rounded(was)
	}
	switch {
	case now == was:
		return "none"
	case was == 0:
		return "from 0"
	}
	text := trial.Number(100*(now-was)/was, "%")
	if now > was {
		text = "+" + text
	}
	return text
}
