package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"workbench/exercises/attempt"
	"workbench/exercises/progress"
	"workbench/exercises/shelf"
	"workbench/lab/live"
	"workbench/web/page"
	"workbench/web/view"
)

// Exercises is what the pages of the exercises stand on.
type Exercises struct {
	Shelf   *shelf.Shelf
	Queue   *attempt.Queue
	Keeper  ExerciseKeeper
	Sandbox string  // what confines answers here, in a sentence
	Why     string  // why answers are not run from pages; empty: they are
	Plug    Plugger // where accepted answers are plugged into the lab; nil: nowhere
}

// ExerciseKeeper remembers what a learner does with exercises: a
// *progress.Progress.
type ExerciseKeeper interface {
	Standings(context.Context) (map[string]progress.Standing, error)
	Attempts(ctx context.Context, slug string) ([]attempt.Attempt, error)
	Accepted(ctx context.Context, slug string) (attempt.Attempt, error)
	Draft(ctx context.Context, slug string) (map[string]string, int64, error)
	SetDraft(ctx context.Context, slug string, files map[string]string, from int64, at time.Time) (int64, error)
	DropDraft(ctx context.Context, slug string) error
	Hints(ctx context.Context, slug string) (map[string]int, error)
	TakeHint(ctx context.Context, slug, task string, of int, at time.Time) (int, error)
}

// maxAnswer bounds the text of an answer that a page sends.
const maxAnswer = 512 << 10

// honest is how many attempts open the answers of an exercise that was not
// passed.
const honest = 3

var (
	errNoRunning = errors.New("answers are not run from this page")
	errLocked    = errors.New("the answers open when yours is accepted, or after three attempts")
)

// exerciseRoutes names the addresses of the exercises, where there are any.
func (s *Server) exerciseRoutes(e *echo.Echo) {
	if s.cfg.Exercises == nil {
		return
	}
	e.GET("/exercises", s.exercisesPage)
	e.GET("/exercises/:slug", s.exercisePage)
	e.GET("/exercises/:slug/read", s.readPage)
	e.GET("/api/exercises", s.getExercises)
	e.POST("/api/exercises/:slug/read", s.postRead)
	e.GET("/api/exercises/:slug/draft", s.getDraft)
	e.PUT("/api/exercises/:slug/draft", s.putDraft)
	e.POST("/api/exercises/:slug/hints/:task", s.postHint)
	e.POST("/api/exercises/:slug/attempts", s.postAttempt)
	e.GET("/api/exercises/:slug/answer", s.getAnswer)
	e.GET("/api/attempts/:id", s.getAttempt)
	e.GET("/api/attempts/:id/stream", s.attemptStream)
	e.POST("/api/exercises/:slug/plug", s.postPlug)
	e.DELETE("/api/exercises/:slug/plug", s.deletePlug)
	e.POST("/api/exercises/:slug/compare", s.postCompare)
}

func (s *Server) exercisesPage(c echo.Context) error {
	standings, err := s.cfg.Exercises.Keeper.Standings(c.Request().Context())
	if err != nil {
		return err
	}
	v := view.ExercisesOf(s.cfg.Exercises.Shelf.All(), standings)
	v.Sandbox, v.Why = s.cfg.Exercises.Sandbox, s.cfg.Exercises.Why
	return s.html(c, http.StatusOK, page.Exercises(s.site(c, "Exercises", ""), v))
}

func (s *Server) exercise(c echo.Context) (shelf.Exercise, error) {
	return s.cfg.Exercises.Shelf.Find(c.Param("slug"))
}

func (s *Server) exercisePage(c echo.Context) error {
	e, err := s.exercise(c)
	if err != nil {
		return err
	}
	ctx, keeper := c.Request().Context(), s.cfg.Exercises.Keeper
	draft, version, err := keeper.Draft(ctx, e.Slug)
	if err != nil {
		return err
	}
	hints, err := keeper.Hints(ctx, e.Slug)
	if err != nil {
		return err
	}
	past, err := keeper.Attempts(ctx, e.Slug)
	if err != nil {
		return err
	}
	v, err := view.ExerciseOf(e, draft, version, hints, past)
	if err != nil {
		return err
	}
	v.Sandbox, v.Why = s.cfg.Exercises.Sandbox, s.cfg.Exercises.Why
	v.Plug = s.plugPanel(e)
	if v.Open, err = s.open(ctx, e); err != nil {
		return err
	}
	v.Read = hints[readTask] > 0
	return s.html(c, http.StatusOK, page.Exercise(s.site(c, e.Title, "exercise.js"), v))
}

// listed is one exercise in the API's list.
type listed struct {
	Slug       string   `json:"slug"`
	Title      string   `json:"title"`
	Chapter    int      `json:"chapter"`
	Difficulty int      `json:"difficulty"`
	Minutes    int      `json:"minutes"`
	Tracks     []string `json:"tracks,omitempty"`
	Pattern    string   `json:"pattern,omitempty"`
	Attempts   int      `json:"attempts"`
	Passed     bool     `json:"passed"`
}

func (s *Server) getExercises(c echo.Context) error {
	standings, err := s.cfg.Exercises.Keeper.Standings(c.Request().Context())
	if err != nil {
		return err
	}
	out := []listed{}
	for _, e := range s.cfg.Exercises.Shelf.All() {
		st := standings[e.Slug]
		out = append(out, listed{e.Slug, e.Title, e.Chapter, e.Difficulty, e.Minutes, e.Tracks, e.Pattern, st.Attempts, st.Passed})
	}
	return c.JSON(http.StatusOK, out)
}

