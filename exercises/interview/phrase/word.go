package phrase

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kljensen/snowball/english"
)

// Word is one word of an answer. Start and End are byte offsets in the text.
type Word struct {
	Text  string // in lower case, a contraction written out
	Stem  string
	Start int
	End   int
}

// Number reports whether the word holds a digit.
func (w Word) Number() bool { return strings.ContainsFunc(w.Text, unicode.IsDigit) }

// contracted are words whose ending hides another word. Speech that was typed
// often lacks the apostrophe.
var contracted = map[string][]string{
	"can't": {"can", "not"}, "cannot": {"can", "not"}, "cant": {"can", "not"}, "won't": {"will", "not"}, "wont": {"will", "not"},
	"dont": {"do", "not"}, "doesnt": {"does", "not"}, "didnt": {"did", "not"}, "isnt": {"is", "not"}, "arent": {"are", "not"},
	"wasnt": {"was", "not"}, "shouldnt": {"should", "not"}, "wouldnt": {"would", "not"}, "couldnt": {"could", "not"},
	"hasnt": {"has", "not"}, "havent": {"have", "not"}, "gonna": {"going", "to"}, "wanna": {"want", "to"}, "gotta": {"must"},
	"ain't": {"is", "not"}, "aint": {"is", "not"}, "w/o": {"without"}, "vs": {"versus"}, "req": {"request"}, "reqs": {"requests"},
	"db": {"database"}, "dbs": {"databases"}, "msg": {"message"}, "msgs": {"messages"}, "svc": {"service"}, "conn": {"connection"},
	"conns": {"connections"}, "sec": {"second"}, "secs": {"seconds"}, "min": {"minute"}, "mins": {"minutes"}, "pct": {"percent"},
	"cos": {"because"}, "cuz": {"because"}, "coz": {"because"}, "bc": {"because"}, "ur": {"your"}, "u": {"you"}, "pls": {"please"},
	"thru": {"through"}, "lil": {"little"}, "auth": {"authentication"}, "repl": {"replication"}, "dedup": {"dedupe"},
}

// written returns the words that a token stands for.
func written(token string) []string {
	token = strings.ReplaceAll(token, "’", "'")
	if out, ok := contracted[token]; ok {
		return out
	}
	if head, ok := strings.CutSuffix(token, "n't"); ok && head != "" {
		return []string{head, "not"}
	}
	if i := strings.IndexByte(token, '\''); i > 0 {
		return []string{token[:i]}
	}
	if head, ok := strings.CutSuffix(token, "%"); ok {
		return []string{head, "percent"}
	}
	token = strings.Trim(token, "'")
	if token == "" {
		return nil
	}
	return []string{token}
}

// stem returns a word's stem. Words with digits and very short ones are left as they are.
func stem(word string) string {
	if len(word) < 3 || len(word) > 40 || strings.ContainsFunc(word, unicode.IsDigit) {
		return word
	}
	return english.Stem(word, false)
}

// stem looks a word's stem up, and while the book is written remembers it: most
// words of an answer are then known.
func (b *Book) stem(word string) string {
	if s, ok := b.stems[word]; ok {
		return s
	}
	s := stem(word)
	if !b.sealed {
		b.stems[word] = s
	}
	return s
}

// words cuts a stretch of text, which begins at byte base, into words.
func (b *Book) words(text string, base int) []Word {
	var out []Word
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == '%' || r == '×' {
			word := map[rune]string{'%': "percent", '×': "x"}[r]
			out = append(out, Word{Text: word, Stem: word, Start: base + i, End: base + i + size})
			i += size
			continue
		}
		if !inWord(r) {
			i += size
			continue
		}
		end := wordEnd(text, i)
		for _, w := range written(strings.ToLower(text[i:end])) {
			out = append(out, Word{Text: w, Stem: b.stem(w), Start: base + i, End: base + end})
		}
		i = end
	}
	return out
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// wordEnd returns where the word at i ends. An apostrophe, a point or comma
// between digits, a plus between letters (as in N+1) and a percent sign belong to it.
func wordEnd(text string, i int) int {
	last := rune(0)
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		next, _ := utf8.DecodeRuneInString(text[i+size:])
		switch {
		case inWord(r):
		case r == '\'' || r == '’':
			if !unicode.IsLetter(next) {
				return i
			}
		case (r == '.' || r == ',') && unicode.IsDigit(last) && unicode.IsDigit(next):
		case r == '+' && inWord(last) && unicode.IsDigit(next):
		case r == '/' && last == 'w' && next == 'o':
		case r == '%' && unicode.IsDigit(last):
			return i + size
		default:
			return i
		}
		last = r
		i += size
	}
	return i
}
