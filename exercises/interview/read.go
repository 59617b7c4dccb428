package interview

import (
	"workbench/exercises/interview/phrase"
)

// longestText is how much of an answer is read; a person speaks less in an hour.
const longestText = 64 << 10

// said is one hearing of a concept.
type said struct {
	grade  Grade
	credit float64
	span   Span
}

// line is one sentence of an answer and what was heard in it.
type line struct {
	phrase.Sentence
	hits       []hit
	cues       map[cue][]phrase.Match
	quantities []phrase.Quantity
	alive      float64 // 1 a sentence, 0 a row of terms
	echo       bool    // repeats the question
	again      bool    // repeats an earlier sentence
	wrong      bool
	doubted    bool // the answer is, and this speaks as false claims do
	quoted     bool // tells what others say, or what is then called wrong
	votes      []vote
	denied     bool // of what is wanted it only says that it is not so
}

// lost reports whether a sentence earns nothing, whatever it says.
func (l *line) lost() bool { return l.wrong || l.doubted }

// hit is a concept's pattern in a sentence.
type hit struct {
	concept int
	m       phrase.Match
}

// reading is an answer as it was understood.
type reading struct {
	c       *Catalog
	q       int
	lines   []line
	best    map[int]said // by concept
	wrongs  []wrongHit
	words   int
	opinion []opinion // by line; empty where nobody has made claims
}

type wrongHit struct {
	id    string
	says  string
	line  int
	m     phrase.Match
	heart bool // it is what the question is about
	kind  cue  // dismissal, overclaim, or empty for a known mistake
}

// read understands an answer.
func (c *Catalog) read(q int, text string) *reading {
	if len(text) > longestText {
		text = cut(text, longestText)
	}
	r := &reading{c: c, q: q}
	sentences := c.book.Split(text)
	c.book.Mend(sentences)
	ear := c.book.Ear()
	seen := map[string]bool{}
	for i := range sentences {
		l := c.line(q, sentences[i], ear)
		key := fingerprint(sentences[i])
		l.again = seen[key]
		seen[key] = true
		r.words += len(sentences[i].Words)
		r.lines = append(r.lines, l)
	}
	for i := range r.lines {
		r.lines[i].quoted = r.quoted(i)
		r.findWrong(i)
		r.findSums(i)
	}
	r.findTurned()
	r.overclaims()
	r.credits()
	r.opinion = r.opinions()
	if r.misheard() {
		r.credits()
	}
	return r
}

// credits notes what the answer says of each concept.
func (r *reading) credits() {
	r.best = map[int]said{}
	for i := range r.lines {
		r.credit(i)
	}
	r.creditPairs(r.c.book.Ear())
	r.creditClose()
}

func fingerprint(s phrase.Sentence) string {
	out := make([]byte, 0, 8*len(s.Words))
	for _, w := range s.Words {
		out = append(append(out, w.Stem...), ' ')
	}
	return string(out)
}

// line hears one sentence.
func (c *Catalog) line(q int, s phrase.Sentence, ear *phrase.Ear) line {
	l := line{Sentence: s, cues: map[cue][]phrase.Match{}, quantities: phrase.Quantities(s), alive: c.aliveness(s)}
	shared, content := 0, 0
	for _, w := range s.Words {
		if c.function[w.Text] {
			continue
		}
		content++
		if c.asked[q].stems[w.Stem] {
			shared++
		}
	}
	l.echo = content >= 4 && float64(shared) >= 0.85*float64(content)
	h := ear.Hear(c.book, &l.Sentence)
	found := c.book.Find(h, c.asked[q].given)
	l.votes = c.votes(q, &l.Sentence, h, found)
	for _, m := range found {
		switch o := c.owners[m.Pattern]; {
		case o.turn > 0 || o.part:
		case o.cue != "":
			l.cues[o.cue] = append(l.cues[o.cue], m)
		case o.wrong < 0:
			l.hits = append(l.hits, hit{o.concept, m})
		case o.only < 0 || o.only == q:
			l.hits = append(l.hits, hit{-1 - o.wrong, m})
		}
	}
	return l
}

// aliveness says how much a sentence says of its terms: what joins them other
// than "and" and "with". Speech without grammar keeps such words; a row of
// keywords has none.
func (c *Catalog) aliveness(s phrase.Sentence) float64 {
	if len(s.Words) < 4 {
		return 0.6
	}
	n := 0
	for _, w := range s.Words {
		if c.function[w.Text] && !c.joining[w.Text] {
			n++
		}
	}
	share := float64(n) / float64(len(s.Words))
	alive := clamp((share-0.04)/0.10, 0, 1)
	if list := float64(s.Separators()) / float64(len(s.Words)); len(s.Words) >= 8 {
		alive *= clamp(1-(list-0.21)/0.10, 0, 1)
	}
	return alive
}

