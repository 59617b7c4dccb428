package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"workbench/exercises/interview"
	"workbench/exercises/interview/card"
	"workbench/exercises/progress"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/web/page"
	"workbench/web/view"
)

// Rehearse is what the pages of the rehearsal stand on.
type Rehearse struct {
	Catalog *interview.Catalog
	Keeper  AnswerKeeper
}

// AnswerKeeper remembers answers and cards: a *progress.Progress.
type AnswerKeeper interface {
	AddAnswer(context.Context, progress.Answer) (uint64, error)
	Answer(ctx context.Context, id uint64) (progress.Answer, error)
	Answers(ctx context.Context, question string) ([]progress.Answer, error)
	SetRulings(ctx context.Context, id uint64, rulings json.RawMessage, total int, result json.RawMessage) error
	Bests(context.Context) (map[string]progress.Best, error)
	SetCard(context.Context, progress.Card) error
	Cards(context.Context) ([]progress.Card, error)
}

// Bounds of an answer.
const (
	maxSaid   = 20_000 // bytes of text
	maxForm   = 128 << 10
	maxReason = 300 // characters
	maxCited  = 20
	duePerDay = 5 // cards in a session
)

func (s *Server) rehearseRoutes(e *echo.Echo) {
	if s.cfg.Rehearse == nil {
		return
	}
	e.GET("/rehearse", s.rehearsePage)
	e.GET("/rehearse/crib", s.cribPage)
	e.POST("/rehearse/cards", s.formed("/rehearse", s.rehearsePage, s.postCard))
	e.GET("/rehearse/:id", s.questionPage)
	e.POST("/rehearse/:id", s.formed("", s.questionPage, s.postAnswer))
	e.GET("/rehearse/answers/:id", s.answerPage)
	e.POST("/rehearse/answers/:id/rulings", s.formed("", s.answerPage, s.postRuling))
}

func (s *Server) now() time.Time { return s.cfg.Clock.Date(s.cfg.Clock.Now()) }

func (s *Server) rehearsePage(c echo.Context) error {
	mode := c.QueryParam("mode")
	if mode != "" && !slices.Contains(interview.Modes(), interview.Mode(mode)) {
		return &live.FieldError{Field: "mode", Got: strconv.Quote(mode), Want: either(interview.Modes())}
	}
	ctx, r := c.Request().Context(), s.cfg.Rehearse
	bests, err := r.Keeper.Bests(ctx)
	if err != nil {
		return err
	}
	due, err := s.due(ctx)
	if err != nil {
		return err
	}
	v := view.RehearseOf(r.Catalog.List(interview.Filter{Mode: interview.Mode(mode)}), bests, due, mode)
	v.Unread = s.unread("run", "answer", "card")
	return s.html(c, http.StatusOK, page.Rehearse(s.site(c, "Rehearse", ""), v))
}

func (s *Server) questionPage(c echo.Context) error {
	q, err := s.cfg.Rehearse.Catalog.Get(c.Param("id"))
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	past, err := s.cfg.Rehearse.Keeper.Answers(ctx, q.ID)
	if err != nil {
		return err
	}
	runs, err := s.cfg.Lab.Runs(ctx)
	if err != nil {
		return err
	}
	v := view.QuestionOf(q, past, runs[:min(len(runs), maxCited)])
	trials, err := s.citable(ctx)
	if err != nil {
		return err
	}
	v.Trials = view.CitedTrials(trials)
	return s.html(c, http.StatusOK, page.Question(s.site(c, "Question", "rehearse.js"), v))
}

// form reads a form of ours, of a bounded size.
func form(c echo.Context) (get func(string) string, all func(string) []string, err error) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, nil, tooLarge(large.Limit)
		}
		return nil, nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return r.PostForm.Get, func(name string) []string { return r.PostForm[name] }, nil
}

