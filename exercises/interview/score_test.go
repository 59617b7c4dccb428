package interview_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"workbench/exercises/interview"
)

// item finds a concept's item in a result.
func item(t *testing.T, r interview.Result, concept string) interview.Item {
	t.Helper()
	for _, p := range r.Parts {
		for _, it := range p.Items {
			if it.Concept == concept {
				return it
			}
		}
	}
	t.Fatalf("the result has no item for %s", concept)
	return interview.Item{}
}

// Each point names its sentence, the parts add up, and what is missing is explained.
func TestResultExplainsItself(t *testing.T) {
	c := load(t)
	text := "Under overload three retries make four times the load. So I cap them with a budget of 10 %, because jitter only spreads them."
	r := score(t, c, "retries-worse", text)
	sum := 0.0
	for _, p := range r.Parts {
		points := 0.0
		for _, it := range p.Items {
			points += it.Points
			if it.Points > 0 && it.Concept != "" && len(it.Spans) == 0 {
				t.Errorf("%s gives %.1f points and names no sentence", it.Concept, it.Points)
			}
			for _, s := range it.Spans {
				if s.Sentence >= len(r.Sentences) || s.Start >= s.End || s.End > len(text) {
					t.Errorf("%s points to %+v, outside the answer", it.Concept, s)
				}
			}
			if it.Says == "" {
				t.Errorf("%s of %s has no explanation", it.Concept, p.Dimension)
			}
		}
		if p.Points > p.Max || points < p.Points-0.1 {
			t.Errorf("%s: items give %.1f, the part %.1f of %.0f", p.Dimension, points, p.Points, p.Max)
		}
		sum += p.Points
	}
	if r.Total != int(sum+0.5) {
		t.Errorf("total %d, parts add up to %.1f", r.Total, sum)
	}
	if it := item(t, r, "retry-budget"); it.Grade != interview.Explained || it.Spans[0].Sentence != 1 || !strings.Contains(text[it.Spans[0].Start:it.Spans[0].End], "budget") {
		t.Errorf("retry-budget: %+v, want explained by the second sentence", it)
	}
	if it := item(t, r, "layer-owner"); it.Grade != interview.Missing || it.Points != 0 {
		t.Errorf("layer-owner: %+v, want it missing", it)
	}
}