// credit notes what a sentence says of each concept.
func (r *reading) credit(i int) {
	l := &r.lines[i]
	if l.echo || l.again {
		return
	}
	named := map[int]bool{}
	for _, h := range l.hits {
		if h.concept >= 0 && r.wanted(h.concept) { // others share words with these
			named[h.concept] = true
		}
	}
	crowd := float64(len(l.Words)) / float64(max(len(named), 1)) // words for each concept
	denied, kept := false, false
	for _, h := range l.hits {
		if h.concept < 0 || l.lost() {
			continue
		}
		s := r.judge(i, h.m, crowd)
		if r.wanted(h.concept) {
			denied, kept = denied || s.grade == Denied, kept || s.grade != Denied
		}
		r.note(h.concept, s)
	}
	l.denied = denied && !kept
}

func (r *reading) note(concept int, s said) {
	if old, ok := r.best[concept]; !ok || s.credit > old.credit {
		r.best[concept] = s
	}
}

// judge says how well a sentence says a thing.
func (r *reading) judge(i int, m phrase.Match, crowd float64) said {
	l := &r.lines[i]
	out := said{grade: Named, span: Span{i, m.Start, m.End}}
	if m.Denied && !l.InSupposition(m.At[0]) {
		out.grade = Denied // whatever reason is given for it
		return out
	}
	credit := 0.45
	switch {
	case len(m.At) >= 3:
		credit += 0.35
	case len(m.At) == 2:
		credit += 0.25
	}
	if r.developed(i) {
		credit += 0.3
	}
	if m.Assumed {
		credit *= 0.85
	}
	credit *= 0.2 + 0.8*l.alive
	if crowd < 4 {
		credit *= 0.6 // a list, whatever its grammar
	}
	out.credit = min(credit, 1)
	if out.credit >= 0.75 {
		out.grade = Explained
	}
	return out
}

// developed reports whether a sentence, or the next one that refers to it, gives
// a reason, a condition, a contrast or a quantity.
func (r *reading) developed(i int) bool {
	l := &r.lines[i]
	if len(l.quantities) > 0 || len(l.cues[because]) > 0 || len(l.cues[contrast]) > 0 || len(l.cues[condition]) > 0 {
		return true
	}
	if i+1 >= len(r.lines) || len(r.lines[i+1].Words) < 4 {
		return false
	}
	switch r.lines[i+1].Words[0].Text {
	case "that", "this", "it", "so", "because", "otherwise", "they", "which", "then", "if", "without", "but":
		return true
	}
	return false
}

// creditPairs hears what short neighbouring sentences say together.
func (r *reading) creditPairs(ear *phrase.Ear) {
	for i := 0; i+1 < len(r.lines); i++ {
		a, b := &r.lines[i], &r.lines[i+1]
		if len(a.Words)+len(b.Words) > 24 || a.lost() || b.lost() || a.echo || b.echo || a.again || b.again {
			continue
		}
		both := phrase.Join(a.Sentence, b.Sentence)
		for _, m := range r.c.book.Find(ear.Hear(r.c.book, &both), nil) {
			o := r.c.owners[m.Pattern]
			if o.cue != "" || o.turn > 0 || o.part || o.wrong >= 0 || m.Denied || m.At[0] >= len(a.Words) || m.At[len(m.At)-1] < len(a.Words) {
				continue
			}
			credit := 0.65 * (0.2 + 0.8*min(a.alive, b.alive))
			r.note(o.concept, said{Named, credit, Span{i, m.Start, m.End}})
		}
	}
}

// enough is how much of an explanation's weight a sentence must share to come near it.
const enough = 0.42

// creditClose looks for sentences that come near a missing concept in other words.
func (r *reading) creditClose() {
	for _, n := range r.c.asked[r.q].needs {
		if r.best[n.concept].credit > 0.35 || r.best[n.concept].grade == Denied {
			continue
		}
		bag := r.c.bags[n.concept]
		whole := 0.0
		for s := range sorted(bag) {
			whole += r.c.weights[s]
		}
		for i := range r.lines {
			l := &r.lines[i]
			if l.lost() || l.echo || l.again || l.alive < 0.5 || len(l.Words) < 6 {
				continue
			}
			if share := r.shared(l, bag) / max(whole, 1); share >= enough {
				r.note(n.concept, said{Close, 0.45 + min(0.3, share-enough), Span{i, l.Start, l.End}})
			}
		}
	}
}

func (r *reading) shared(l *line, bag map[string]bool) float64 {
	sum := 0.0
	seen := map[string]bool{}
	for _, w := range l.Words {
		if bag[w.Stem] && !seen[w.Stem] {
			seen[w.Stem] = true
			sum += r.c.weights[w.Stem]
		}
	}
	return sum
}
