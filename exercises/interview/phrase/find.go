package phrase

import "slices"

// Match is a pattern heard in a sentence.
type Match struct {
	Pattern ID
	At      []int // indices of the words, ascending
	Start   int   // byte offsets in the text
	End     int
	Denied  bool // the word that it turns on is denied
	Partly  bool // some word that must be affirmed is denied
	Lacked  bool // a word of it is said to be missing
	Assumed bool // a term was taken from the question and not said again
}

// Heard is what a sentence holds of a Book's terms.
type Heard struct {
	s   *Sentence
	at  [][]int // term → positions of its words' beginnings, ascending
	ids []int   // terms that are heard
}

// Ear holds the room that hearing takes, so that it is taken once for an answer
// and not for each sentence. It serves one goroutine.
type Ear struct{ h Heard }

// Ear returns a new ear for the sealed book.
func (b *Book) Ear() *Ear { return &Ear{Heard{at: make([][]int, len(b.terms))}} }

// Hear looks up each word of a sentence. What it returns holds until the ear
// hears the next one.
func (e *Ear) Hear(b *Book, s *Sentence) *Heard {
	h := &e.h
	for _, t := range h.ids {
		h.at[t] = h.at[t][:0]
	}
	h.s, h.ids = s, h.ids[:0]
	for i, w := range s.Words {
		for _, q := range b.firsts[w.Stem] {
			if follows(s.Words, i, q.stems) {
				h.note(b, q.unit, i)
			}
		}
		for _, q := range b.firsts["="+w.Text] {
			h.note(b, q.unit, i)
		}
		if numeral(w) || w.Number() {
			for _, q := range b.firsts["#"] {
				h.note(b, q.unit, i)
			}
		}
	}
	return h
}

func (h *Heard) note(b *Book, unit, i int) {
	for _, t := range b.owners[unit] {
		if len(h.at[t]) == 0 {
			h.ids = append(h.ids, t)
		}
		if n := len(h.at[t]); n == 0 || h.at[t][n-1] != i {
			h.at[t] = append(h.at[t], i)
		}
	}
}

// follows reports whether the stems stand at i, with an article between them at most.
func follows(ws []Word, i int, stems []string) bool {
	for _, want := range stems {
		if i < len(ws) && ws[i].Stem != want && (ws[i].Text == "the" || ws[i].Text == "a" || ws[i].Text == "an") {
			i++
		}
		if i >= len(ws) || ws[i].Stem != want {
			return false
		}
		i++
	}
	return true
}

// Find returns the patterns that are heard, at most one match of each. Terms of
// given need not be heard again: they are what the question speaks of.
func (b *Book) Find(h *Heard, given map[int]bool) []Match {
	var out []Match
	for _, t := range h.ids {
		for _, id := range b.byKey[t] {
			if m, ok := b.match(h, id, b.patterns[id].key, given); ok {
				out = append(out, m)
			}
		}
		if given == nil {
			continue
		}
		for _, o := range b.others[t] { // what turns on a word of the question
			p := &b.patterns[o.id]
			if key := p.uses[p.key]; !given[key.term] || key.denied || len(h.at[key.term]) > 0 {
				continue
			}
			if m, ok := b.match(h, o.id, o.use, given); ok {
				out = append(out, m)
			}
		}
	}
	slices.SortStableFunc(out, func(x, y Match) int { return int(x.Pattern) - int(y.Pattern) })
	return slices.CompactFunc(out, func(x, y Match) bool { return x.Pattern == y.Pattern })
}

