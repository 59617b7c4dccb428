package phrase

import "slices"

// beside are the words after which a thing is only compared with, and says nothing
// of itself: "unlike a lock", "rather than a lock".
var beside = []string{"unlike", "than", "versus", "instead", "not", "of"}

// Bound returns the place of the one of two things that what stands at p belongs
// to, and whether it is the first: the nearest before it, unless a clause ends
// between the two and the other stands in the clause of p; when none is before it,
// the nearest after it. It returns -1 when neither is in the sentence.
func (s Sentence) Bound(p int, first, second []int) (int, bool) {
	before, after := -1, -1
	for _, list := range [][]int{first, second} {
		for _, at := range list {
			switch {
			case at == p || s.compared(at):
			case at < p && at > before:
				before = at
			case at > p && (after < 0 || at < after):
				after = at
			}
		}
	}
	subject := before
	if before < 0 || after >= 0 && s.turnsTo(before, p) && !s.turnsTo(p, after) {
		subject = after
	}
	if subject < 0 || max(subject-p, p-subject) > farthest {
		return -1, false
	}
	return subject, slices.Contains(first, subject)
}

// turnsTo reports whether the sentence goes on to something else between two words:
// at a comma, or at a word that sets one thing against another.
func (s Sentence) turnsTo(i, j int) bool {
	for k := i + 1; k <= j; k++ {
		switch s.Words[k].Text {
		case "and", "but", "while", "whereas", "so":
			return true
		}
		if s.marks[k].comma {
			return true
		}
	}
	return false
}

// farthest is how many words what is said of a thing may stand from it.
const farthest = 14

// compared reports whether the word at i is only compared with.
func (s Sentence) compared(i int) bool {
	for j := max(0, i-2); j < i; j++ {
		w := s.Words[j].Text
		if w == "of" && (j == 0 || s.Words[j-1].Text != "instead") {
			continue
		}
		if slices.Contains(beside, w) {
			return true
		}
	}
	return false
}

// Denied reports whether the word at i is denied or said to be missing.
func (s Sentence) Denied(i int) bool { return s.marks[i].denied || s.marks[i].lacks }

// Span is the match of two words.
func (s Sentence) Span(i, j int) Match {
	low, high := min(i, j), max(i, j)
	return Match{At: []int{low, high}, Start: s.Words[low].Start, End: s.Words[high].End}
}
