package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"workbench/exercises/interview"
	"workbench/exercises/interview/card"
	"workbench/exercises/progress"
	"workbench/lab/live"
)

// runsAsked is how many of the latest runs make cards.
const runsAsked = 5

// cards returns the learner's cards.
func (s *Server) cards(ctx context.Context) ([]card.Card, error) {
	kept, err := s.cfg.Rehearse.Keeper.Cards(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]card.Card, len(kept))
	for i, k := range kept {
		if out[i], err = k.Asked(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) setCard(ctx context.Context, c card.Card) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("keep card %s: %w", c.ID, err)
	}
	return s.cfg.Rehearse.Keeper.SetCard(ctx, progress.Card{ID: c.ID, Due: c.State.Due, State: text})
}

// addCards keeps those of the cards that are not there yet.
func (s *Server) addCards(ctx context.Context, have, more []card.Card) error {
	for _, c := range more {
		if slices.ContainsFunc(have, func(h card.Card) bool { return h.ID == c.ID }) {
			continue
		}
		if err := s.setCard(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// learnt moves a question's card on after an answer, and makes cards of what the
// answer lacked.
func (s *Server) learnt(ctx context.Context, q interview.Question, r interview.Result) error {
	have, err := s.cards(ctx)
	if err != nil {
		return err
	}
	c := card.OfQuestion(q)
	if i := slices.IndexFunc(have, func(h card.Card) bool { return h.ID == c.ID }); i >= 0 {
		c.State = have[i].State
	}
	if c.State, err = card.Review(c.State, card.Rate(r.Total), s.now()); err != nil {
		return err
	}
	if err := s.setCard(ctx, c); err != nil {
		return err
	}
	return s.addCards(ctx, have, card.OfAnswer(q, r))
}

// askable returns the kept cards and those that the latest runs make. A run's
// cards are made anew each time and kept only when one is rated: looking at a
// page changes nothing.
func (s *Server) askable(ctx context.Context) ([]card.Card, error) {
	have, err := s.cards(ctx)
	if err != nil {
		return nil, err
	}
	runs, err := s.cfg.Lab.Runs(ctx)
	if err != nil {
		return nil, err
	}
	for _, run := range runs[:min(len(runs), runsAsked)] {
		rep, err := s.cfg.Lab.Run(ctx, run.ID)
		if errors.As(err, new(*progress.RowError)) {
			continue // it makes no cards, and /progress says so
		}
		if err != nil {
			return nil, err
		}
		for _, c := range card.OfRun(run, rep) {
			if !slices.ContainsFunc(have, func(h card.Card) bool { return h.ID == c.ID }) {
				have = append(have, c)
			}
		}
	}
	return have, nil
}

// due returns the cards of today's session.
func (s *Server) due(ctx context.Context) ([]card.Card, error) {
	all, err := s.askable(ctx)
	if err != nil {
		return nil, err
	}
	return card.Due(all, s.now(), duePerDay), nil
}

// postCard takes the learner's own word for how well a card was recalled.
func (s *Server) postCard(c echo.Context) error {
	get, _, err := form(c)
	if err != nil {
		return err
	}
	have, err := s.askable(c.Request().Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(have, func(h card.Card) bool { return h.ID == get("card") })
	if i < 0 {
		return fmt.Errorf("%w: card %q", live.ErrUnknown, get("card"))
	}
	rating, err := strconv.Atoi(get("rating"))
	if err != nil || rating < int(card.Again) || rating > int(card.Easy) {
		return &live.FieldError{Field: "rating", Got: strconv.Quote(get("rating")), Want: "1 (forgotten) to 4 (easy)"}
	}
	one := have[i]
	if one.State, err = card.Review(one.State, card.Rating(rating), s.now()); err != nil {
		return err
	}
	if err := s.setCard(c.Request().Context(), one); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/rehearse")
}
