package measure_test

import (
	"slices"
	"testing"

	"workbench/docs/guide"
	"workbench/docs/guide/measure"
)

// large is the programs that make a database of a million rows, or a hundred
// thousand goroutines. They are left to make guide-numbers.
var large = []string{"databases.paging", "databases.index", "async-io.parked"}

// long is those that compute much: with the race detector they are left out.
var long = []string{"resilience.jitter", "resilience.hedge", "caching.hits", "observability.averages", "observability.buckets"}

// TestKeptFiguresHold measures what can be measured in a moment, and holds the
// kept figures to it.
func TestKeptFiguresHold(t *testing.T) {
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	hold := func(t *testing.T, prefix string) {
		got, err := measure.All(t.Context(), book.Chapters, []string{prefix})
		if err != nil {
			t.Fatal(err)
		}
		for id, g := range got {
			kept, ok := book.Figures[id]
			if !ok {
				t.Errorf("%s: measured %s, and none is kept (make guide-keep)", id, g.Text())
				continue
			}
			if why := kept.Check(g.Value); why != "" {
				t.Error(why)
			}
			if kept.How != g.How || kept.Unit != g.Unit || kept.Command != g.Command {
				t.Errorf("%s: kept as %+v, measured as %+v (make guide-keep)", id, kept, g)
			}
			checked++
		}
	}
	for _, p := range measure.Programs() {
		if slices.Contains(large, p.ID) || slowed && slices.Contains(long, p.ID) {
			continue
		}
		t.Run(p.ID, func(t *testing.T) { hold(t, p.ID) })
	}
	for _, c := range book.Chapters {
		for _, e := range c.Experiments() {
			if e.Scenario == "" || slowed && e.Scenario != "accepted-work" {
				continue
			}
			t.Run(c.Slug+"."+e.ID, func(t *testing.T) { hold(t, c.Slug+"."+e.ID) })
		}
	}
	if checked < 40 {
		t.Errorf("checked %d figures, want at least 40", checked)
	}
}

// TestEveryKeptFigureIsMeasured finds figures that nothing gives any more.
func TestEveryKeptFigureIsMeasured(t *testing.T) {
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	for _, p := range measure.Programs() {
		for _, f := range p.Figures {
			given[p.ID+"."+f.ID] = true
		}
	}
	programs := map[string]bool{}
	for _, c := range book.Chapters {
		for _, e := range c.Experiments() {
			for _, run := range e.Runs {
				for _, r := range e.Reads {
					given[e.Figure(c.Slug, run, r)] = true
				}
			}
			programs[e.Program] = true
		}
	}
	for id := range book.Figures {
		if !given[id] {
			t.Errorf("figure %s is kept, and nothing measures it", id)
		}
	}
	for p := range programs {
		if p != "" && !slices.ContainsFunc(measure.Programs(), func(q measure.Program) bool { return q.ID == p }) {
			t.Errorf("an experiment runs the program %s, which there is not", p)
		}
	}
}

func TestEachFigureSaysHow(t *testing.T) {
	for id, f := range kept(t) {
		if f.How == "" || f.Command == "" {
			t.Errorf("%s: how %q, command %q; want both", id, f.How, f.Command)
		}
	}
}

func kept(t *testing.T) guide.Figures {
	t.Helper()
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	return book.Figures
}

func TestAFigureThatHasDriftedIsFound(t *testing.T) {
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	got, err := measure.All(t.Context(), book.Chapters, []string{"queues.backlog.refuses"})
	if err != nil || len(got) != 1 {
		t.Fatalf("All = %v, %v; want one figure", got, err)
	}
	altered := book.Figures["queues.backlog.refuses"]
	altered.Value++
	if altered.Check(got["queues.backlog.refuses"].Value) == "" {
		t.Error("a kept value that is not measured any more passes")
	}
}
