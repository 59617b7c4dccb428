package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"workbench/exercises/interview"
	"workbench/exercises/progress"
	"workbench/lab/live"
	"workbench/lab/trial/runner"
	"workbench/web/page"
	"workbench/web/view"
)

// TrialKeeper remembers what trials measured: a *progress.Progress.
type TrialKeeper interface {
	Trials(ctx context.Context, subject string) ([]runner.Run, error)
	Trial(ctx context.Context, id uint64) (runner.Run, error)
}

// latest returns the last run of a subject: one of this process, else the last
// result that was kept; false: there is none.
func (s *Server) latest(ctx context.Context, subject string) (runner.Run, bool, error) {
	t := s.cfg.Trials
	if run, ok := t.Runner.Latest(subject); ok {
		return run, true, nil
	}
	if t.Keeper == nil {
		return runner.Run{}, false, nil
	}
	kept, err := t.Keeper.Trials(ctx, subject)
	if err != nil || len(kept) == 0 {
		return runner.Run{}, false, err
	}
	return kept[0], true, nil
}

// keptTrialPage shows a result that was kept.
func (s *Server) keptTrialPage(c echo.Context) error {
	id, err := strconv.ParseUint(c.Param("id"), 10, 63)
	if err != nil || s.cfg.Trials.Keeper == nil {
		return fmt.Errorf("%w: result %q", live.ErrUnknown, c.Param("id"))
	}
	run, err := s.cfg.Trials.Keeper.Trial(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, page.TrialRun(s.site(c, run.Title, ""), view.TrialRunOf(run)))
}

// citable returns the kept results of trials that an answer may cite.
func (s *Server) citable(ctx context.Context) ([]runner.Run, error) {
	if s.cfg.Trials == nil || s.cfg.Trials.Keeper == nil {
		return nil, nil
	}
	all, err := s.cfg.Trials.Keeper.Trials(ctx, "")
	return all[:min(len(all), maxCited)], err
}

// trialCitations returns the figures of trials that an answer cites.
func (s *Server) trialCitations(ctx context.Context, ids []string) ([]interview.Citation, error) {
	if len(ids) > maxCited {
		return nil, &live.FieldError{Field: "trial", Got: fmt.Sprintf("%d results", len(ids)), Want: fmt.Sprintf("at most %d", maxCited)}
	}
	var out []interview.Citation
	for _, text := range ids {
		id, err := strconv.ParseUint(text, 10, 63)
		if err != nil || s.cfg.Trials == nil || s.cfg.Trials.Keeper == nil {
			return nil, &live.FieldError{Field: "trial", Got: strconv.Quote(text), Want: "the number of a kept result"}
		}
		run, err := s.cfg.Trials.Keeper.Trial(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, trialFigures(run)...)
	}
	return out, nil
}

// trialFigures lists what an answer may say of a trial: what each claim was
// measured at.
func trialFigures(run runner.Run) []interview.Citation {
	var out []interview.Citation
	for _, o := range run.Outcomes {
		if o.Result == nil {
			continue
		}
		for _, c := range o.Result.Claims {
			if v, ok := leading(c.Got); ok {
				what, _, _ := strings.Cut(c.Text, ":")
				out = append(out, interview.Citation{Trial: run.ID, Scenario: run.Subject, Metric: fmt.Sprintf("%s (%s): %s", what, o.Part, c.Got), Value: v})
			}
		}
	}
	return out
}

// leading returns the number that a measured value begins with.
func leading(got string) (float64, bool) {
	head, _, _ := strings.Cut(got, " ")
	v, err := strconv.ParseFloat(strings.ReplaceAll(head, ",", ""), 64)
	return v, err == nil
}

// trialEvidence shows a kept result that citations are of; false: it was
// deleted since, or cannot be read.
func (s *Server) trialEvidence(ctx context.Context, id uint64) (view.AnswerRun, bool, error) {
	if s.cfg.Trials == nil || s.cfg.Trials.Keeper == nil {
		return view.AnswerRun{}, false, nil
	}
	run, err := s.cfg.Trials.Keeper.Trial(ctx, id)
	if errors.Is(err, progress.ErrNoTrial) || errors.As(err, new(*progress.RowError)) {
		return view.AnswerRun{}, false, nil
	}
	return view.AnswerTrialOf(run), err == nil, err
}
