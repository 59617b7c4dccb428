package phrase

import "unicode/utf8"

// learn adds a pattern's word to the vocabulary that misspellings are mended to.
func (b *Book) learn(w Word) {
	b.known[w.Text] = true
	first, _ := utf8.DecodeRuneInString(w.Text)
	b.nearest[first] = append(b.nearest[first], w.Text)
}

// Mend replaces stems of words that are one slip away from a word of the
// vocabulary, two for long words. Words that are spelt rightly stay.
func (b *Book) Mend(sentences []Sentence) {
	seen := map[string]string{}
	for i := range sentences {
		ws := sentences[i].Words
		for j := range ws {
			w := &ws[j]
			if len(w.Text) < 5 || len(w.Text) > 24 || b.known[w.Text] || w.Number() {
				continue
			}
			mended, ok := seen[w.Text]
			if !ok {
				mended = b.mend(w.Text)
				seen[w.Text] = mended
			}
			if mended != "" {
				w.Stem = b.stem(mended)
			}
		}
	}
}

// mend returns the vocabulary's word that was meant, or nothing. A word whose
// stem is known is not misspelt, only in another form.
func (b *Book) mend(word string) string {
	if _, ok := b.firsts[b.stem(word)]; ok {
		return ""
	}
	first, _ := utf8.DecodeRuneInString(word)
	allowed := 1
	if len(word) >= 10 {
		allowed = 2
	}
	best, distance := "", allowed+1
	for _, v := range b.nearest[first] {
		if len(v) < 5 || len(v)-len(word) > allowed || len(word)-len(v) > allowed {
			continue
		}
		if d := slips(word, v, distance); d < distance {
			best, distance = v, d
		}
	}
	return best
}

// slips counts insertions, deletions, replacements and swaps of neighbours
// between two words, and stops at limit.
func slips(a, b string, limit int) int {
	var rows [3][26]int
	if len(b) > 25 {
		return limit
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, before, twice := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(before[j]+1, row[j-1]+1, before[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], twice[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least >= limit {
			return limit
		}
	}
	return rows[len(a)%3][len(b)]
}
