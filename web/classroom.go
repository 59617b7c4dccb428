package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"workbench/exercises/classroom"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/web/page"
	"workbench/web/stream"
)

// Classroom is what a class stands on. With one, the server's own session is
// the teacher's; learners come in by the link of the class's door and get a
// session of their own, which reaches their seat and the class, never the
// teacher's controls.
type Classroom struct {
	Class *classroom.Class
	// Seat returns what a learner's own pages stand on. It is called once for
	// each learner of a process, with a function to call when the class's table
	// of attempts has changed.
	Seat func(ctx context.Context, learner uint64, changed func()) (Seat, error)
	// Base is the address by which learners reach the server: "https://host:port".
	Base string
	// Full says why a learner has no more room on the disk; nil: they have.
	Full func(learner uint64) error
}

// Seat is what belongs to one learner.
type Seat struct {
	Exercises *Exercises
	Rehearse  *Rehearse
	Progress  *Progress
}

// Errors of a classroom's pages.
var (
	errDriven = errors.New("the teacher drives the lab: predict on the page Classroom, or play the scenario yourself under Replay")
	errJoin   = errors.New("this browser has not joined the class: open the link that the teacher shows")
)

// hallRoutes names what a learner needs of the class itself: no file of their own
// is opened for it.
func (s *Server) hallRoutes(e *echo.Echo) {
	e.GET("/classroom", s.classroomPage)
	e.GET("/api/classroom/stream", s.classStream)
	e.POST("/classroom/vote", s.formed("/classroom", s.classroomPage, s.postVote))
}

// classRoutes names the teacher's addresses of the class, and the door's.
func (s *Server) classRoutes(e *echo.Echo) {
	if s.class == nil || s.seated {
		return
	}
	e.GET("/classroom", s.classroomPage)
	e.GET("/api/classroom/stream", s.classStream)
	e.GET("/join/:code", s.joinPage)
	e.POST("/join/:code", s.formed("", s.joinPage, s.postJoin))
	for path, do := range map[string]func(echo.Context, func(string) string) error{
		"/classroom/round":   s.beginRound,
		"/classroom/play":    s.playRound,
		"/classroom/again":   s.askAgain,
		"/classroom/show":    s.showRound,
		"/classroom/door":    s.changeDoor,
		"/classroom/learner": s.changeLearner,
	} {
		e.POST(path, s.formed("/classroom", s.classroomPage, func(c echo.Context) error {
			get, _, err := form(c)
			if err != nil {
				return err
			}
			if err := do(c, get); err != nil {
				return err
			}
			s.class.changed(true)
			return c.Redirect(http.StatusSeeOther, "/classroom")
		}))
	}
}

// classroomPage shows the class: to the teacher all of it, to a learner their
// part.
func (s *Server) classroomPage(c echo.Context) error {
	learner := learnerOf(c.Request().Context())
	v, err := s.class.view(c.Request().Context(), learner)
	if err != nil {
		return err
	}
	if learner != nil {
		return s.html(c, http.StatusOK, page.ClassLearner(s.site(c, "Classroom", "classroom.js"), v))
	}
	return s.html(c, http.StatusOK, page.ClassTeacher(s.site(c, "Classroom", "classroom.js"), v))
}

// joinPage asks whoever has the link for a name.
func (s *Server) joinPage(c echo.Context) error {
	if err := s.class.cfg.Class.Knock(c.Request().Context(), c.Param("code")); err != nil {
		return err
	}
	if _, err := s.class.who(c.Request()); err == nil {
		return c.Redirect(http.StatusSeeOther, "/classroom") // already in
	}
	return s.html(c, http.StatusOK, page.ClassJoin(s.site(c, "Join the class", ""), c.Param("code")))
}

