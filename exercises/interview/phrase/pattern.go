package phrase

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Lexicon is the general knowledge of words that patterns rest on.
type Lexicon struct {
	Classes    map[string][]string // what @name in a pattern stands for
	Denials    []string            // not, never, avoid …
	Lacks      []string            // without, missing …
	Conditions []string            // if, when, unless …
	Edges      []string            // words that begin a clause
	Joins      []string            // words at which a run-on sentence may be cut
	Known      []string            // words that are no misspelling of anything
}

// term is one place of a pattern.
type term struct {
	units []int // any of these fills it
	class bool  // written as a class alone, so heard often
}

type use struct {
	term   int
	denied bool
}

type pattern struct {
	text   string
	uses   []use
	absent []int // terms that may not be heard
	near   bool  // … beside the match, whatever else the sentence says
	key    int   // index in uses of the term that is heard least often
	window int
}

// ID names a pattern of a Book.
type ID int

// Book holds compiled patterns.
type Book struct {
	classes  map[string][]string
	units    map[string]int // stems joined by spaces, or "=form", to a unit
	firsts   map[string][]sequence
	termID   map[string]int
	terms    []term
	owners   [][]int // unit → terms
	patterns []pattern
	byKey    [][]ID    // term → patterns that it is the key of
	others   [][]place // term → patterns in which it is not

	denials, lacks, conditions, edges, joins map[string]bool

	stems   map[string]string // of known words
	sealed  bool
	known   map[string]bool
	nearest map[rune][]string // vocabulary by first letter
}

// place is one use in a pattern.
type place struct {
	id  ID
	use int
}

type sequence struct {
	stems []string
	unit  int
}

// NewBook returns a book without patterns.
func NewBook(l Lexicon) *Book {
	b := &Book{
		classes: l.Classes, units: map[string]int{}, firsts: map[string][]sequence{}, termID: map[string]int{},
		denials: set(l.Denials), lacks: set(l.Lacks), conditions: set(l.Conditions), edges: set(l.Edges), joins: set(l.Joins),
		known: map[string]bool{}, nearest: map[rune][]string{}, stems: map[string]string{},
	}
	for _, text := range l.Known {
		for _, w := range b.words(text, 0) {
			b.known[w.Text] = true
		}
	}
	return b
}

func set(list []string) map[string]bool {
	out := map[string]bool{}
	for _, w := range list {
		out[w] = true
	}
	return out
}

func (b *Book) is(set map[string]bool, w Word) bool { return set[w.Text] }

// Add compiles a pattern. The error says which term is wrong.
func (b *Book) Add(text string) (ID, error) { return b.compile(pattern{text: text}) }

// AddNear compiles a pattern whose absent terms may be heard elsewhere in the
// sentence, only not in the clause of the match or close to it.
func (b *Book) AddNear(text string) (ID, error) { return b.compile(pattern{text: text, near: true}) }

func (b *Book) compile(p pattern) (ID, error) {
	text := p.text
	for _, field := range strings.Fields(text) {
		rest, absent := strings.CutPrefix(field, "!")
		rest, denied := strings.CutPrefix(rest, "~")
		t, err := b.term(rest)
		if err != nil {
			return 0, fmt.Errorf("pattern %q: %w", text, err)
		}
		if absent {
			p.absent = append(p.absent, t)
			continue
		}
		p.uses = append(p.uses, use{t, denied})
	}
	if len(p.uses) == 0 {
		return 0, fmt.Errorf("pattern %q: has no term that must be heard", text)
	}
	p.window = max(7, 3*len(p.uses)+4)
	b.patterns = append(b.patterns, p)
	return ID(len(b.patterns) - 1), nil
}

func (b *Book) term(text string) (int, error) {
	if id, ok := b.termID[text]; ok {
		return id, nil
	}
	t := term{class: strings.HasPrefix(text, "@") && !strings.Contains(text, "|")}
	for _, alt := range strings.Split(text, "|") {
		forms := []string{alt}
		if name, ok := strings.CutPrefix(alt, "@"); ok {
			if forms = b.classes[name]; len(forms) == 0 {
				return 0, fmt.Errorf("class %q is not in the lexicon", name)
			}
		}
		for _, f := range forms {
			u, err := b.unit(f)
			if err != nil {
				return 0, err
			}
			t.units = append(t.units, u)
		}
	}
	id := len(b.terms)
	b.terms = append(b.terms, t)
	b.termID[text] = id
	return id, nil
}

// unit returns the number of a word or a sequence of words.
func (b *Book) unit(form string) (int, error) {
	if form == "" {
		return 0, errors.New("an alternative is empty")
	}
	key, first := form, form
	var stems []string
	if form != "#" && !strings.HasPrefix(form, "=") {
		for _, w := range b.words(strings.ReplaceAll(form, "_", " "), 0) {
			stems = append(stems, w.Stem)
			b.learn(w)
		}
		if len(stems) == 0 {
			return 0, fmt.Errorf("%q holds no word", form)
		}
		key, first = strings.Join(stems, " "), stems[0]
	}
	u, ok := b.units[key]
	if !ok {
		u = len(b.units)
		b.units[key] = u
		b.firsts[first] = append(b.firsts[first], sequence{stems, u})
	}
	return u, nil
}

// Seal makes the book ready to read with. Nothing may be added afterwards.
func (b *Book) Seal() {
	b.sealed = true
	b.owners = make([][]int, len(b.units))
	for id, t := range b.terms {
		for _, u := range t.units {
			if !slices.Contains(b.owners[u], id) {
				b.owners[u] = append(b.owners[u], id)
			}
		}
	}
	used := make([]int, len(b.terms))
	for _, p := range b.patterns {
		for _, u := range p.uses {
			used[u.term]++
		}
	}
	b.byKey, b.others = make([][]ID, len(b.terms)), make([][]place, len(b.terms))
	for i := range b.patterns {
		p := &b.patterns[i]
		for j, u := range p.uses {
			if used[u.term] < used[p.uses[p.key].term] {
				p.key = j
			}
		}
		key := p.uses[p.key].term
		b.byKey[key] = append(b.byKey[key], ID(i))
		for j, u := range p.uses {
			if j != p.key {
				b.others[u.term] = append(b.others[u.term], place{ID(i), j})
			}
		}
	}
	for first := range b.nearest {
		slices.Sort(b.nearest[first])
		b.nearest[first] = slices.Compact(b.nearest[first])
	}
}
