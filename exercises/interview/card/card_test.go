package card_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/exercises/interview"
	"workbench/exercises/interview/card"
	"workbench/lab/live"
	"workbench/lab/scenario"
)

var start = time.Date(2030, 1, 1, 9, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// What is known is asked at growing intervals; what was forgotten comes back soon.
func TestIntervalsGrow(t *testing.T) {
	var s card.State
	now, last := start, time.Duration(0)
	for i := range 6 {
		next, err := card.Review(s, card.Good, now)
		if err != nil {
			t.Fatal(err)
		}
		interval := next.Due.Sub(now)
		if interval < day || interval <= last && interval < 180*day {
			t.Errorf("review %d sets %v after %v, want more, and at least a day", i+1, interval, last)
		}
		if r := next.Recall(next.Due); r < 0.85 || r > 0.95 && interval < 180*day {
			t.Errorf("review %d: recall when due is %.3f, want about .9", i+1, r)
		}
		s, now, last = next, next.Due, interval
	}
	lapsed, err := card.Review(s, card.Again, now)
	if err != nil || lapsed.Due.Sub(now) >= last/2 || lapsed.Lapses != s.Lapses+1 || lapsed.Reviews != 7 {
		t.Errorf("after a lapse due in %v (%+v, %v), want far sooner than %v and one lapse more", lapsed.Due.Sub(now), lapsed, err, last)
	}
}

func TestReviewOrder(t *testing.T) {
	var due []time.Time
	for _, r := range []card.Rating{card.Again, card.Hard, card.Good, card.Easy} {
		s, err := card.Review(card.State{}, r, start)
		if err != nil {
			t.Fatal(err)
		}
		due = append(due, s.Due)
	}
	if !slices.IsSortedFunc(due, time.Time.Compare) || !due[0].Before(due[3]) {
		t.Errorf("due at %v for again, hard, good and easy; want later for better", due)
	}
	for _, r := range []card.Rating{0, 5, -1} {
		if _, err := card.Review(card.State{}, r, start); err == nil {
			t.Errorf("Review with the rating %d succeeds", r)
		}
	}
}

// A clock that goes back makes no negative interval.
func TestClockGoesBack(t *testing.T) {
	s, err := card.Review(card.State{}, card.Good, start)
	if err != nil {
		t.Fatal(err)
	}
	s, err = card.Review(s, card.Good, start.Add(-48*time.Hour))
	if err != nil || s.Due.Before(start) {
		t.Errorf("due %v (%v), want after %v", s.Due, err, start)
	}
}

func TestDue(t *testing.T) {
	seen := func(id string, due time.Duration) card.Card {
		return card.Card{ID: id, State: card.State{Due: start.Add(due), Reviews: 1}}
	}
	cards := []card.Card{{ID: "new-b"}, seen("late", -2*day), seen("later", 3*day), seen("today", 0), {ID: "new-a"}}
	var got []string
	for _, c := range card.Due(cards, start, 4) {
		got = append(got, c.ID)
	}
	if want := []string{"late", "today", "new-a", "new-b"}; !slices.Equal(got, want) {
		t.Errorf("Due = %v, want %v", got, want)
	}
	if got := card.Due(cards, start, -1); len(got) != 0 {
		t.Errorf("Due with -1 = %v, want none", got)
	}
}

func TestRate(t *testing.T) {
	for total, want := range map[int]card.Rating{0: card.Again, 39: card.Again, 40: card.Hard, 60: card.Good, 84: card.Good, 85: card.Easy, 100: card.Easy} {
		if got := card.Rate(total); got != want {
			t.Errorf("Rate(%d) = %d, want %d", total, got, want)
		}
	}
}

// run is thirty seconds in which p99 tripled after a marker at 15 s and goodput fell.
func run() (live.RunSummary, scenario.Report) {
	s := live.RunSummary{ID: 12, Scenario: "metastable", Title: "The spike that never ends", GoodputShare: 0.4, P99MS: 2300, Prediction: "wrong"}
	r := scenario.Report{
		Claims:  []scenario.Verdict{{Text: "goodput at the end is at least 95 %", Value: 0.1, Want: ">= 0.95"}, {Text: "it holds", OK: true}, {Text: "nobody knows", NotJudged: "the run ends before it"}},
		Changes: []scenario.Change{{At: 3 * time.Second, Text: "queue on"}, {At: 15 * time.Second, Text: "spike"}},
	}
	for i := range 30 {
		p := scenario.Point{T: float64(i + 1), Offered: 800, Good: 800, P99MS: 100}
		if i >= 15 {
			p.P99MS, p.Good = 310, 200
		}
		r.Series = append(r.Series, p)
	}
	return s, r
}

func TestOfRun(t *testing.T) {
	s, r := run()
	prompts := map[string]string{}
	for _, c := range card.OfRun(s, r) {
		if c.Run != 12 || c.Scenario != "metastable" || c.Kind != card.Run || c.Answer == "" {
			t.Errorf("card %+v, want one of run 12 with an answer", c)
		}
		prompts[c.ID] = c.Prompt
	}
	for id, part := range map[string]string{
		"run/12/prediction": "your prediction was wrong", "run/12/claim-1": "goodput at the end", "run/12/marker-2": "fell from 100 to 25 %", "run/12/recovery": "kept the service down",
	} {
		if !strings.Contains(prompts[id], part) {
			t.Errorf("card %s asks %q, want %q in it", id, prompts[id], part)
		}
	}
	if len(prompts) != 4 {
		t.Errorf("cards %v, want four: nothing is asked about the marker that changed nothing", prompts)
	}
	for i := range r.Series {
		r.Series[i].Good = 800
	}
	for _, c := range card.OfRun(s, r) {
		if c.ID == "run/12/marker-2" && !strings.Contains(c.Prompt, "Your p99 tripled at marker 2 (spike)") {
			t.Errorf("asks %q, want that p99 tripled", c.Prompt)
		}
	}
	if got := card.OfRun(live.RunSummary{ID: 1, Prediction: "right"}, scenario.Report{}); len(got) != 0 {
		t.Errorf("OfRun of a run without surprises = %v, want none", got)
	}
}

func TestOfAnswer(t *testing.T) {
	c, err := interview.Load()
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.Get("retries-worse")
	if err != nil {
		t.Fatal(err)
	}
	text := "More retries always improve availability. Jitter solves the overload completely."
	r, err := c.Score(q.ID, interview.Answer{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[card.Kind]int{}
	for _, k := range card.OfAnswer(q, r) {
		kinds[k.Kind]++
		if k.Question != q.ID || k.Prompt == "" || k.Answer == "" {
			t.Errorf("card %+v, want one of the question with prompt and answer", k)
		}
	}
	if kinds[card.Mistake] == 0 || kinds[card.Concept] != 3 {
		t.Errorf("cards %v, want mistakes and three concepts; faults %+v", kinds, r.Faults)
	}
	if k := card.OfQuestion(q); k.ID != "question/retries-worse" || k.Scenario != "metastable" {
		t.Errorf("OfQuestion = %+v", k)
	}
}