// postJoin takes a name.
func (s *Server) postJoin(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	_, session, err := s.class.cfg.Class.Join(c.Request().Context(), c.Param("code"), get("name"))
	if err != nil {
		return err
	}
	http.SetCookie(c.Response(), &http.Cookie{
		Name: s.class.cookie, Value: session, Path: "/", MaxAge: int(sessionLife.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: s.secure(c.Request()),
	})
	s.class.changed(false)
	return c.Redirect(http.StatusSeeOther, "/classroom")
}

// classStream tells an open page that there is something new to fetch. A
// learner's page is told of steps of the round, the teacher's of everything.
func (s *Server) classStream(c echo.Context) error {
	hub, learner := s.class.board, learnerOf(c.Request().Context())
	if learner != nil {
		hub = s.class.hall
	}
	reader, err := hub.Join()
	if err != nil {
		return err
	}
	defer reader.Leave()
	if learner != nil {
		s.class.enter(learner.ID)
		defer s.class.leave(learner.ID)
	}
	first := stream.Encode(nil, stream.State.String(), 0, s.class.version())
	if err := reader.Serve(c.Request().Context(), c.Response().Writer, s.cfg.Clock, first); err != nil && !errors.Is(err, context.Canceled) {
		s.cfg.Log.Debug("class stream ended", "error", err)
	}
	return nil
}

func (s *Server) postVote(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	round, err := number(get, "round")
	if err != nil {
		return err
	}
	choice, err := strconv.Atoi(get("choice"))
	if err != nil {
		return &classroom.FieldError{Field: "choice", Got: "nothing", Want: "one of the answers"}
	}
	if err := s.class.cfg.Class.Vote(c.Request().Context(), learnerOf(c.Request().Context()).ID, round, classroom.State(get("half")), choice); err != nil {
		return err
	}
	s.class.changed(false)
	return c.Redirect(http.StatusSeeOther, "/classroom")
}

// number reads a number that a form of ours carries.
func number(get func(string) string, name string) (uint64, error) {
	n, err := strconv.ParseUint(get(name), 10, 63)
	if err != nil {
		return 0, &classroom.FieldError{Field: name, Got: strconv.Quote(get(name)), Want: "a number"}
	}
	return n, nil
}

// beginRound starts a scenario for all and asks what will happen.
func (s *Server) beginRound(c echo.Context, get func(string) string) error {
	spec, err := scenario.Find(get("scenario"))
	if err != nil {
		return err
	}
	q := classroom.Question{Text: spec.Predict.Question}
	for _, o := range spec.Predict.Options {
		q.Options = append(q.Options, o.Text)
	}
	if err := q.Check(); err != nil {
		return &classroom.FieldError{Field: "scenario", Got: strconv.Quote(spec.Name), Want: "a scenario that asks for a prediction"}
	}
	state, err := s.cfg.Lab.Load(c.Request().Context(), live.ScenarioChange{Name: spec.Name})
	if err != nil {
		return err
	}
	s.class.since.Store(state.Run)
	_, err = s.class.cfg.Class.Begin(c.Request().Context(), spec.Name, spec.Title, q)
	return err
}

// playRound plays the scenario's event. A lab that shows something else, or has
// played already, begins the scenario first.
func (s *Server) playRound(c echo.Context, get func(string) string) error {
	ctx := c.Request().Context()
	id, err := number(get, "round")
	if err != nil {
		return err
	}
	r, _, err := s.class.cfg.Class.Round(ctx)
	if err != nil {
		return err
	}
	if r.ID != id || r.State != classroom.Before {
		return fmt.Errorf("round %d: %w", id, classroom.ErrRound)
	}
	state := s.cfg.Lab.State()
	if state.Scenario != r.Scenario || state.Predict == nil || state.Predict.Locked {
		if state, err = s.cfg.Lab.Load(ctx, live.ScenarioChange{Name: r.Scenario}); err != nil {
			return err
		}
	}
	s.class.since.Store(state.Run)
	if err := s.class.cfg.Class.Play(ctx, id); err != nil {
		return err
	}
	if _, err := s.cfg.Lab.Spike(ctx, without()); err != nil {
		return errors.Join(err, s.class.cfg.Class.Interrupt(context.WithoutCancel(ctx), id))
	}
	return nil
}

// askAgain opens the second half of a round, with a question of the teacher's
// own if there is one in the form.
func (s *Server) askAgain(c echo.Context, get func(string) string) error {
	id, err := number(get, "round")
	if err != nil {
		return err
	}
	var second *classroom.Question
	if text := strings.TrimSpace(get("question")); text != "" {
		second = &classroom.Question{Text: text, Right: -1}
		for line := range strings.Lines(get("options")) {
			if line = strings.TrimSpace(line); line != "" {
				second.Options = append(second.Options, line)
			}
		}
		if right := strings.TrimSpace(get("right")); right != "" {
			n, err := number(get, "right")
			if err != nil || n == 0 {
				return &classroom.FieldError{Field: "right", Got: strconv.Quote(right), Want: "the number of one of the answers, or nothing"}
			}
			second.Right = int(min(n, 100)) - 1
		}
	}
	return s.class.cfg.Class.Again(c.Request().Context(), id, second)
}

func (s *Server) showRound(c echo.Context, get func(string) string) error {
	id, err := number(get, "round")
	if err != nil {
		return err
	}
	return s.class.cfg.Class.Show(c.Request().Context(), id)
}

func (s *Server) changeDoor(c echo.Context, get func(string) string) error {
	ctx, class := c.Request().Context(), s.class.cfg.Class
	switch get("do") {
	case "renew":
		return class.Renew(ctx)
	case "shut":
		return class.Shut(ctx, true)
	case "open":
		return class.Shut(ctx, false)
	}
	return &classroom.FieldError{Field: "do", Got: strconv.Quote(get("do")), Want: "renew, shut or open"}
}

func (s *Server) changeLearner(c echo.Context, get func(string) string) error {
	ctx, class := c.Request().Context(), s.class.cfg.Class
	id, err := number(get, "learner")
	if err != nil {
		return err
	}
	switch get("do") {
	case "release":
		return class.Release(ctx, id)
	case "remove":
		return class.Remove(ctx, id)
	}
	return &classroom.FieldError{Field: "do", Got: strconv.Quote(get("do")), Want: "release or remove"}
}
