package interview

import (
	"math"
	"slices"
)

// Plain words. A list of concepts knows what has been said before; a person may
// say a thing in words that nobody has foreseen, or be wrong in a way that nobody
// has. What can be told without a list is how it is said: who understands a thing
// gives reasons, figures and conditions, and who is only sure speaks in absolutes.

// tone is how an answer is put: the share of sentences with a word such as
// always, automatically or for free, and of sentences that set a limit or name a
// cost and have no such word.
type tone struct {
	absolute, balanced float64
	words              int // such words, two of a sentence at most
	sentences          int // that were looked at
}

func (r *reading) tone() tone {
	var t tone
	all, absolute, balanced := 0, 0, 0
	for i := range r.lines {
		l := &r.lines[i]
		if l.again || l.echo || l.Question || len(l.Words) < 4 {
			continue
		}
		all++
		n := r.sure(l)
		if r.c.questions[r.q].Mode != Minute {
			n += r.put(l, assured)
		}
		if n > 0 {
			absolute++
			t.words += min(n, 2)
			continue
		}
		if len(l.cues[contrast]) > 0 || len(l.cues[assumption]) > 0 {
			balanced++
		}
	}
	t.sentences = all
	if all > 0 {
		t.absolute, t.balanced = float64(absolute)/float64(all), float64(balanced)/float64(all)
	}
	return t
}

// sure counts the words by which a sentence is put absolutely. One that speaks of
// mistakes has none.
func (r *reading) sure(l *line) int { return r.put(l, absolute) }

// put counts the words of a kind by which a sentence is put.
func (r *reading) put(l *line, kind cue) int {
	if len(l.cues[distance]) > 0 {
		return 0
	}
	n := 0
	for _, m := range l.cues[kind] {
		if before := max(0, m.At[0]-1); l.Words[before].Text == "than" || l.Words[before].Text == "rather" {
			continue // rather twice than never
		}
		if !m.Denied && !m.Partly && !l.Supposed(m.At) {
			n++
		}
	}
	return n
}

// manySentences is from when on a share says something by itself: half of four
// sentences may be chance, a quarter of sixteen is a habit. An answer of a minute
// with so many has short ones, such as "nobody feels the average".
const manySentences = 12

// certain says how much an answer that is mostly put absolutely can get. In a long
// answer what reassures ("nobody minds", "a luxury") counts as well; of over 240
// good ones none comes near the shares below. An answer of a minute has too few
// sentences for that.
func (t tone) certain(m Mode) (Ceiling, bool) {
	most, lean := 0.5, 1.01
	switch {
	case m == Minute:
	case t.sentences >= manySentences:
		most, lean = 0.29, 1.5
	default:
		most = 0.34
	}
	if t.words < 2 || t.absolute < most || t.absolute < lean*t.balanced {
		return Ceiling{}, false
	}
	at := int(math.Round(clamp(40-60*(t.absolute-most), 12, 40)))
	return Ceiling{at, "Most of it is put absolutely (always, automatically, for free, does not matter): say within which limits it holds, and what it costs."}, true
}

// What a sentence that no concept has heard must have to count, and how many of
// them make a full item.
const (
	plainWords = 8
	plainFull  = 5.0
)

// plain credits sentences about the question that give a reason, a condition, a
// figure or a cost, where no concept has heard what they say.
func (r *reading) plain(d Dimension, j judged) Item {
	it := Item{Says: "Explains in words of its own: sentences about the question with a reason, a condition, a figure or a cost.", Grade: Missing}
	heard := map[int]bool{}
	for _, x := range j.items {
		if x.said.credit >= 0.5 {
			heard[x.said.span.Sentence] = true
		}
	}
	n := 0.0
	for i := range r.lines {
		l := &r.lines[i]
		if heard[i] || l.again || l.echo || l.lost() || l.Question || l.alive < 0.7 || len(l.Words) < plainWords {
			continue
		}
		if near := r.true(i); !near && (r.sure(l) > 0 || !r.reasoned(l) || r.topical(l) < 2) {
			continue
		}
		n++
		it.Spans = append(it.Spans, Span{i, l.Start, l.End})
	}
	length := map[Mode]float64{Minute: 1, Five: 2, Round: 4}[r.c.questions[r.q].Mode]
	it.Points = clamp((n/length-1)/(plainFull-1), 0, 1) * clamp((r.topicality()-0.25)/0.1, 0, 1)
	if it.Points > 0 {
		it.Grade = Named
	}
	it.Max = 0.6 * d.Max()
	it.Points *= it.Max
	return it
}

// reasoned reports whether a sentence gives a reason, a condition, a figure or a
// cost.
func (r *reading) reasoned(l *line) bool {
	return len(l.quantities) > 0 || slices.ContainsFunc([]cue{because, contrast, condition}, func(k cue) bool { return len(l.cues[k]) > 0 })
}

// topical counts the words of a sentence that belong to the question.
func (r *reading) topical(l *line) int {
	seen := map[string]bool{}
	for _, w := range l.Words {
		if !r.c.function[w.Text] && r.c.asked[r.q].words[w.Stem] {
			seen[w.Stem] = true
		}
	}
	return len(seen)
}
