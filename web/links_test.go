package web_test

import (
	"slices"
	"testing"

	"workbench/docs/guide"
	"workbench/docs/track"
	"workbench/exercises"
	"workbench/exercises/interview"
	"workbench/exercises/shelf"
	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/lab/scenario"
)

// TestRoomsLeadToOneAnother holds every link from one room to another to what
// is there: chapters, exercises, scenarios, patterns.
func TestRoomsLeadToOneAnother(t *testing.T) {
	books, err := shelf.Open(exercises.Files)
	if err != nil {
		t.Fatal(err)
	}
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	questions, err := interview.Load()
	if err != nil {
		t.Fatal(err)
	}
	tracks, err := track.All()
	if err != nil {
		t.Fatal(err)
	}
	exercise := func(from, slug string) {
		if _, err := books.Find(slug); slug != "" && err != nil {
			t.Errorf("%s leads to exercise %q, which is not there", from, slug)
		}
	}
	played := func(from, name string) {
		if name != "" && !slices.Contains(scenario.Names(), name) {
			t.Errorf("%s leads to scenario %q, which is not there", from, name)
		}
	}
	for _, c := range book.Chapters {
		for _, e := range c.Exercises {
			exercise("chapter "+c.Slug, e.Slug)
		}
		if len(c.Exercises) < 2 || len(c.Experiments()) < 3 || len(c.Questions) < 8 {
			t.Errorf("chapter %s has %d exercises, %d experiments, %d questions, want 2, 3 and 8", c.Slug, len(c.Exercises), len(c.Experiments()), len(c.Questions))
		}
	}
	for _, q := range questions.List(interview.Filter{}) {
		exercise("question "+q.ID, q.Links.Exercise)
		played("question "+q.ID, q.Links.Scenario)
		if q.Links.Chapter != "" && !slices.ContainsFunc(book.Chapters, func(c guide.Chapter) bool { return c.Slug == q.Links.Chapter }) {
			t.Errorf("question %s leads to chapter %q, which is not there", q.ID, q.Links.Chapter)
		}
	}
	for _, tr := range tracks {
		for _, slug := range tr.Exercises {
			exercise("track "+tr.Name, slug)
		}
		for _, h := range tr.Hazards {
			played("track "+tr.Name, h.Scenario)
		}
	}
	for _, e := range books.All() {
		if e.Pattern != "" && !slices.ContainsFunc(catalog.Patterns(), func(p lab.Pattern) bool { return p.Name == e.Pattern }) {
			t.Errorf("exercise %s is about pattern %q, which is not there", e.Slug, e.Pattern)
		}
	}
}
