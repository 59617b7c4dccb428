package interview

import (
	"fmt"
	"slices"
	"strings"

	"workbench/exercises/interview/phrase"
)

// Turn is something that can be said the right way round or the wrong way round,
// with nearly the same words: which of two things a property belongs to, or which
// way something goes. An answer that holds more sentences for the wrong way than
// for the right one has it the wrong way round.
type Turn struct {
	For    []string `yaml:"for"` // the questions in which it counts
	Of     []string `yaml:"of"`  // and all questions that want one of these concepts
	Says   string   `yaml:"says"`
	Beside bool     `yaml:"beside"` // its patterns are short: it counts where it is meant, and beside another mistake
	Heart  bool     `yaml:"heart"`  // the question is about this: who turns it round has not answered
	Right  []string `yaml:"right"`  // patterns of package phrase
	Wrong  []string `yaml:"wrong"`
	Way    []string `yaml:"way"`  // patterns with one ^class; the class's opposite makes it wrong
	Pair   *Pair    `yaml:"pair"` // or which of two things has which properties
}

// Turns are the turns of all questions, and which class of words is the opposite
// of which.
type Turns struct {
	List      []Turn
	Opposites map[string]string
}

// Pair is two things that are told apart, each a list of alternatives, and what
// belongs to the one and not to the other.
type Pair struct {
	A   string `yaml:"a"`
	B   string `yaml:"b"`
	OfA string `yaml:"of_a"`
	OfB string `yaml:"of_b"`
}

// side is which way round a sentence says it.
type side int

const (
	straight side = 1
	turned   side = -1
)

// turn is a Turn made ready.
type turn struct {
	says     string
	id       string
	heart    bool
	asked    map[int]bool // questions
	strict   bool         // counts only where it is meant
	beside   bool         // counts only beside another mistake
	pair     bool
	a, b     phrase.ID
	ofA, ofB phrase.ID
}

// addTurns compiles the turns.
func (c *Catalog) addTurns(turns Turns) []error {
	var faults []error
	for n, t := range turns.List {
		made := turn{says: t.Says, heart: t.Heart, asked: map[int]bool{}}
		if t.Says == "" || len(t.For) == 0 && len(t.Of) == 0 {
			faults = append(faults, fmt.Errorf("turn %d (%.40q): wants says, and for or of", n+1, t.Says))
			continue
		}
		made.id = fmt.Sprintf("%s/turn-%d", slices.Concat(t.For, t.Of)[0], n+1)
		made.strict = len(t.Of) > 0 || t.Beside
		made.beside = t.Beside
		for _, concept := range t.Of {
			if _, ok := c.conceptID[concept]; !ok {
				faults = append(faults, fmt.Errorf("turn %s: of: there is no concept %q", made.id, concept))
			}
			for q := range c.questions {
				if slices.ContainsFunc(c.questions[q].Needs, func(n Need) bool { return n.Concept == concept }) {
					made.asked[q] = true
				}
			}
		}
		for _, id := range t.For {
			q, ok := c.byID[id]
			if !ok {
				faults = append(faults, fmt.Errorf("turn %s: for: there is no question %q", made.id, id))
			}
			made.asked[q] = true
		}
		faults = append(faults, c.addSides(len(c.turns), t, made.strict, turns.Opposites)...)
		if t.Pair != nil {
			faults = append(faults, c.addPair(&made, *t.Pair)...)
		}
		c.turns = append(c.turns, made)
	}
	return faults
}

// addSides adds the patterns for and against a turn.
func (c *Catalog) addSides(n int, t Turn, strict bool, opposites map[string]string) []error {
	var faults []error
	add := func(text string, s side) {
		faults = append(faults, c.add(text, owner{concept: -1, wrong: -1, only: -1, turn: n + 1, side: s, near: strict && s == turned, denies: strings.Contains(text, "~")}))
	}
	for _, text := range t.Right {
		add(text, straight)
	}
	for _, text := range t.Wrong {
		add(text, turned)
	}
	for _, text := range t.Way {
		name, ok := direction(text)
		if !ok || opposites[name] == "" {
			faults = append(faults, fmt.Errorf("turn %d (%.40q): way %q: wants one ^class that has an opposite", n+1, t.Says, text))
			continue
		}
		put := func(form string) string { return strings.Replace(text, "^"+name, form, 1) }
		add(put("@"+name), straight)
		add(put("~@"+opposites[name]), straight)
		add(put("@"+opposites[name]), turned)
		add(put("~@"+name), turned)
	}
	return faults
}

