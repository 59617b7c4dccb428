package scenario

import (
	"fmt"
	"strings"
)

// FieldError is one wrong field of a scenario. It is written as
// "file:line: field: got X, want Y"; the line is left out for a spec that was
// made in code.
type FieldError struct {
	File  string
	Line  int    // counted from 1; 0: unknown
	Field string // the path to the field: "traffic[1].rate"
	Got   string
	Want  string
}

// Error implements error.
func (e *FieldError) Error() string {
	where := ""
	switch {
	case e.File != "" && e.Line > 0:
		where = fmt.Sprintf("%s:%d: ", e.File, e.Line)
	case e.File != "":
		where = e.File + ": "
	}
	return fmt.Sprintf("%s%s: got %s, want %s", where, e.Field, e.Got, e.Want)
}

// source remembers where in its file each field of a spec stands, so that a
// fault found after reading still names the line. A nil source knows nothing.
type source struct {
	file  string
	lines map[string]int // by path
}

// fault returns the error of the field at path. A field that is not in the
// file is reported at the nearest one around it.
func (s *source) fault(path, got, want string) error {
	e := &FieldError{Field: path, Got: got, Want: want}
	if s == nil {
		return e
	}
	e.File = s.file
	for at := path; ; {
		if line, ok := s.lines[at]; ok {
			e.Line = line
			return e
		}
		cut := strings.LastIndexAny(at, ".[")
		if cut < 0 {
			e.Line = s.lines[""]
			return e
		}
		at = at[:cut]
	}
}

// nearest returns the candidate that begins with word, else the one that takes
// the fewest edits to become it; "" when none is close enough to have been
// meant.
func nearest(word string, candidates []string) string {
	for _, c := range candidates {
		if len(word) > 2 && strings.HasPrefix(c, word) {
			return c
		}
	}
	best, bestCost := "", max(2, len(word)/3)+1
	for _, c := range candidates {
		if cost := edits(word, c); cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}

// edits returns the Levenshtein distance between two words in bytes. Long
// words are cut: they are nobody's slip of the finger.
func edits(a, b string) int {
	const longest = 64
	a, b = a[:min(len(a), longest)], b[:min(len(b), longest)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// unknown says what to write in place of an unknown word.
func unknown(word string, candidates []string) string {
	if len(candidates) == 0 {
		return "none: there are none here"
	}
	if n := nearest(word, candidates); n != "" {
		return fmt.Sprintf("%s, or another of %s", n, strings.Join(candidates, ", "))
	}
	return "one of " + strings.Join(candidates, ", ")
}
