package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"workbench/lab/knob"
	"workbench/lab/live"
	"workbench/lab/trial"
	"workbench/lab/trial/runner"
	"workbench/web/page"
	"workbench/web/view"
)

// Trials is what the pages of the trials stand on.
type Trials struct {
	All    []trial.Trial
	Runner *runner.Runner
	Env    trial.Env   // as the runner's, to say what is here
	Keeper TrialKeeper // of results; nil: they end with the process
}

const (
	trialSubject = "trial/"
	maxGuess     = 80                     // characters of a guess
	maxSeed      = 1_000_000_000          // a page shows it whole
	between      = 100 * time.Millisecond // between two states that a stream sends
)

// trialRoutes names the addresses of the trials, where there are any.
func (s *Server) trialRoutes(e *echo.Echo) {
	if s.cfg.Trials == nil {
		return
	}
	e.GET("/trials", s.trialsPage)
	e.GET("/trials/:name", s.trialPage)
	e.POST("/trials/:name", s.formed("", s.trialPage, s.postTrialForm))
	e.GET("/trials/runs/:id", s.trialRunPage)
	e.GET("/trials/kept/:id", s.keptTrialPage)
	e.POST("/trials/runs/:id/stop", s.postStopForm)
	e.POST("/api/trials/:name", s.postTrial)
	e.GET("/api/trials/runs/:id", s.getTrialRun)
	e.GET("/api/trials/runs/:id/stream", s.trialStream)
	e.DELETE("/api/trials/runs/:id", s.deleteTrialRun)
	if s.cfg.Guide != nil {
		e.POST("/guide/:slug/:id", s.formed("", s.guidePage, s.postProgramForm))
		e.POST("/api/guide/:slug/:id", s.postProgram)
	}
}

func (s *Server) findTrial(c echo.Context) (trial.Trial, error) {
	name := c.Param("name")
	i := slices.IndexFunc(s.cfg.Trials.All, func(t trial.Trial) bool { return t.Name == name })
	if i < 0 {
		return trial.Trial{}, fmt.Errorf("%w: trial %q", live.ErrUnknown, name)
	}
	return s.cfg.Trials.All[i], nil
}

func (s *Server) trialsPage(c echo.Context) error {
	t := s.cfg.Trials
	titles := map[int]view.GuideLine{}
	if s.cfg.Guide != nil {
		for _, ch := range view.GuideListOf(s.cfg.Guide.Book).Chapters {
			n, _ := strconv.Atoi(ch.Number) // made from a number
			titles[n] = ch
		}
	}
	v := view.TrialsOf(t.All, t.Env, titles)
	for i, ch := range v.Chapters {
		for j, card := range ch.Items {
			run, ok, err := s.latest(c.Request().Context(), trialSubject+card.Name)
			if err != nil {
				return err
			}
			if ok {
				v.Chapters[i].Items[j] = card.Ran(run)
			}
		}
	}
	if run, ok := t.Runner.Current(); ok {
		v.Busy = view.TrialRunOf(run)
	}
	return s.html(c, http.StatusOK, page.Trials(s.site(c, "Trials", ""), v))
}

// trialPage shows a trial with its last run, or with the one that is asked for.
func (s *Server) trialPage(c echo.Context) error {
	one, err := s.findTrial(c)
	if err != nil {
		return err
	}
	v := view.TrialOf(one, s.cfg.Trials.Env)
	run, ok, err := s.latest(c.Request().Context(), trialSubject+one.Name)
	if err != nil {
		return err
	}
	if ok {
		v = v.With(run)
	}
	if s.cfg.Guide != nil {
		for _, ch := range s.cfg.Guide.Book.Chapters {
			if ch.Number == one.Chapter {
				v.Chapter = view.GuideLine{Title: ch.Title, Path: "/guide/" + ch.Slug, Number: strconv.Itoa(ch.Number)}
			}
		}
	}
	site := s.site(c, one.Title, "trial.js")
	if v.Run != nil && v.Run.Running && view.FormOf(c.Request().Context()).Text == "" { // else what was typed would go
		site.Refresh = "2"
	}
	return s.html(c, http.StatusOK, page.Trial(site, v))
}

// trialRunPage shows one run by itself. A trial's leads to the trial.
func (s *Server) trialRunPage(c echo.Context) error {
	run, err := s.trialRun(c)
	if err != nil {
		return err
	}
	v := view.TrialRunOf(run)
	site := s.site(c, run.Title, "trial.js")
	if v.Running {
		site.Refresh = "2"
	}
	return s.html(c, http.StatusOK, page.TrialRun(site, v))
}

func (s *Server) trialRun(c echo.Context) (runner.Run, error) {
	id, err := strconv.ParseUint(c.Param("id"), 10, 63)
	if err != nil {
		return runner.Run{}, fmt.Errorf("%w: run %q is not a number", live.ErrUnknown, c.Param("id"))
	}
	return s.cfg.Trials.Runner.Get(id)
}

// order is what a page or a program asks of a trial.
type order struct {
	Settings map[string]any `json:"settings"`
	Parts    []string       `json:"parts"` // wrong, right, yours; empty: wrong and right
	Seed     *uint64        `json:"seed"`  // absent: 1
	Guess    string         `json:"guess"`
}

