// Package card decides when something is asked again, and makes cards from
// questions, from answers and from what the learner's own runs showed.
//
// Everything is a pure function of its arguments: the state of a card goes in and
// comes out as a plain value, now is an argument, and nothing is stored.
// Scheduling is FSRS; a round needs no sign-up of days, so steps within a day
// are left out and the shortest interval is one day.
package card

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	fsrs "github.com/open-spaced-repetition/go-fsrs/v4"

	"workbench/exercises/interview"
)

// Kind is where a card is from.
type Kind string

// The kinds of cards.
const (
	Question Kind = "question" // a question of the catalogue, to be answered again
	Concept  Kind = "concept"  // one thing that an answer lacked
	Mistake  Kind = "mistake"  // one thing that was said and is wrong
	Run      Kind = "run"      // something that a run of the learner's showed
)

// Card is one thing to recall.
type Card struct {
	ID       string `json:"id"` // the same for the same thing, so that it is made once
	Kind     Kind   `json:"kind"`
	Prompt   string `json:"prompt"`
	Answer   string `json:"answer"`             // shown after the attempt
	Question string `json:"question,omitempty"` // the question that it leads to
	Scenario string `json:"scenario,omitempty"` // what shows it when run
	Run      uint64 `json:"run,omitempty"`
	State    State  `json:"state"`
}

// State is what the schedule knows of a card. The zero value is a new card that
// is due at once.
type State struct {
	Due        time.Time `json:"due"`
	Last       time.Time `json:"last"`
	Stability  float64   `json:"stability"`  // days until recall falls to 90 %
	Difficulty float64   `json:"difficulty"` // 1 to 10
	Days       uint64    `json:"days"`       // the interval that was set
	Reviews    uint64    `json:"reviews"`
	Lapses     uint64    `json:"lapses"`
}

// Rating is how well a card was recalled.
type Rating int

// The ratings.
const (
	Again Rating = iota + 1
	Hard
	Good
	Easy
)

// target is the recall that intervals aim at; longest is the longest interval.
const (
	target  = 0.9
	longest = 180 // days: an interview is nearer than that
)

func scheduler() *fsrs.FSRS {
	p := fsrs.DefaultParam()
	p.RequestRetention, p.MaximumInterval = target, longest
	p.EnableShortTerm, p.EnableFuzz = false, false
	return fsrs.NewFSRS(p)
}

// Review returns a card's state after an attempt. A rating that there is not is
// an error, and so is a state that no review can have made.
func Review(s State, r Rating, now time.Time) (State, error) {
	if r < Again || r > Easy {
		return s, fmt.Errorf("rating %d: want 1 (again) to 4 (easy)", r)
	}
	if now.Before(s.Last) {
		now = s.Last // the clock went back; an interval is never negative
	}
	info, err := scheduler().Next(s.card(), now, fsrs.Rating(r))
	if err != nil {
		return s, fmt.Errorf("schedule a card: %w", err)
	}
	c := info.Card
	return State{Due: c.Due, Last: now, Stability: c.Stability, Difficulty: c.Difficulty, Days: c.ScheduledDays, Reviews: s.Reviews + 1, Lapses: c.Lapses}, nil
}

func (s State) card() fsrs.Card {
	c := fsrs.Card{Due: s.Due, Stability: s.Stability, Difficulty: s.Difficulty, ScheduledDays: s.Days, Reps: s.Reviews, Lapses: s.Lapses, LastReview: s.Last}
	if s.Reviews > 0 {
		c.State = fsrs.Review
	}
	return c
}

// Recall returns the chance that a card is still known, or 0 for a new one.
func (s State) Recall(now time.Time) float64 {
	if s.Reviews == 0 {
		return 0
	}
	x, err := scheduler().Retrievability(s.card(), now)
	if err != nil {
		return 0
	}
	return min(max(x, 0), 1)
}

// Due returns the cards that are due, the longest overdue first and new ones
// last, at most so many.
func Due(cards []Card, now time.Time, most int) []Card {
	var out []Card
	for _, c := range cards {
		if !c.State.Due.After(now) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Card) int {
		return cmp.Or(
			-cmp.Compare(min(a.State.Reviews, 1), min(b.State.Reviews, 1)),
			a.State.Due.Compare(b.State.Due),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return out[:min(len(out), max(most, 0))]
}

// Rate turns a score into a rating.
func Rate(total int) Rating {
	switch {
	case total < 40:
		return Again
	case total < 60:
		return Hard
	case total < 85:
		return Good
	}
	return Easy
}

// OfQuestion makes the card of a question.
func OfQuestion(q interview.Question) Card {
	return Card{ID: "question/" + q.ID, Kind: Question, Prompt: q.Text, Answer: q.Model.Sentence, Question: q.ID, Scenario: q.Links.Scenario}
}

// mostMissing is how many cards an answer makes of what it lacked.
const mostMissing = 3

// OfAnswer makes cards of what an answer lacked most and of what was wrong in
// it. What the learner overruled makes none.
func OfAnswer(q interview.Question, r interview.Result) []Card {
	var out []Card
	for _, f := range r.Faults {
		if f.Ruling != nil || f.Span.Sentence < 0 || f.Span.Sentence >= len(r.Sentences) {
			continue
		}
		out = append(out, Card{
			ID: "mistake/" + q.ID + "/" + f.ID, Kind: Mistake, Question: q.ID, Scenario: q.Links.Scenario,
			Prompt: fmt.Sprintf("You said: “%s”. What is wrong with it?", r.Sentences[f.Span.Sentence]), Answer: f.Says,
		})
	}
	var missing []interview.Item
	for _, p := range r.Parts {
		for _, it := range p.Items {
			if it.Concept != "" && it.Ruling == nil && (it.Grade == interview.Missing || it.Grade == interview.Denied) {
				missing = append(missing, it)
			}
		}
	}
	slices.SortStableFunc(missing, func(a, b interview.Item) int { return cmp.Compare(b.Max, a.Max) })
	for _, it := range missing[:min(len(missing), mostMissing)] {
		out = append(out, Card{
			ID: "concept/" + q.ID + "/" + it.Concept, Kind: Concept, Question: q.ID, Scenario: q.Links.Scenario,
			Prompt: "“" + q.Text + "” What did your answer leave out?", Answer: it.Says,
		})
	}
	return out
}