// postAnswer scores an answer and keeps it with its score.
func (s *Server) postAnswer(c echo.Context) error {
	q, err := s.cfg.Rehearse.Catalog.Get(c.Param("id"))
	if err != nil {
		return err
	}
	get, all, err := form(c)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(get("text"))
	if text == "" || len(text) > maxSaid {
		return &live.FieldError{Field: "text", Got: fmt.Sprintf("%d bytes", len(text)), Want: fmt.Sprintf("an answer of 1 to %d bytes", maxSaid)}
	}
	elapsed, err := strconv.ParseInt(cmp.Or(get("elapsed_ms"), "0"), 10, 64)
	if err != nil || elapsed < 0 || elapsed > 24*3600*1000 {
		return &live.FieldError{Field: "elapsed_ms", Got: strconv.Quote(get("elapsed_ms")), Want: "milliseconds, at most a day"}
	}
	evidence, err := s.citations(c.Request().Context(), all("run"))
	if err != nil {
		return err
	}
	trials, err := s.trialCitations(c.Request().Context(), all("trial"))
	if err != nil {
		return err
	}
	evidence = append(evidence, trials...)
	a := interview.Answer{Text: text, Elapsed: time.Duration(elapsed) * time.Millisecond, Evidence: evidence}
	result, err := s.cfg.Rehearse.Catalog.Score(q.ID, a)
	if err != nil {
		return err
	}
	id, err := s.keep(c.Request().Context(), q, a, result)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/rehearse/answers/%d", id))
}

// citations returns the figures of runs that an answer cites.
func (s *Server) citations(ctx context.Context, ids []string) ([]interview.Citation, error) {
	out := []interview.Citation{}
	if len(ids) > maxCited {
		return nil, &live.FieldError{Field: "run", Got: fmt.Sprintf("%d runs", len(ids)), Want: fmt.Sprintf("at most %d", maxCited)}
	}
	for _, text := range ids {
		id, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return nil, &live.FieldError{Field: "run", Got: strconv.Quote(text), Want: "the number of a run"}
		}
		rep, err := s.cfg.Lab.Run(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, figures(id, rep)...)
	}
	return out, nil
}

// figures lists what an answer may say of a run.
func figures(id uint64, rep scenario.Report) []interview.Citation {
	cite := func(metric string, v float64) interview.Citation {
		return interview.Citation{Run: id, Scenario: rep.Scenario, Metric: metric, Value: v}
	}
	out := []interview.Citation{
		cite("goodput_share", rep.GoodputShare), cite("p50_ms", rep.LatencyMS.P50), cite("p95_ms", rep.LatencyMS.P95), cite("p99_ms", rep.LatencyMS.P99),
		cite("offered", float64(rep.Offered)), cite("sent", float64(rep.Sent)),
	}
	if rep.DurationS > 0 {
		out = append(out, cite("offered_rate", float64(rep.Offered)/rep.DurationS), cite("tries_per_user", float64(rep.Sent)/max(1, float64(rep.Offered))))
	}
	for _, c := range rep.Claims {
		if c.NotJudged == "" {
			out = append(out, cite(c.Text, c.Value))
		}
	}
	return out
}

// keep stores an answer with its score and moves the question's card on.
func (s *Server) keep(ctx context.Context, q interview.Question, a interview.Answer, result interview.Result) (uint64, error) {
	kept := progress.Answer{At: s.now(), Question: q.ID, Text: a.Text, Elapsed: a.Elapsed, Total: result.Total}
	var err error
	for _, part := range []struct {
		into *json.RawMessage
		from any
	}{{&kept.Evidence, a.Evidence}, {&kept.Rulings, append([]interview.Ruling{}, a.Rulings...)}, {&kept.Result, result}} {
		if *part.into, err = json.Marshal(part.from); err != nil {
			return 0, fmt.Errorf("keep answer: %w", err)
		}
	}
	id, err := s.cfg.Rehearse.Keeper.AddAnswer(ctx, kept)
	if err != nil {
		return 0, err
	}
	return id, s.learnt(ctx, q, result)
}

// given reads an answer that was kept, with its question and score.
func (s *Server) given(c echo.Context) (interview.Question, progress.Answer, interview.Result, error) {
	var result interview.Result
	id, err := strconv.ParseUint(c.Param("id"), 10, 63)
	if err != nil {
		return interview.Question{}, progress.Answer{}, result, fmt.Errorf("%w: %q", progress.ErrNoAnswer, c.Param("id"))
	}
	a, err := s.cfg.Rehearse.Keeper.Answer(c.Request().Context(), id)
	if err != nil {
		return interview.Question{}, a, result, err
	}
	q, err := s.cfg.Rehearse.Catalog.Get(a.Question)
	if err != nil {
		return q, a, result, err
	}
	result, err = a.Scored()
	return q, a, result, err
}

