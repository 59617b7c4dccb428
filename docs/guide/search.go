package guide

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// Hit is a section in which a search found its words.
type Hit struct {
	Page    string // the title of the chapter or page
	Section string // the section's title; empty before the first heading
	Link    string // on the site
	Excerpt string // a few words around the first one that was found
	Score   int
}

// Index finds sections by their words. It is safe for concurrent use.
type Index struct {
	entries []entry
}

type entry struct {
	hit    Hit
	text   string
	counts map[string]int // by word; those of titles weigh more
}

// What a word in a title weighs, compared with one in the text.
const (
	sectionWeight = 8
	pageWeight    = 4
)

// Index returns the index of all sections of the guide.
func (b Book) Index() *Index {
	x := &Index{}
	for _, c := range b.Chapters {
		for _, s := range c.Sections {
			x.add(c.Title, c.Slug, s)
		}
	}
	for _, p := range b.Pages {
		for _, s := range p.Sections {
			x.add(p.Title, p.Slug, s)
		}
	}
	return x
}

func (x *Index) add(page, slug string, s Section) {
	e := entry{hit: Hit{Page: page, Section: s.Title, Link: Path + slug}, text: s.Text, counts: map[string]int{}}
	if s.ID != "" {
		e.hit.Link += "#" + s.ID
	}
	for _, part := range []struct {
		text   string
		weight int
	}{{s.Text, 1}, {s.Title, sectionWeight}, {page, pageWeight}} {
		for _, w := range terms(part.text) {
			e.counts[w] += part.weight
		}
	}
	x.entries = append(x.entries, e)
}

// Search returns the sections that hold every word of the query, or one that
// begins with it, the best first; at most limit of them.
func (x *Index) Search(query string, limit int) []Hit {
	const longest = 16 // words; the rest is ignored
	wanted := terms(query)
	if len(wanted) == 0 || limit < 1 {
		return nil
	}
	wanted = wanted[:min(len(wanted), longest)]
	var out []Hit
	for _, e := range x.entries {
		hit := e.hit
		for _, w := range wanted {
			score := e.score(w)
			if score == 0 {
				hit.Score = 0
				break
			}
			hit.Score += score
		}
		if hit.Score == 0 {
			continue
		}
		hit.Excerpt = excerpt(e.text, wanted)
		out = append(out, hit)
	}
	slices.SortStableFunc(out, func(a, b Hit) int { return cmp.Compare(b.Score, a.Score) })
	return out[:min(len(out), limit)]
}

// score counts a word as it is thrice as much as one that begins with it.
func (e entry) score(word string) int {
	score := 3 * e.counts[word]
	for w, n := range e.counts {
		if w != word && strings.HasPrefix(w, word) {
			score += n
		}
	}
	return score
}

// terms returns the words of a text in small letters: letters and digits, so
// that "single-flight" is two.
func terms(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// excerpt returns some words of a text around the first that is wanted.
func excerpt(text string, wanted []string) string {
	const before, after = 8, 20
	all := strings.Fields(text)
	at := slices.IndexFunc(all, func(w string) bool {
		for _, t := range terms(w) {
			if slices.ContainsFunc(wanted, func(want string) bool { return strings.HasPrefix(t, want) }) {
				return true
			}
		}
		return false
	})
	at = max(at, 0)
	from, to := max(0, at-before), min(len(all), at+after)
	out := strings.Join(all[from:to], " ")
	if from > 0 {
		out = "… " + out
	}
	if to < len(all) {
		out += " …"
	}
	return out
}
