package interview

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"workbench/exercises/interview/phrase"
)

// joiners are words that hold a list together and say nothing of it.
var joiners = []string{"and", "or", "with", "of", "for", "in", "on", "by", "to", "from", "at", "per", "like", "as", "more", "also", "within", "via", "plus", "into", "over"}

func (c *Catalog) addCues(cues Cues) []error {
	for _, w := range cues[function] {
		c.function[w] = true
	}
	for _, w := range joiners {
		c.joining[w] = true
	}
	var faults []error
	for _, kind := range []cue{dismissal, overclaim, absolute, assured, distance, quote, because, contrast, condition, assumption, signpost} {
		for _, text := range cues[kind] {
			text = strings.ReplaceAll(text, " ", "_")
			faults = append(faults, c.add(text, owner{concept: -1, wrong: -1, only: -1, cue: kind}))
		}
	}
	return faults
}

// weigh learns how rare each word is among the explanations, so that sharing a
// rare one counts.
func (c *Catalog) weigh() {
	seen := map[string]int{}
	c.bags = make([]map[string]bool, len(c.concepts))
	for i, k := range c.concepts {
		c.bags[i] = c.contentStems(k.Says)
		for s := range c.bags[i] {
			seen[s]++
		}
	}
	c.weights = map[string]float64{}
	for s, n := range seen {
		c.weights[s] = math.Log(float64(len(c.concepts)+1) / float64(n))
	}
}

// contentStems returns the stems of a text without function words.
func (c *Catalog) contentStems(text string) map[string]bool {
	out := map[string]bool{}
	for _, s := range c.book.Split(text) {
		for _, w := range s.Words {
			if !c.function[w.Text] && !w.Number() {
				out[w.Stem] = true
			}
		}
	}
	return out
}

// prepare makes a question ready to be answered.
func (c *Catalog) prepare(i int) error {
	q := c.questions[i]
	a := asked{given: c.book.Given(q.Text), stems: c.contentStems(q.Text), topics: map[string]bool{}}
	var faults []error
	count := map[string]int{}
	taken := map[string]bool{}
	for _, n := range q.Needs {
		k, ok := c.conceptID[n.Concept]
		if !ok || taken[n.Concept] {
			faults = append(faults, fmt.Errorf("question %s: needs: %q is no concept, or stands twice", q.ID, n.Concept))
			continue
		}
		taken[n.Concept] = true
		part := n.Part
		if part == "" {
			part = c.concepts[k].Part
		}
		if part.Max() == 0 || part == Delivery {
			faults = append(faults, fmt.Errorf("question %s: needs: %s: %q is no part of a score that concepts can earn", q.ID, n.Concept, part))
		}
		a.needs = append(a.needs, need{k, n.Weight, part})
		count[c.concepts[k].Topic]++
	}
	for topic, n := range count {
		a.topics[topic] = n >= 2
	}
	for _, id := range q.Order {
		if !taken[id] {
			faults = append(faults, fmt.Errorf("question %s: order: %q is not among the needs", q.ID, id))
		}
	}
	c.asked = append(c.asked, a)
	return errors.Join(faults...)
}

// check says what is incomplete about a question.
func check(q Question) error {
	var faults []error
	fault := func(bad bool, field, want string) {
		if bad {
			faults = append(faults, fmt.Errorf("question %s: %s: want %s", q.ID, field, want))
		}
	}
	fault(q.ID == "", "id", "a name")
	fault(q.Chapter < 1 || q.Chapter > 9, "chapter", "1 to 9")
	fault(!slices.Contains([]string{"", "login", "feed", "orders", "notify"}, q.System), "system", "login, feed, orders or notify")
	fault(q.Mode.Budget() == 0, "mode", "60s, 5m or 45m")
	fault(q.Text == "", "text", "the question")
	fault(len(q.Needs) < 4, "needs", "at least four concepts")
	fault(q.Model.Sentence == "" || q.Model.Minute == "" || q.Model.Full == "", "model", "an answer at all three lengths")
	fault(len(q.FollowUp) == 0, "follow_up", "at least one")
	fault(q.Links.Chapter == "", "links.chapter", "the chapter's slug")
	kinds := []phrase.Kind{phrase.Time, phrase.Rate, phrase.Share, phrase.Size, phrase.Factor, phrase.Count}
	for _, k := range q.Numbers {
		fault(!slices.Contains(kinds, k), "numbers", fmt.Sprintf("some of %v", kinds))
	}
	if q.Mode != Round {
		fault(len(q.Phases) > 0 || q.Change.Text != "", "phases", "none outside a 45-minute round")
		return errors.Join(faults...)
	}
	minutes := 0
	for _, p := range q.Phases {
		minutes += p.Minutes
		fault(p.Name == "" || p.Minutes < 1 || p.Expect == "", "phases", "name, minutes and expect for each")
	}
	fault(minutes != 45, "phases", fmt.Sprintf("45 minutes, not %d", minutes))
	fault(q.Change.Text == "" || q.Change.Minute < 5 || q.Change.Minute > 40, "change", "one change of the task between minute 5 and 40")
	return errors.Join(faults...)
}