func (s *Server) answerPage(c echo.Context) error {
	q, a, result, err := s.given(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	have, err := s.cards(ctx)
	if err != nil {
		return err
	}
	var next time.Time
	if i := slices.IndexFunc(have, func(h card.Card) bool { return h.ID == card.OfQuestion(q).ID }); i >= 0 {
		next = have[i].State.Due
	}
	v := view.AnswerOf(q, a, result, next)
	cited, err := a.Cited()
	if err != nil {
		return err
	}
	if v.Evidence, err = s.evidence(ctx, cited); err != nil {
		return err
	}
	return s.html(c, http.StatusOK, page.Answer(s.site(c, "Your answer", ""), v))
}

// evidence draws the runs that citations are of, each once.
func (s *Server) evidence(ctx context.Context, cited []interview.Citation) ([]view.AnswerRun, error) {
	var out []view.AnswerRun
	seen, trials := map[uint64]bool{}, map[uint64]bool{}
	for _, one := range cited {
		if one.Trial > 0 {
			if trials[one.Trial] {
				continue
			}
			trials[one.Trial] = true
			shown, ok, err := s.trialEvidence(ctx, one.Trial)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, shown)
			}
			continue
		}
		if seen[one.Run] {
			continue
		}
		seen[one.Run] = true
		rep, err := s.cfg.Lab.Run(ctx, one.Run)
		if errors.Is(err, live.ErrUnknown) || errors.As(err, new(*progress.RowError)) {
			continue // it was deleted since, or cannot be read
		}
		if err != nil {
			return nil, err
		}
		out = append(out, view.AnswerRunOf(one.Run, rep))
	}
	return out, nil
}

// postRuling keeps the learner's own judgement of one item and scores the
// answer again with it. A ruling on the same concept takes the older one's place.
func (s *Server) postRuling(c echo.Context) error {
	q, a, _, err := s.given(c)
	if err != nil {
		return err
	}
	get, _, err := form(c)
	if err != nil {
		return err
	}
	ruling := interview.Ruling{Concept: get("concept"), Verdict: interview.Verdict(get("verdict")), Reason: strings.TrimSpace(get("reason"))}
	if n := utf8.RuneCountInString(ruling.Reason); n < 1 || n > maxReason || !utf8.ValidString(ruling.Reason) {
		return &live.FieldError{Field: "reason", Got: fmt.Sprintf("%d characters", n), Want: fmt.Sprintf("a reason of 1 to %d characters", maxReason)}
	}
	rulings, err := a.Ruled()
	if err != nil {
		return err
	}
	cited, err := a.Cited()
	if err != nil {
		return err
	}
	rulings = append(slices.DeleteFunc(rulings, func(r interview.Ruling) bool { return r.Concept == ruling.Concept }), ruling)
	result, err := s.cfg.Rehearse.Catalog.Score(q.ID, interview.Answer{Text: a.Text, Elapsed: a.Elapsed, Evidence: cited, Rulings: rulings})
	if err != nil {
		return fmt.Errorf("%w: %w", live.ErrInvalid, err)
	}
	kept, err := json.Marshal(rulings)
	if err != nil {
		return err
	}
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	if err := s.cfg.Rehearse.Keeper.SetRulings(c.Request().Context(), a.ID, kept, result.Total, text); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/rehearse/answers/%d", a.ID))
}

// cribPage is one page to print: the learner's best answers with the charts of
// the runs that they cite.
func (s *Server) cribPage(c echo.Context) error {
	ctx := c.Request().Context()
	answers, err := s.cfg.Rehearse.Keeper.Answers(ctx, "")
	if err != nil {
		return err
	}
	best := map[string]progress.Answer{}
	for _, a := range answers {
		if b, ok := best[a.Question]; !ok || a.Total > b.Total {
			best[a.Question] = a
		}
	}
	var v view.Crib
	for _, q := range s.cfg.Rehearse.Catalog.List(interview.Filter{}) {
		a, ok := best[q.ID]
		if !ok {
			continue
		}
		cited, err := a.Cited()
		if err != nil {
			return err
		}
		runs, err := s.evidence(ctx, cited)
		if err != nil {
			return err
		}
		v.Items = append(v.Items, view.CribOf(q, a, runs))
	}
	return s.html(c, http.StatusOK, page.Crib(s.site(c, "Crib", ""), v))
}
