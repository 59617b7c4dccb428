package interview

import (
	"math"

	"workbench/exercises/interview/phrase"
)

// sum is a figure that a sentence works out from two others.
type sum struct {
	at         [3]phrase.Quantity // two and their result
	multiplied bool
}

// findSums recomputes what sentences work out in words: "30,000 divided by 3 is
// 10,000". Units may differ between the figures, so a result that is right but for
// a change of unit passes.
func (r *reading) findSums(i int) {
	l := &r.lines[i]
	if l.again || l.Question || l.quoted {
		return
	}
	for k := 0; k+2 < len(l.quantities); k++ {
		if k > 0 {
			if before := words(l, l.quantities[k-1].Last+1, l.quantities[k].First); before["times"] || before["divided"] || before["by"] {
				continue // one of several steps
			}
		}
		s := sum{at: [3]phrase.Quantity{l.quantities[k], l.quantities[k+1], l.quantities[k+2]}}
		between := words(l, s.at[0].Last+1, s.at[1].First)
		switch {
		case between["divided"] || between["divide"] && between["by"]:
		case between["times"] && len(between) <= 5 || between["multiplied"]:
			s.multiplied = true
		default:
			continue
		}
		after := words(l, s.at[1].Last+1, s.at[2].First)
		if !after["is"] && !after["gives"] && !after["makes"] && !after["are"] || after["not"] || after["times"] || after["divided"] || after["plus"] || after["minus"] || after["of"] || after["and"] || s.holds() {
			continue
		}
		m := phrase.Match{At: []int{s.at[0].First, s.at[2].First}, Start: s.at[0].Start, End: s.at[2].End}
		r.fault(wrongHit{id: "sum", says: "The sum does not come out: work it out again, with the units.", line: i, m: m})
	}
}

// words returns the words from one index up to another.
func words(l *line, from, to int) map[string]bool {
	out := map[string]bool{}
	for _, w := range l.Words[from:max(from, to)] {
		out[w.Text] = true
	}
	return out
}

// holds reports whether the result is right to within a fifth, for people round,
// or would be in another unit.
func (s sum) holds() bool {
	a, b, got := s.at[0].Said, s.at[1].Said, s.at[2].Said
	for _, q := range s.at {
		if !q.Known || q.Said <= 0 {
			return true
		}
	}
	want := a / b
	if s.multiplied {
		want = a * b
	}
	for _, unit := range []float64{1, 60, 100, 1e3, 3600, 86400, 1e6, 1e9} {
		for _, x := range []float64{want * unit, want / unit} {
			if math.Abs(got-x) <= 0.2*x {
				return true
			}
		}
	}
	return false
}