// start checks an order and begins its run.
func (s *Server) start(one trial.Trial, o order) (runner.Run, error) {
	var faults []error
	if len([]rune(o.Guess)) > maxGuess {
		faults = append(faults, &live.FieldError{Field: "guess", Got: fmt.Sprintf("%d characters", len([]rune(o.Guess))), Want: fmt.Sprintf("at most %d", maxGuess)})
	}
	seed := uint64(1)
	if o.Seed != nil {
		seed = *o.Seed
	}
	if seed > maxSeed {
		faults = append(faults, &live.FieldError{Field: "seed", Got: fmt.Sprint(seed), Want: fmt.Sprintf("a whole number up to %d", maxSeed)})
	}
	known := []string{runner.Yours}
	if one.Wrong != nil {
		known = []string{runner.Wrong, runner.Right, runner.Yours}
	}
	if len(o.Parts) == 0 {
		o.Parts = known[:max(1, len(known)-1)]
	}
	for _, p := range o.Parts {
		if !slices.Contains(known, p) {
			faults = append(faults, &live.FieldError{Field: "parts", Got: strconv.Quote(p), Want: "some of " + strings.Join(known, ", ")})
		}
	}
	if len(o.Parts) > len(known) {
		faults = append(faults, &live.FieldError{Field: "parts", Got: fmt.Sprintf("%d parts", len(o.Parts)), Want: fmt.Sprintf("at most %d", len(known))})
	}
	if err := errors.Join(faults...); err != nil {
		return runner.Run{}, err
	}
	parts, err := runner.OfTrial(one, o.Settings, o.Parts...)
	if err != nil {
		return runner.Run{}, invalid(err)
	}
	return s.cfg.Trials.Runner.Start(runner.Job{Subject: trialSubject + one.Name, Title: one.Title, Guess: strings.TrimSpace(o.Guess), Seed: seed, Parts: parts})
}

// invalid makes every fault of settings one of the request: a knob's own, or
// what a trial says of knobs together.
func invalid(err error) error {
	var one *knob.Error
	if errors.As(err, &one) {
		return err
	}
	return &live.FieldError{Field: "settings", Want: err.Error()}
}

func (s *Server) postTrial(c echo.Context) error {
	one, err := s.findTrial(c)
	if err != nil {
		return err
	}
	var o order
	if err := decode(c.Response(), c.Request(), &o, true); err != nil {
		return err
	}
	run, err := s.start(one, o)
	return accepted(c, run, err)
}

// accepted answers 202 with where to look for the run.
func accepted(c echo.Context, run runner.Run, err error) error {
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", fmt.Sprintf("/api/trials/runs/%d", run.ID))
	return c.JSON(http.StatusAccepted, run)
}

// postTrialForm begins a run from the page's form, without scripts too.
func (s *Server) postTrialForm(c echo.Context) error {
	one, err := s.findTrial(c)
	if err != nil {
		return err
	}
	get, all, err := form(c)
	if err != nil {
		return err
	}
	o := order{Settings: map[string]any{}, Guess: get("guess")}
	if text := get("seed"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return &live.FieldError{Field: "seed", Got: strconv.Quote(text), Want: fmt.Sprintf("a whole number up to %d", maxSeed)}
		}
		o.Seed = &seed
	}
	if one.Knobs != nil {
		for _, k := range knob.Describe(one.Knobs()) {
			switch value := all("knob-" + k.Name); {
			case len(value) > 0:
				o.Settings[k.Name] = value[0]
			case k.Kind == knob.Switch:
				o.Settings[k.Name] = false // a form leaves out what is not ticked
			}
		}
	}
	if side := get("run"); side == runner.Yours {
		o.Parts = []string{runner.Yours}
	}
	if _, err := s.start(one, o); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/trials/"+one.Name+"#run")
}

func (s *Server) getTrialRun(c echo.Context) error {
	run, err := s.trialRun(c)
	return answer(c, run, err)
}

func (s *Server) deleteTrialRun(c echo.Context) error {
	run, err := s.trialRun(c)
	if err == nil {
		err = s.cfg.Trials.Runner.Stop(run.ID)
	}
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) postStopForm(c echo.Context) error {
	run, err := s.trialRun(c)
	if err == nil {
		err = s.cfg.Trials.Runner.Stop(run.ID)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, view.TrialRunOf(run).Path+"#run")
}

// trialStream tells how a run goes on, until it is over.
func (s *Server) trialStream(c echo.Context) error {
	run, err := s.trialRun(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	states, err := s.cfg.Trials.Runner.Watch(ctx, run.ID)
	if err != nil {
		return err
	}
	w := c.Response()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w.Writer)
	if err := control.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	for {
		select {
		case state, more := <-states:
			if !more {
				return nil
			}
			data, err := json.Marshal(state)
			if err != nil {
				return fmt.Errorf("stream: %w", err)
			}
			if _, err := fmt.Fprintf(w, "event: run\ndata: %s\n\n", data); err != nil {
				return nil // the reader has gone
			}
			if control.Flush() != nil || s.cfg.Clock.Wait(ctx, s.cfg.Clock.Now()+between) != nil {
				return nil
			}
		case <-s.ending:
			return nil
		}
	}
}

// programRun begins the run of one of the guide's programs.
func (s *Server) programRun(c echo.Context, guess string) (runner.Run, error) {
	job, err := s.programJob(c.Param("slug"), c.Param("id"))
	if err != nil {
		return runner.Run{}, err
	}
	if len([]rune(guess)) > maxGuess {
		return runner.Run{}, &live.FieldError{Field: "guess", Got: fmt.Sprintf("%d characters", len([]rune(guess))), Want: fmt.Sprintf("at most %d", maxGuess)}
	}
	job.Guess = strings.TrimSpace(guess)
	return s.cfg.Trials.Runner.Start(job)
}

func (s *Server) postProgram(c echo.Context) error {
	var o struct {
		Guess string `json:"guess"`
	}
	if err := decode(c.Response(), c.Request(), &o, true); err != nil {
		return err
	}
	run, err := s.programRun(c, o.Guess)
	return accepted(c, run, err)
}

func (s *Server) postProgramForm(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	run, err := s.programRun(c, get("guess"))
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/trials/runs/%d#run", run.ID))
}