func TestJudgement(t *testing.T) {
	c := load(t)
	for _, x := range []struct {
		name, text, concept string
		want                interview.Grade
	}{
		{"said", "We put a circuit breaker around it, so calls fail at once.", "breaker", interview.Explained},
		{"named only", "There would be a circuit breaker.", "breaker", interview.Named},
		{"denied", "We do not use a circuit breaker.", "breaker", interview.Denied},
		{"a warning", "If you do not have a circuit breaker, every call waits for its timeout.", "breaker", interview.Explained},
		{"a typo", "a circut braker opens when most calls fail", "breaker", interview.Explained},
	} {
		t.Run(x.name, func(t *testing.T) {
			if it := item(t, score(t, c, "slow-neighbour", x.text), x.concept); it.Grade != x.want {
				t.Errorf("%q: %s, want %s", x.text, it.Grade, x.want)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	c := load(t)
	for _, x := range []struct {
		name, question, text, fault string
	}{
		{"asserted", "retries-worse", "More retries always improve availability.", "retry-amplification"},
		{"called a mistake", "retries-worse", "A common mistake is to think that more retries always improve availability.", ""},
		{"turned against", "retries-worse", "More retries improve availability at first, but they kill an overloaded service.", ""},
		{"supposed", "never-recovers", "If you increase the timeout to fix it, more work is held.", ""},
		{"a wanted thing called needless", "slow-neighbour", "A circuit breaker is unnecessary here.", "breaker"},
		{"needless for now", "slow-neighbour", "A circuit breaker is unnecessary until there are more dependencies.", ""},
		{"promises without limits", "cache-dies", "Redis is bulletproof and handles everything. The database scales infinitely.", "overclaim"},
		{"asked", "retries-worse", "Do more retries always improve availability?", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := score(t, c, x.question, x.text)
			got := ""
			if len(r.Faults) > 0 {
				got = r.Faults[0].ID
			}
			if !strings.HasPrefix(got, x.fault) || x.fault == "" && got != "" {
				t.Errorf("%q: fault %q, want %q", x.text, got, x.fault)
			}
		})
	}
}

// Who says that the right thing is wrong, or needless, earns nothing by it,
// however good it sounds.
func TestDenialsEarnNothing(t *testing.T) {
	c := load(t)
	for _, text := range []string{
		"I would not use Little's law at all, because multiplying the arrival rate by the time each stays tells you nothing.",
		"The peak is no different from the average.",
		"It is never necessary to measure what one instance can do, so guess.",
	} {
		r := score(t, c, "how-many-instances", text)
		for _, part := range r.Parts {
			for _, it := range part.Items {
				if it.Grade == interview.Denied && it.Points > 0 {
					t.Errorf("%q: %s is denied and earns %.1f", text, it.Concept, it.Points)
				}
			}
		}
		if r.Total > 8 { // for being brief and to the point
			t.Errorf("%q scores %d, want at most 8", text, r.Total)
		}
	}
}

// Neither the question, nor a sentence said again, nor a list earns more.
func TestNothingForPadding(t *testing.T) {
	c := load(t)
	q, err := c.Get("retries-worse")
	if err != nil {
		t.Fatal(err)
	}
	if r := score(t, c, q.ID, q.Text); r.Total > 10 {
		t.Errorf("the question itself scores %d", r.Total)
	}
	once := "Retries multiply the load of an overloaded service, so they need a budget."
	if a, b := score(t, c, q.ID, once).Total, score(t, c, q.ID, strings.Repeat(once+" ", 8)).Total; b > a+12 {
		t.Errorf("said once %d, said eight times %d", a, b)
	}
	for _, text := range []string{"", " \n.", "?", strings.Repeat("retry ", 400)} {
		if r := score(t, c, q.ID, text); r.Total > 15 {
			t.Errorf("%.20q scores %d", text, r.Total)
		}
	}
	salad := "Retries and budgets and jitter and backoff with breakers and bulkheads and timeouts and idempotency and layers and amplification and metastability and hedging."
	if r := score(t, c, q.ID, salad); r.Total > 40 {
		t.Errorf("keywords joined by and score %d", r.Total)
	}
}

func TestEvidence(t *testing.T) {
	c := load(t)
	text := "In run 12 p99 went to 2.3 s with three retries. With a budget of 10 % it was back after 20 seconds."
	r, err := c.Score("retries-worse", interview.Answer{Text: text, Evidence: []interview.Citation{{Run: 12, Scenario: "metastable", Metric: "p99_ms", Value: 2312}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Claims) != 2 {
		t.Fatalf("claims %+v, want two", r.Claims)
	}
	if b := r.Claims[0].Backed; b == nil || b.Run != 12 {
		t.Errorf("first claim %+v, want it backed by run 12", r.Claims[0])
	}
	if r.Claims[1].Backed != nil || r.Claims[1].Scenario != "retry-budget-threshold" {
		t.Errorf("second claim %+v, want no run and the scenario retry-budget-threshold", r.Claims[1])
	}
	if bare := score(t, c, "retries-worse", text); bare.Total > r.Total {
		t.Errorf("with evidence %d, without %d", r.Total, bare.Total)
	}
}

func TestRulings(t *testing.T) {
	c := load(t)
	a := interview.Answer{Text: "Attempts come back threefold when the callee drowns. A circuit breaker is unnecessary here."}
	before, err := c.Score("retries-worse", a)
	if err != nil {
		t.Fatal(err)
	}
	a.Rulings = []interview.Ruling{
		{Concept: "layer-owner", Verdict: interview.Said, Reason: "I meant one layer"},
		{Concept: "breaker", Verdict: interview.NotWrong, Reason: "the budget is enough here"},
	}
	after, err := c.Score("retries-worse", a)
	if err != nil {
		t.Fatal(err)
	}
	if after.Total <= before.Total || after.Automatic != before.Total || len(after.Rulings) != 2 {
		t.Errorf("%d before, %d after rulings (automatic %d, %d kept), want more, and both visible", before.Total, after.Total, after.Automatic, len(after.Rulings))
	}
	if it := item(t, after, "layer-owner"); it.Ruling == nil || it.Ruling.Reason != "I meant one layer" {
		t.Errorf("layer-owner %+v, want the ruling with it", it)
	}
	if len(after.Faults) != 1 || after.Faults[0].Ruling == nil {
		t.Errorf("faults %+v, want the one overruled and still shown", after.Faults)
	}
	a.Rulings = []interview.Ruling{{Concept: "breaker", Verdict: "perhaps", Reason: "x"}}
	if _, err := c.Score("retries-worse", a); err == nil || !strings.Contains(err.Error(), "breaker") {
		t.Errorf("a ruling that there is not: %v, want an error that names it", err)
	}
}

func TestDelivery(t *testing.T) {
	c := load(t)
	q, err := c.Get("retries-worse")
	if err != nil {
		t.Fatal(err)
	}
	fit, err := c.Score(q.ID, interview.Answer{Text: q.Model.Minute, Elapsed: 55 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	late, err := c.Score(q.ID, interview.Answer{Text: q.Model.Minute, Elapsed: 3 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if fit.Total <= late.Total || fit.Pace.Budget != time.Minute || late.Pace.Spoken != 3*time.Minute {
		t.Errorf("in time %d, three times too long %d (pace %+v)", fit.Total, late.Total, late.Pace)
	}
	if short := score(t, c, q.ID, q.Model.Sentence); !strings.Contains(short.Pace.Comment, "short") {
		t.Errorf("comment on one sentence: %q", short.Pace.Comment)
	}
}

func FuzzScore(f *testing.F) {
	c := load(f)
	questions := c.List(interview.Filter{})
	for i, q := range questions {
		f.Add(uint8(i), q.Model.Minute)
	}
	f.Add(uint8(0), "\xff don’t 10 % … e.g. 1,000,000.5x/s; if and because not")
	f.Fuzz(func(t *testing.T, i uint8, text string) {
		a := interview.Answer{Text: text, Evidence: []interview.Citation{{Run: 1, Metric: "p99_ms", Value: 20}}}
		q := questions[int(i)%len(questions)]
		r, err := c.Score(q.ID, a)
		if err != nil {
			t.Fatal(err)
		}
		if r.Total < 0 || r.Total > 100 {
			t.Fatalf("scores %d", r.Total)
		}
		again, err := c.Score(q.ID, a)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("scores %d and then %d (%v)", r.Total, again.Total, err)
		}
	})
}