// answerBody is what a page sends of an answer.
type answerBody struct {
	Files   map[string]string `json:"files"`
	Version int64             `json:"version"`
}

// answer reads an answer to an exercise: exactly its files, as text.
func (s *Server) answer(c echo.Context, e shelf.Exercise) (answerBody, error) {
	var body answerBody
	if err := decodeUpTo(c.Response(), c.Request(), &body, maxAnswer); err != nil {
		return body, err
	}
	var faults []error
	for name, text := range body.Files {
		if !slices.Contains(e.Names, name) {
			faults = append(faults, &live.FieldError{Field: "files", Got: strconv.Quote(name), Want: fmt.Sprintf("only the files of this exercise: %v", e.Names)})
		}
		if !utf8.ValidString(text) {
			faults = append(faults, &live.FieldError{Field: "files." + name, Got: "bytes that are no UTF-8", Want: "UTF-8 text"})
		}
	}
	for _, name := range e.Names {
		if _, ok := body.Files[name]; !ok {
			faults = append(faults, &live.FieldError{Field: "files." + name, Got: "nothing", Want: "the text of the file"})
		}
	}
	return body, errors.Join(faults...)
}

// getDraft returns what was saved last, from whichever page.
func (s *Server) getDraft(c echo.Context) error {
	e, err := s.exercise(c)
	if err != nil {
		return err
	}
	files, version, err := s.cfg.Exercises.Keeper.Draft(c.Request().Context(), e.Slug)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, draftBody{files, version})
}

// draftBody is a draft that was saved; no files: there is none.
type draftBody struct {
	Files   map[string]string `json:"files"`
	Version int64             `json:"version"`
}

func (s *Server) putDraft(c echo.Context) error {
	e, err := s.exercise(c)
	if err != nil {
		return err
	}
	body, err := s.answer(c, e)
	if err != nil {
		return err
	}
	version, err := s.cfg.Exercises.Keeper.SetDraft(c.Request().Context(), e.Slug, body.Files, body.Version, s.cfg.Clock.Date(s.cfg.Clock.Now()))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]int64{"version": version})
}

func (s *Server) postHint(c echo.Context) error {
	e, err := s.exercise(c)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(e.Tasks, func(t shelf.Task) bool { return t.ID == c.Param("task") })
	if i < 0 {
		return fmt.Errorf("%w: task %q of %s", live.ErrUnknown, c.Param("task"), e.Slug)
	}
	hints := e.Tasks[i].Hints
	n, err := s.cfg.Exercises.Keeper.TakeHint(c.Request().Context(), e.Slug, e.Tasks[i].ID, len(hints), s.cfg.Clock.Date(s.cfg.Clock.Now()))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"hints": hints[:min(n, len(hints))], "of": len(hints)})
}

func (s *Server) postAttempt(c echo.Context) error {
	e, err := s.exercise(c)
	if err != nil {
		return err
	}
	if why := s.cfg.Exercises.Why; why != "" {
		return fmt.Errorf("%w: %s", errNoRunning, why)
	}
	body, err := s.answer(c, e)
	if err != nil {
		return err
	}
	a, err := s.cfg.Exercises.Queue.Submit(c.Request().Context(), e.Slug, body.Files)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", fmt.Sprintf("/api/attempts/%d", a.ID))
	return c.JSON(http.StatusAccepted, a)
}

func attemptID(c echo.Context) (uint64, error) {
	id, err := strconv.ParseUint(c.Param("id"), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%w: attempt %q", live.ErrUnknown, c.Param("id"))
	}
	return id, nil
}

func (s *Server) getAttempt(c echo.Context) error {
	id, err := attemptID(c)
	if err != nil {
		return err
	}
	a, err := s.cfg.Exercises.Queue.Attempt(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, a)
}

// attemptStream tells how an attempt goes on, until it is over.
func (s *Server) attemptStream(c echo.Context) error {
	id, err := attemptID(c)
	if err != nil {
		return err
	}
	steps, err := s.cfg.Exercises.Queue.Watch(c.Request().Context(), id)
	if err != nil {
		return err
	}
	w := c.Response()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	for {
		select {
		case step, more := <-steps:
			if !more {
				return nil
			}
			data, err := json.Marshal(step)
			if err != nil {
				return fmt.Errorf("stream: %w", err)
			}
			if _, err := fmt.Fprintf(w, "event: step\ndata: %s\n\n", data); err != nil {
				return nil // the reader has gone
			}
			if err := control.Flush(); err != nil {
				return nil
			}
		case <-s.ending:
			return nil
		}
	}
}

// getAnswer returns a right answer to who has passed or honestly tried.
func (s *Server) getAnswer(c echo.Context) error {
	e, err := s.exercise(c)
	if err != nil {
		return err
	}
	open, err := s.open(c.Request().Context(), e)
	if err != nil {
		return err
	}
	if !open {
		return errLocked
	}
	if len(e.Right) == 0 {
		return fmt.Errorf("%w: an answer to %s", live.ErrUnknown, e.Slug)
	}
	files, err := e.Files(e.Right[0])
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"name": e.Right[0], "files": files})
}