// match matches a pattern at the words of one of its uses.
func (b *Book) match(h *Heard, id ID, base int, given map[int]bool) (Match, bool) {
	p := &b.patterns[id]
	waived, said := 0, 0
	for _, u := range p.uses {
		switch {
		case len(h.at[u.term]) > 0:
			if !b.terms[u.term].class {
				said++
			}
		case given[u.term] && !u.denied:
			waived++
		default:
			return Match{}, false
		}
	}
	if waived > 0 && said == 0 || waived > 1 {
		return Match{}, false
	}
	if !p.near && h.holds(p.absent, 0, len(h.s.Words)-1) {
		return Match{}, false
	}
	best, found := Match{}, false
	for _, from := range h.at[p.uses[base].term] {
		if mark := h.s.marks[from]; p.uses[base].denied && !mark.denied && !mark.lacks {
			continue
		}
		m, ok := b.around(h, p, base, from)
		if ok && (!found || best.Denied && !m.Denied) {
			best, found = m, true
		}
	}
	best.Pattern, best.Assumed = id, waived > 0
	return best, found
}

// around builds the match in which the word of the base use is at from, taking of
// each other term the nearest word that fits.
func (b *Book) around(h *Heard, p *pattern, base, from int) (Match, bool) {
	m := Match{At: make([]int, 0, len(p.uses))}
	low, high := from, from
	negator := false // the pattern names the denial itself
	for j, u := range p.uses {
		at, ok := from, true
		if j != base {
			at, ok = nearest(h, u, from, m.At)
		}
		if !ok {
			if len(h.at[u.term]) == 0 {
				continue // waived
			}
			return Match{}, false
		}
		low, high = min(low, at), max(high, at)
		mark := h.s.marks[at]
		if !u.denied {
			denied := mark.denied && !mark.lacks
			m.Partly = m.Partly || denied
			m.Denied = m.Denied || denied && j == base
			m.Lacked = m.Lacked || mark.lacks
		}
		negator = negator || b.is(b.denials, h.s.Words[at])
		m.At = append(m.At, at)
	}
	m.Partly = m.Partly && !negator
	slices.Sort(m.At)
	if high-low > p.window || p.near && h.holds(p.absent, h.back(low), h.on(high)) {
		return Match{}, false
	}
	m.Start, m.End = h.s.Words[low].Start, h.s.Words[high].End
	return m, true
}

// holds reports whether one of the terms is heard between two words.
func (h *Heard) holds(terms []int, first, last int) bool {
	for _, t := range terms {
		for _, at := range h.at[t] {
			if at >= first && at <= last {
				return true
			}
		}
	}
	return false
}

// beyond is how many words of its clause before and after a match belong to it.
const beyond = 6

// back returns where what belongs to a match that begins at low begins.
func (h *Heard) back(low int) int {
	for n := 0; n < beyond && low > 0 && !h.s.marks[low].comma; n++ {
		low--
	}
	return low
}

// on returns where what belongs to a match that ends at high ends.
func (h *Heard) on(high int) int {
	for n := 0; n < beyond && high+1 < len(h.s.Words) && !h.s.marks[high+1].comma; n++ {
		high++
	}
	return high
}

// nearest returns the word of a term nearest to from that no other term has
// taken. For a denied term only a word that is denied or said to be missing will do.
func nearest(h *Heard, u use, from int, taken []int) (int, bool) {
	best, found := 0, false
	for _, at := range h.at[u.term] {
		if at == from || slices.Contains(taken, at) {
			continue
		}
		if u.denied && !h.s.marks[at].denied && !h.s.marks[at].lacks {
			continue
		}
		if !found || gap(at, from) < gap(best, from) {
			best, found = at, true
		}
	}
	return best, found
}

func gap(a, b int) int { return max(a-b, b-a) }

// Given returns the terms that a question speaks of.
func (b *Book) Given(question string) map[int]bool {
	out := map[int]bool{}
	ear := b.Ear()
	for _, s := range b.Split(question) {
		for _, t := range ear.Hear(b, &s).ids {
			if !b.terms[t].class {
				out[t] = true
			}
		}
	}
	return out
}

// Places returns where the first term of a pattern is heard.
func (b *Book) Places(h *Heard, id ID) []int { return h.at[b.patterns[id].uses[0].term] }
