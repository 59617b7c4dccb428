package measure_test

import (
	"slices"
	"strings"
	"testing"

	"workbench/docs/guide"
	"workbench/docs/guide/measure"
)

func TestProgramsThatOnlyWorkOutAreKnown(t *testing.T) {
	var worked []string
	for _, p := range measure.Programs() {
		if len(p.Formulas()) > 0 {
			worked = append(worked, p.ID)
		}
	}
	for _, want := range []string{"mental-model.hockey", "mental-model.pooling", "mental-model.fanout", "caching.hits", "queues.drain"} {
		if !slices.Contains(worked, want) {
			t.Errorf("%s is not known to be worked out: %q", want, worked)
		}
	}
	// One that measures and has a formula beside it is measured.
	for _, not := range []string{"databases.lag", "mental-model.omission", "caching.convoy"} {
		if slices.Contains(worked, not) {
			t.Errorf("%s is taken for worked out, and it is played", not)
		}
	}
	p, _ := measure.FindProgram("mental-model.hockey")
	if got := p.Formulas(); !slices.Equal(got, []string{"1/(1-ρ)"}) {
		t.Errorf("Formulas() of the curve = %q, want its one formula once", got)
	}
}

func TestOrderIsTheProgramsOwn(t *testing.T) {
	p, ok := measure.FindProgram("mental-model.pooling")
	if !ok {
		t.Fatal("no program mental-model.pooling")
	}
	var figures []guide.Figure
	for _, name := range []string{"four", "one", "other", "ten", "twenty", "two"} {
		figures = append(figures, guide.Figure{ID: p.ID + "." + name})
	}
	var got []string
	for _, f := range p.Order(figures) {
		got = append(got, strings.TrimPrefix(f.ID, p.ID+"."))
	}
	if want := []string{"one", "two", "four", "ten", "twenty", "other"}; !slices.Equal(got, want) {
		t.Errorf("Order = %q, want %q", got, want)
	}
}
