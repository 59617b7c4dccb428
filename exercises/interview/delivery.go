package interview

import (
	"fmt"
	"time"
)

// pace is how many words a person says in a minute.
const wordsPerMinute = 150

// band is how many words an answer of a mode has. Outside the inner pair points
// fall off towards the outer one. A long round is written down in short.
type band struct{ none, low, high, over float64 }

func (m Mode) band() band {
	switch m {
	case Minute:
		return band{20, 110, 200, 320}
	case Five:
		return band{60, 340, 900, 1400}
	}
	return band{100, 560, 6750, 9000}
}

func (b band) fit(words float64) float64 {
	switch {
	case words < b.low:
		return clamp((words-b.none)/(b.low-b.none), 0, 1)
	case words > b.high:
		return clamp((b.over-words)/(b.over-b.high), 0, 1)
	}
	return 1
}

// delivery judges length, order and time.
func (r *reading) delivery(a Answer, j judged) (Part, Pace) {
	mode := r.c.questions[r.q].Mode
	gate := j.gate(0.5) * (1 - clamp(2*r.saladShare()-0.2, 0, 1))
	pace := Pace{Words: r.words, Topic: r.topicality(), Budget: mode.Budget(), Spoken: time.Duration(r.words) * time.Minute / wordsPerMinute}
	if a.Elapsed > 0 {
		pace.Spoken = a.Elapsed
	}
	p := Part{Dimension: Delivery, Max: Delivery.Max()}
	fit := mode.band().fit(float64(r.words))
	spoken := band{none: 0, low: 0.2 * mode.Budget().Seconds(), high: 1.15 * mode.Budget().Seconds(), over: 2 * mode.Budget().Seconds()}
	inTime := spoken.fit(pace.Spoken.Seconds())
	if a.Elapsed == 0 {
		inTime = fit
	}
	pace.Comment = comment(r.words, mode, inTime, pace.Spoken, a.Elapsed > 0 && inTime >= 0.8)
	order, says, spans := r.order(j)
	fillers, brisk := r.fillers()
	p.Items = []Item{
		{Says: fmt.Sprintf("Has a fitting length: %d words.", r.words), Grade: graded(fit), Points: tenth(4 * fit * gate), Max: 4},
		{Says: says, Grade: graded(order), Points: tenth(3 * order * gate), Max: 3, Spans: spans},
		{Says: fmt.Sprintf("Is to the point: %d filler words, such as basically or um.", fillers), Grade: graded(brisk), Points: tenth(6 * brisk * gate), Max: 6},
		{Says: "Uses the time: " + pace.Comment, Grade: graded(inTime), Points: tenth(2 * inTime * gate), Max: 2},
	}
	for _, it := range p.Items {
		p.Points += it.Points
	}
	p.Points = tenth(p.Points)
	return p, pace
}

// A filler in a hundred words is nobody's fault; at five, listening is work.
const (
	fillerFree = 0.012
	fillerMost = 0.05
)

// fillers counts the words that fill a pause, and says how much of the credit for
// coming to the point is left.
func (r *reading) fillers() (n int, brisk float64) {
	for i := range r.lines {
		for _, w := range r.lines[i].Words {
			switch w.Text {
			case "um", "uh", "er", "erm", "yeah", "ok", "okay", "basically", "actually", "really", "kinda", "sorta", "gonna", "well", "like", "just", "right", "hmm", "anyway", "stuff", "thing", "things":
				n++
			}
		}
	}
	share := float64(n) / float64(max(r.words, 1))
	return n, 1 - clamp((share-fillerFree)/(fillerMost-fillerFree), 0, 1)
}

// span says in words how long a mode is.
func (m Mode) span() string {
	switch m {
	case Minute:
		return "a minute"
	case Five:
		return "five minutes"
	}
	return "forty-five minutes"
}

func graded(x float64) Grade {
	switch {
	case x >= 0.8:
		return Explained
	case x > 0:
		return Named
	}
	return Missing
}

func comment(words int, m Mode, inTime float64, spoken time.Duration, timed bool) string {
	b := m.band()
	switch {
	case words == 0:
		return "nothing was said."
	case float64(words) < b.low && !timed:
		return fmt.Sprintf("%d words are short for %s; there is room for a reason, a figure and a cost.", words, m.span())
	case float64(words) > b.high || inTime < 1 && spoken > m.Budget():
		return fmt.Sprintf("%s are too long for %s; say the first thing first and stop.", spoken.Round(time.Second), m.span())
	}
	return fmt.Sprintf("about %s of %s.", spoken.Round(time.Second), m.span())
}

// order judges whether things come in the order in which they are best said, or,
// where the question gives none, whether the answer is sentences that follow one
// another.
func (r *reading) order(j judged) (float64, string, []Span) {
	q := r.c.questions[r.q]
	at := map[string]int{}
	for _, it := range j.items {
		if it.said.credit > 0 && it.said.span.End > 0 {
			at[r.c.concepts[it.need.concept].ID] = it.said.span.Start
		}
	}
	right, pairs := 0.0, 0.0
	for i, first := range q.Order {
		for _, then := range q.Order[i+1:] {
			a, heard := at[first]
			b, also := at[then]
			if !heard || !also {
				continue
			}
			pairs++
			if a <= b {
				right++
			}
		}
	}
	if pairs > 0 {
		return right / pairs, "Says things in an order that can be followed.", nil
	}
	n := 0.0
	var spans []Span
	for i := range r.lines {
		l := &r.lines[i]
		if l.alive < 0.5 || l.again {
			continue
		}
		n++
		if ms := l.cues[signpost]; len(ms) > 0 {
			n++
			spans = append(spans, Span{i, ms[0].Start, ms[0].End})
		}
	}
	return clamp(n/4, 0, 1), "Is made of sentences that follow one another.", spans
}
