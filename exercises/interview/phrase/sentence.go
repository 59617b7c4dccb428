package phrase

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentence is one sentence of an answer with its words. Start and End are byte
// offsets in the text.
type Sentence struct {
	Start    int
	End      int
	Question bool // ends with a question mark
	Words    []Word
	marks    []mark // one for each word
}

// mark says how a word stands in its sentence.
type mark struct {
	denied bool // within the reach of not, never, no, avoid …
	lacks  bool // within the reach of without, missing …
	supped bool // supposed: within an if-clause
	edge   bool // a clause begins here
	comma  bool // a comma stands before it
}

const (
	longest = 34 // words that a sentence may have before it is cut at a conjunction
	least   = 12 // words that a piece of a cut sentence has at least
)

// Split cuts a text into sentences. A new line ends one, and a run-on sentence,
// as speech that was written down has them, is cut at its conjunctions.
func (b *Book) Split(text string) []Sentence {
	var out []Sentence
	start := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		next := i + size
		if r == '\n' || (r == '.' || r == '!' || r == '?' || r == ';') && ends(text, start, i, next) {
			out = b.add(out, text, start, next, r == '?')
			start = next
		}
		i = next
	}
	return b.add(out, text, start, len(text), false)
}

// ends reports whether the mark at i ends the sentence that began at start.
func ends(text string, start, i, next int) bool {
	if next >= len(text) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(text[next:])
	if text[i] == '.' && !unicode.IsSpace(r) && r != '"' && r != ')' {
		return false
	}
	tail := strings.ToLower(text[start:i])
	for _, short := range []string{"e.g", "i.e", "etc", " vs", "approx", " no"} {
		if text[i] == '.' && strings.HasSuffix(tail, short) && short != "etc" && short != " no" {
			return false
		}
	}
	return true
}

func (b *Book) add(out []Sentence, text string, start, end int, question bool) []Sentence {
	ws := b.words(text[start:end], start)
	if len(ws) == 0 {
		return out
	}
	for _, piece := range b.cut(ws) {
		s := Sentence{Start: piece[0].Start, End: piece[len(piece)-1].End, Question: question, Words: piece}
		b.judge(text, &s)
		out = append(out, s)
	}
	return out
}

// cut divides a run-on sentence at conjunctions.
func (b *Book) cut(ws []Word) [][]Word {
	if len(ws) <= longest {
		return [][]Word{ws}
	}
	var out [][]Word
	start := 0
	for i, w := range ws {
		if i-start >= least && len(ws)-i >= 4 && b.is(b.joins, w) {
			out = append(out, ws[start:i])
			start = i
		}
	}
	return append(out, ws[start:])
}

// judge marks the reach of negations and conditions.
func (b *Book) judge(text string, s *Sentence) {
	s.marks = make([]mark, len(s.Words))
	for i := range s.Words {
		between := ""
		if i > 0 {
			between = text[s.Words[i-1].End:max(s.Words[i].Start, s.Words[i-1].End)]
		}
		s.marks[i].comma = strings.Contains(between, ",")
		s.marks[i].edge = i > 0 && (strings.ContainsAny(between, ",:()—–") || b.is(b.edges, s.Words[i]))
	}
	for i, w := range s.Words {
		switch {
		case b.is(b.denials, w), b.pair(s.Words, i, "instead", "of"), b.pair(s.Words, i, "rather", "than"):
			reach(s.marks, i, 7, func(m *mark) { m.denied = true })
		case b.is(b.lacks, w):
			reach(s.marks, i, 3, func(m *mark) { m.lacks = true })
		case b.is(b.conditions, w):
			reach(s.marks, i, 14, func(m *mark) { m.supped = true })
		}
	}
}

// reach calls f for the words after i that its clause still governs.
func reach(marks []mark, i, most int, f func(*mark)) {
	for j := i + 1; j < len(marks) && j <= i+most; j++ {
		if j > i+1 && marks[j].edge {
			return
		}
		f(&marks[j])
	}
}

func (b *Book) pair(ws []Word, i int, first, second string) bool {
	return ws[i].Text == first && i+1 < len(ws) && ws[i+1].Text == second
}

// Join returns two neighbouring sentences as one, for what a speaker spreads
// over both.
func Join(a, b Sentence) Sentence {
	out := Sentence{Start: a.Start, End: b.End, Question: a.Question || b.Question}
	out.Words = append(append(out.Words, a.Words...), b.Words...)
	out.marks = append(append(out.marks, a.marks...), b.marks...)
	return out
}

// Parted reports whether a clause ends between two words.
func (s Sentence) Parted(i, j int) bool {
	for k := min(i, j) + 1; k <= max(i, j); k++ {
		if s.marks[k].edge && s.Words[k].Text != "and" && s.Words[k].Text != "or" {
			return true
		}
	}
	return false
}

// Separators counts what divides the sentence as a list is divided: commas, and
// each "and" or "or".
func (s Sentence) Separators() int {
	n := 0
	for i, m := range s.marks {
		word := s.Words[i].Text
		if m.comma || word == "and" || word == "or" {
			n++
		}
	}
	return n
}

// InSupposition reports whether a word lies in an if-clause.
func (s Sentence) InSupposition(i int) bool { return s.marks[i].supped }

// Supposed reports whether most of the words lie in an if-clause.
func (s Sentence) Supposed(at []int) bool {
	n := 0
	for _, i := range at {
		if s.marks[i].supped {
			n++
		}
	}
	return 2*n > len(at)
}