// direction returns the class of which a way names the direction.
func direction(way string) (string, bool) {
	for _, field := range strings.Fields(way) {
		if name, ok := strings.CutPrefix(field, "^"); ok {
			return name, true
		}
	}
	return "", false
}

func (c *Catalog) addPair(t *turn, p Pair) []error {
	var faults []error
	for _, x := range []struct {
		text string
		into *phrase.ID
	}{{p.A, &t.a}, {p.B, &t.b}, {p.OfA, &t.ofA}, {p.OfB, &t.ofB}} {
		*x.into = phrase.ID(len(c.owners))
		faults = append(faults, c.add(x.text, owner{concept: -1, wrong: -1, only: -1, part: true}))
	}
	t.pair = true
	return faults
}

// vote is one sentence's word on a turn.
type vote struct {
	turn int
	side side
	m    phrase.Match
}

// votes hears what a sentence says of the turns of its question. It must be
// called while the ear still holds the sentence.
func (c *Catalog) votes(q int, s *phrase.Sentence, h *phrase.Heard, found []phrase.Match) []vote {
	var out []vote
	for _, m := range found {
		o := c.owners[m.Pattern]
		if o.turn == 0 || !c.turns[o.turn-1].asked[q] || (m.Partly || m.Denied) && !o.denies || m.Assumed {
			continue
		}
		out = append(out, vote{o.turn - 1, o.side, m})
	}
	for n := range c.turns {
		t := &c.turns[n]
		if !t.pair || !t.asked[q] {
			continue
		}
		a, b := c.book.Places(h, t.a), c.book.Places(h, t.b)
		for _, own := range []struct {
			at    []int
			right bool // a property of a
		}{{c.book.Places(h, t.ofA), true}, {c.book.Places(h, t.ofB), false}} {
			for _, p := range own.at {
				subject, isA := s.Bound(p, a, b)
				if subject < 0 || s.Denied(p) || s.Denied(subject) {
					continue
				}
				v := vote{n, straight, s.Span(subject, p)}
				if isA != own.right {
					v.side = turned
				}
				out = append(out, v)
			}
		}
	}
	return out
}

// findTurned finds what the answer has the wrong way round: turns for which more
// sentences speak the wrong way than the right one.
func (r *reading) findTurned() {
	var beside []wrongHit
	for n := range r.c.turns {
		if !r.c.turns[n].asked[r.q] {
			continue
		}
		right, wrong := 0, []wrongHit(nil)
		for i := range r.lines {
			l := &r.lines[i]
			if l.again || l.Question || l.quoted || l.alive < 0.5 {
				continue
			}
			sum, m := 0, phrase.Match{}
			for _, v := range l.votes {
				if v.turn == n && (v.side == straight || !r.c.turns[n].strict || r.meant(l, v.m)) {
					sum += int(v.side)
					if v.side == turned {
						m = v.m
					}
				}
			}
			switch {
			case sum > 0:
				right++
			case sum < 0:
				t := r.c.turns[n]
				wrong = append(wrong, wrongHit{id: t.id, says: t.says, line: i, m: m, heart: t.heart})
			}
		}
		if len(wrong) < right || len(wrong) == right && right < 2 {
			continue
		}
		if r.c.turns[n].beside {
			beside = append(beside, wrong...)
			continue
		}
		for _, w := range wrong {
			r.turnRound(w)
		}
	}
	r.findBeside(beside)
}

// findBeside charges what counts beside other mistakes only: there must be two
// sentences with one in all, and in a long answer more.
func (r *reading) findBeside(hits []wrongHit) {
	lines := map[int]bool{}
	for _, w := range slices.Concat(r.wrongs, hits) {
		lines[w.line] = true
	}
	if len(lines) < 2 || 8*len(lines) < len(r.lines) {
		return
	}
	for _, w := range hits {
		r.turnRound(w)
	}
}

// meant reports whether a sentence says a thing as its own view: not as what would
// follow if, nor as a danger, nor with a "but". What is heard in any question is
// held to this, for it knows less of the matter than what is written for one.
func (r *reading) meant(l *line, m phrase.Match) bool {
	return !l.Supposed(m.At) && !r.distanced(l, m)
}

// turnRound notes what is the wrong way round. Each sentence costs once, and each
// turn.
func (r *reading) turnRound(w wrongHit) {
	at := slices.IndexFunc(r.wrongs, func(old wrongHit) bool { return old.line == w.line })
	if at >= 0 {
		r.wrongs[at].heart = r.wrongs[at].heart || w.heart
		return
	}
	r.fault(w)
}
