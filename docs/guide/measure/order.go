package measure

import (
	"slices"
	"strings"

	"workbench/docs/guide"
)

// Formulas returns the formulas of a program that only works figures out, each
// once; none when any of its figures is measured or counted.
func (p Program) Formulas() []string {
	var out []string
	for _, f := range p.Figures {
		if f.Formula == "" {
			return nil
		}
		if !slices.Contains(out, f.Formula) {
			out = append(out, f.Formula)
		}
	}
	return out
}

// Order sorts figures, by their whole ids, as the program lists its own: one,
// two, four, and not by the alphabet. Those of others come last.
func (p Program) Order(figures []guide.Figure) []guide.Figure {
	place := func(f guide.Figure) int {
		name := strings.TrimPrefix(f.ID, p.ID+".")
		if i := slices.IndexFunc(p.Figures, func(own guide.Figure) bool { return own.ID == name }); i >= 0 {
			return i
		}
		return len(p.Figures)
	}
	out := slices.Clone(figures)
	slices.SortStableFunc(out, func(a, b guide.Figure) int { return place(a) - place(b) })
	return out
}
